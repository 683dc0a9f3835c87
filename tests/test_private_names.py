"""Internals of libraries that our code relies on: private names, and behaviour that no manual describes.

Each has a check of its own, so that an upgrade that breaks one fails with a sentence that names the file to change, and
where in the library to look. test_private_access.py finds every private name that our sources use.
"""

import asyncio
import dataclasses
import inspect
import logging
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import sqlalchemy.util
import strawberry
from graphql import (
    GraphQLError,
    GraphQLSchema,
    ValuesOfCorrectTypeRule,
    build_schema,
    parse,
    validate,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value
from graphql.validation.validate import ValidationAbortedError
from strawberry.http.ides import get_graphql_ide_html
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from core.events import Transparency
from schema import stock_schema

from .support.library_checks import Check, add_check
from .support.waiting import TIMEOUT

ROOT = Path(__file__).parents[1]
WRITER = "db/drivers/sqlite_writer.py"
ARGUMENTS = "server/graphql/compiled/arguments.py"
EXECUTOR = "server/graphql/compiled/executor.py"
RESULTS = "server/graphql/compiled/results.py"
VARIABLES = "server/graphql/compiled/variables.py"
ENGINE = "server/graphql/engine.py"

CHECKS: list[Check] = []
relied_on = partial(add_check, CHECKS)


@strawberry.input
class Given:
    """An input type as Strawberry builds it."""

    number: int = 1


@strawberry.type
class Query:
    """A type with a field that is an attribute, and one with a resolver."""

    plain: str = "plain"

    @strawberry.field
    def resolved(self, given: Given) -> int:
        return given.number


# --- aiosqlite


@relied_on(WRITER, see="what aiosqlite's _execute checks; without it a write to a closed connection waits for ever")
async def running_is_false_once_closed() -> bool:
    """aiosqlite.Connection._running is False once the connection is closed."""
    connection = await aiosqlite.connect(":memory:")
    while_open = connection._running
    await connection.close()
    return while_open is True and connection._running is False


@relied_on(WRITER, see="aiosqlite's _connection_worker_thread")
async def tx_is_a_queue_of_futures_and_functions() -> bool:
    """aiosqlite.Connection._tx is a queue of pairs of a future and a function, which its thread calls."""
    async with aiosqlite.connect(":memory:") as connection:
        loop = asyncio.get_running_loop()
        good, bad = loop.create_future(), loop.create_future()
        connection._tx.put_nowait((good, threading.get_ident))
        connection._tx.put_nowait((bad, lambda: 1 // 0))
        elsewhere = await asyncio.wait_for(good, TIMEOUT) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(bad, TIMEOUT)
        return elsewhere


@relied_on(WRITER, see="where aiosqlite stores its connection")
async def conn_is_the_connection_of_sqlite3() -> bool:
    """aiosqlite.Connection._conn is the connection of sqlite3."""
    async with aiosqlite.connect(":memory:") as connection:
        return isinstance(connection._conn, sqlite3.Connection)


# --- Strawberry


@relied_on("server/app.py", ARGUMENTS, see="what Strawberry's Schema.execute passes to graphql-core")
def schema_is_a_graphql_core_schema() -> bool:
    """strawberry.Schema._schema is the schema of graphql-core."""
    return isinstance(strawberry.Schema(Query)._schema, GraphQLSchema)


def field_of(name: str) -> Any:
    """The graphql-core field that Strawberry has built for a field of `Query`."""
    root = strawberry.Schema(Query)._schema.query_type
    assert root is not None
    return root.fields[name]


@relied_on(ARGUMENTS, RESULTS, see="GraphQLCoreConverter.from_field")
def extensions_contain_the_field() -> bool:
    """The extensions of a field have its StrawberryField under 'strawberry-definition'."""
    found = field_of("resolved").extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return GraphQLCoreConverter.DEFINITION_BACKREF == "strawberry-definition" and isinstance(found, StrawberryField)


@relied_on(ARGUMENTS, "schema/selection.py", see="_strawberry_info_from_graphql in Strawberry's schema_converter.py")
def info_has_two_fields() -> bool:
    """strawberry.Info is built from _raw_info and _field alone."""
    return [field.name for field in dataclasses.fields(strawberry.Info)] == ["_raw_info", "_field"]


@relied_on(RESULTS, see="Strawberry's from_resolver; otherwise no field is compiled")
def a_plain_field_is_resolved_by_get_basic_result() -> bool:
    """A field without a resolver is resolved by _get_basic_result, with getattr as its default_resolver."""
    plain, resolved = field_of("plain"), field_of("resolved")
    return (
        plain.resolve.__name__ == "_get_basic_result"
        and plain.extensions["strawberry-definition"].default_resolver is getattr
        and resolved.resolve.__name__ != "_get_basic_result"
    )


@relied_on(ARGUMENTS, see="what Strawberry's from_resolver does around base_resolver.wrapped_func")
def a_field_has_its_resolver_and_arguments() -> bool:
    """StrawberryField has its resolver, arguments, extensions and permissions in attributes."""
    field = field_of("resolved").extensions["strawberry-definition"]
    [argument] = field.arguments
    return (
        callable(field.base_resolver.wrapped_func)
        and not field.extensions
        and not field.permission_classes
        and (field.python_name, field.graphql_name) == ("resolved", None)
        and (argument.python_name, argument.graphql_name, argument.type) == ("given", None, Given)
    )


@relied_on(ARGUMENTS, RESULTS, see="strawberry.types.base.get_object_definition")
def a_type_has_its_definition() -> bool:
    """The class of an input has __strawberry_definition__ with is_input, origin and fields."""
    found = vars(Given)["__strawberry_definition__"]
    return (
        isinstance(found, StrawberryObjectDefinition)
        and found.is_input
        and found.origin is Given
        and [field.python_name for field in found.fields] == ["number"]
    )


@relied_on("schema/enums.py", see="strawberry.types.enum")
def an_enum_has_its_definition() -> bool:
    """The class of an enum has __strawberry_definition__, whose values have descriptions."""
    stock_schema()  # adds the descriptions
    found = vars(Transparency)["__strawberry_definition__"]
    return isinstance(found, StrawberryEnumDefinition) and all(value.description for value in found.values)


@relied_on("server/graphiql/__init__.py", see="Strawberry's static/graphiql.html, or tokens stay on disk")
def graphiql_has_the_text_that_is_replaced() -> bool:
    """Strawberry's GraphiQL page contains `shouldPersistHeaders: true` once, in an inline script."""
    text = get_graphql_ide_html("graphiql")
    return text.count("shouldPersistHeaders: true") == 1 and "<script>" in text


# --- graphql-core


def parameters(function: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters, without that of the instance."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


@relied_on(EXECUTOR, see="the end of Executor.build; CompilingExecutor passes them by position")
def executor_takes_ten_parameters() -> bool:
    """Executor.__init__ of graphql-core takes these ten parameters first, in this order."""
    expected = (
        "schema fragment_definitions fragments root_value context_value operation variable_values "
        "field_resolver type_resolver subscribe_field_resolver"
    )
    return parameters(Executor.__init__)[:10] == expected.split()


@relied_on(EXECUTOR, ENGINE, see="Executor.build, which one overrides and the other calls")
def executor_build_takes_these_parameters() -> bool:
    """Executor.build of graphql-core takes these six parameters first, and others by name."""
    names = parameters(Executor.build)
    first = ["schema", "document", "root_value", "context_value", "raw_variable_values", "operation_name"]
    return names[:6] == first and {"max_coercion_errors", "hide_suggestions", "custom_args"} <= set(names)


@relied_on(EXECUTOR, ENGINE, see="the executor that Strawberry's Schema.execute passes")
def strawberry_s_executor_is_an_executor() -> bool:
    """StrawberryGraphQLCoreExecutionContext is an Executor, and takes operation_extensions."""
    stock = StrawberryGraphQLCoreExecutionContext
    return issubclass(stock, Executor) and "operation_extensions" in inspect.getsource(stock.__init__)


@relied_on(EXECUTOR, RESULTS, see="these methods, which they override and call")
def executor_methods_take_these_parameters() -> bool:
    """The methods of graphql-core's Executor for the steps of an execution take these parameters."""
    return (
        parameters(Executor.execute_operation) == ["serially"]
        and parameters(Executor.execute_field)
        == ["parent_type", "source", "field_details_list", "path", "position_context"]
        and parameters(Executor.complete_value)
        == ["return_type", "field_details_list", "info", "path", "result", "position_context"]
        and parameters(Executor.build_response) == ["data"]
        and parameters(Executor.collect_subfields) == ["return_type", "field_details_list"]
    )


def built() -> Any:
    """An executor of graphql-core."""
    return Executor.build(build_schema("type Query { a: Query b: Int }"), parse("{ a { b } }"))


@relied_on(EXECUTOR, see="Executor.__init__")
def executor_has_these_attributes() -> bool:
    """graphql-core's Executor has variable_values.coerced, collected_errors and is_awaitable."""
    executor = built()
    error = GraphQLError("wrong")
    executor.collected_errors.add(error, None)
    return (
        executor.variable_values.coerced == {}
        and not executor.is_awaitable(1)
        and executor.build_response(None).errors == [error]
    )


@relied_on(RESULTS, see="CollectedFields in graphql-core's collect_fields.py")
def subfields_are_grouped() -> bool:
    """Executor.collect_subfields returns a grouped_field_set of FieldDetails, and new_defer_usages."""
    executor = built()
    collected = executor.collect_subfields(
        executor.schema.query_type, [FieldDetails(executor.operation.selection_set.selections[0], None)]
    )
    [[name, [below]]] = collected.grouped_field_set.items()
    return (name, below.fragment_variable_values, list(collected.new_defer_usages)) == ("b", None, [])


@relied_on(EXECUTOR, VARIABLES, see="Executor.build and get_variable_values")
def records_built_by_hand_have_these_fields() -> bool:
    """The records of graphql-core that we build ourselves have these fields."""
    return (
        parameters(FieldDetails) == ["node", "defer_usage", "fragment_variable_values"]
        and parameters(FragmentDetails) == ["definition", "variable_signatures"]
        and parameters(VariableValues) == ["sources", "coerced"]
        and parameters(VariableValueSource) == ["signature", "value"]
    )


@relied_on(VARIABLES, see="get_variable_values in graphql-core's values.py")
def variables_have_signatures() -> bool:
    """get_variable_signature returns a GraphQLVariableSignature for coerce_default_value."""
    document: Any = parse("query ($a: Int = 3) { a }")
    schema = build_schema("type Query { a: Int }")
    found = get_variable_signature(schema, document.definitions[0].variable_definitions[0])
    return isinstance(found, GraphQLVariableSignature) and (found.name, coerce_default_value(found)) == ("a", 3)


@relied_on("server/graphql/documents.py", see="how validate stops at max_errors")
def rules_can_abort_the_validation() -> bool:
    """A rule of graphql-core can abort the validation by raising ValidationAbortedError in report_error."""

    class Ends(ValuesOfCorrectTypeRule):
        def report_error(self, error: Any) -> None:
            super().report_error(error)
            raise ValidationAbortedError("enough")

    schema = build_schema("type Query { c(a: Int): Int }")
    found = validate(schema, parse('{ c(a: "x") d: c(a: "y") }'), [Ends])
    return len(found) == 2 and found[-1].message == "enough"


# --- others


@relied_on("server/http/access_log.py", see="logging.LogRecord, or log with extra={'facts': facts} instead")
def a_log_record_is_its_dict() -> bool:
    """A logging.LogRecord has all of its state in __dict__."""
    made = logging.LogRecord("a", logging.INFO, "a.py", 1, "%(a)s", ({"a": "b"},), None)
    blank = logging.LogRecord("a", logging.INFO, "a.py", 1, "%(a)s", None, None)
    copy = logging.LogRecord.__new__(logging.LogRecord)
    copy.__dict__.update(blank.__dict__, args={"a": "b"}, created=made.created, msecs=made.msecs)
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    return vars(copy).keys() == vars(made).keys() and form.format(copy) == form.format(made)


@relied_on("db/drivers/write_lock.py", see="how SQLAlchemy's dialect for aiosqlite awaits")
def await_only_exists() -> bool:
    """sqlalchemy.util has await_only."""
    return callable(sqlalchemy.util.await_only)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.holds.__name__)
def test_the_internals_that_we_rely_on_are_unchanged(check: Check) -> None:
    assert not check.failure()


def test_the_files_in_failure_messages_exist() -> None:
    assert [file for check in CHECKS for file in check.files if not (ROOT / file).is_file()] == []
