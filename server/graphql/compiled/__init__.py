"""Compiled execution: functions generated once per schema and document.

graphql-core works out for every value of every request what depends on the schema and the document alone. Here it is
worked out once and compiled into functions: for the arguments of root fields (arguments.py), for variables
(variables.py), for an operation with a single field (executor.py), and for plain data in results (results.py).

A compiled function handles the ordinary case and raises on everything else. graphql-core then repeats the step from the
start, so every unusual case, including the words and path of an error, is its own.

This relies on private names of graphql-core 3.3. Tests compare it with stock execution.
"""

from .arguments import compiled_schema
from .executor import CompilingExecutor, Plans
from .variables import Coercion

__all__ = ["Coercion", "CompilingExecutor", "Plans", "compiled_schema"]
