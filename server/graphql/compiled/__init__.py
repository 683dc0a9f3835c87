"""Execution that is put together once: for a document, what its variables, and its plain data, come to.

graphql-core finds out for every request, and for every value in it, what follows from the schema and the document alone. Here
it is found out once and written down as functions: for variables (coercion.py), for the only field of an operation
(executor.py), and for the plain data of an answer (reading.py).

Such a function takes only what is as it should be, and raises at anything else. Then it is as if it had never been tried:
graphql-core does the same from the start, and all that is unusual is its own to deal with, down to an error's words and path.

This rests on names of graphql-core 3.3 that are not promised to stay. Tests compare it with stock execution.
"""

from .arguments import compiled_schema
from .executor import CompilingExecutor, Plans
from .variables import Coercion

__all__ = ["Coercion", "CompilingExecutor", "Plans", "compiled_schema"]
