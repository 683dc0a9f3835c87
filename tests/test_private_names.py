"""What our code takes from libraries that they do not promise to keep: private names, and shapes that no manual describes.

Each is looked at by itself, so that an upgrade which breaks one says which file relies on it, and what to do. A second list
is of the places where our sources name something private of somebody else's, so that none is added unnoticed.
"""

import ast
import asyncio
import dataclasses
import inspect
import logging
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
import httpcore2
import pytest
import sqlalchemy.util
import strawberry
import uvicorn
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    ValuesOfCorrectTypeRule,
    build_schema,
    parse,
    subscribe,  # pyright: ignore[reportUnknownVariableType]
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
from uvicorn.config import WS_PROTOCOLS
from uvicorn.supervisors import Multiprocess

from core.events import Transparency
from schema import stock_schema
from server.process.serve import WS

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "db", "resolvers", "schema", "server")


@strawberry.input
class Given:
    """An input of a schema that shows how Strawberry builds one."""

    number: int = 1


@strawberry.type
class Query:
    """A type with a field that is an attribute, and one that is a resolver."""

    plain: str = "plain"

    @strawberry.field
    def resolved(self, given: Given) -> int:
        return given.number


# --- aiosqlite


def running_tells_whether_it_is_open() -> bool:
    async def look() -> bool:
        connection = await aiosqlite.connect(":memory:")
        while_open = connection._running
        await connection.close()
        return while_open is True and connection._running is False

    return asyncio.run(look())


def tx_takes_a_future_and_a_function() -> bool:
    async def look() -> bool:
        async with aiosqlite.connect(":memory:") as connection:
            loop = asyncio.get_running_loop()
            good, bad = loop.create_future(), loop.create_future()
            connection._tx.put_nowait((good, threading.get_ident))
            connection._tx.put_nowait((bad, lambda: 1 // 0))
            elsewhere = await asyncio.wait_for(good, 5) != threading.get_ident()
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(bad, 5)
            return elsewhere

    return asyncio.run(look())


def conn_is_the_connection_of_sqlite3() -> bool:
    async def look() -> bool:
        async with aiosqlite.connect(":memory:") as connection:
            return isinstance(connection._conn, sqlite3.Connection)

    return asyncio.run(look())


# --- Strawberry


def schema_is_that_of_graphql_core() -> bool:
    return isinstance(strawberry.Schema(Query)._schema, GraphQLSchema)


def field_of(name: str) -> Any:
    """The field of graphql-core that Strawberry has made of one of `Query`."""
    root = strawberry.Schema(Query)._schema.query_type
    assert root is not None
    return root.fields[name]


def extensions_hold_the_field() -> bool:
    found = field_of("resolved").extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return GraphQLCoreConverter.DEFINITION_BACKREF == "strawberry-definition" and isinstance(found, StrawberryField)


def info_is_made_of_two() -> bool:
    return [field.name for field in dataclasses.fields(strawberry.Info)] == ["_raw_info", "_field"]


def a_plain_field_is_told_by_its_resolver() -> bool:
    plain, resolved = field_of("plain"), field_of("resolved")
    return (
        plain.resolve.__name__ == "_get_basic_result"
        and plain.extensions["strawberry-definition"].default_resolver is getattr
        and resolved.resolve.__name__ != "_get_basic_result"
    )


def a_field_shows_its_resolver_and_arguments() -> bool:
    field = field_of("resolved").extensions["strawberry-definition"]
    [argument] = field.arguments
    return (
        callable(field.base_resolver.wrapped_func)
        and not field.extensions
        and not field.permission_classes
        and (field.python_name, field.graphql_name) == ("resolved", None)
        and (argument.python_name, argument.graphql_name, argument.type) == ("given", None, Given)
    )


def a_type_bears_its_definition() -> bool:
    found = vars(Given)["__strawberry_definition__"]
    return (
        isinstance(found, StrawberryObjectDefinition)
        and found.is_input
        and found.origin is Given
        and [field.python_name for field in found.fields] == ["number"]
    )


def an_enum_bears_its_definition() -> bool:
    stock_schema()  # which describes it
    found = vars(Transparency)["__strawberry_definition__"]
    return isinstance(found, StrawberryEnumDefinition) and all(value.description for value in found.values)


def the_page_has_the_words_that_are_replaced() -> bool:
    text = get_graphql_ide_html("graphiql")
    return text.count("shouldPersistHeaders: true") == 1 and "<script>" in text


# --- graphql-core


def parameters(function: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters, without that of the instance."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


def executor_is_made_of_ten() -> bool:
    expected = "schema fragment_definitions fragments root_value context_value operation variable_values"
    return parameters(Executor.__init__)[:10] == [
        *expected.split(),
        *("field_resolver", "type_resolver", "subscribe_field_resolver"),
    ]


def executor_is_built_of_a_document() -> bool:
    names = parameters(Executor.build)
    first = ["schema", "document", "root_value", "context_value", "raw_variable_values", "operation_name"]
    return names[:6] == first and {"max_coercion_errors", "hide_suggestions", "custom_args"} <= set(names)


def strawberry_has_an_executor_of_that_kind() -> bool:
    stock = StrawberryGraphQLCoreExecutionContext
    return issubclass(stock, Executor) and "operation_extensions" in inspect.getsource(stock.__init__)


def executor_works_in_these_steps() -> bool:
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
    """An executor of graphql-core's own."""
    return Executor.build(build_schema("type Query { a: Query b: Int }"), parse("{ a { b } }"))


def executor_keeps_what_is_read() -> bool:
    executor = built()
    error = GraphQLError("wrong")
    executor.collected_errors.add(error, None)
    return (
        executor.variable_values.coerced == {}
        and not executor.is_awaitable(1)
        and executor.build_response(None).errors == [error]
    )


def fields_below_are_collected() -> bool:
    executor = built()
    collected = executor.collect_subfields(
        executor.schema.query_type, [FieldDetails(executor.operation.selection_set.selections[0], None)]
    )
    [[name, [below]]] = collected.grouped_field_set.items()
    return (name, below.fragment_variable_values, list(collected.new_defer_usages)) == ("b", None, [])


def what_is_made_by_hand_has_these_parts() -> bool:
    return (
        parameters(FieldDetails) == ["node", "defer_usage", "fragment_variable_values"]
        and parameters(FragmentDetails) == ["definition", "variable_signatures"]
        and parameters(VariableValues) == ["sources", "coerced"]
        and parameters(VariableValueSource) == ["signature", "value"]
    )


def variables_have_signatures() -> bool:
    document: Any = parse("query ($a: Int = 3) { a }")
    found = get_variable_signature(
        build_schema("type Query { a: Int }"), document.definitions[0].variable_definitions[0]
    )
    return isinstance(found, GraphQLVariableSignature) and (found.name, coerce_default_value(found)) == ("a", 3)


def inputs_tell_what_they_become() -> bool:
    found: Any = build_schema("input A { b: Int } type Query { c(a: A): Int }").type_map["A"]
    return (
        isinstance(found, GraphQLInputObjectType)
        and found.is_one_of is False
        and found.out_type({"b": 1}) == {"b": 1}
        and found.fields["b"].out_name is None
    )


def rules_may_end_the_validation() -> bool:
    class Ends(ValuesOfCorrectTypeRule):
        def report_error(self, error: Any) -> None:
            super().report_error(error)
            raise ValidationAbortedError("enough")

    schema = build_schema("type Query { c(a: Int): Int }")
    found = validate(schema, parse('{ c(a: "x") d: c(a: "y") }'), [Ends])
    return len(found) == 2 and found[-1].message == "enough"


def subscribe_takes_an_executor() -> bool:
    names = parameters(subscribe)
    return {"executor_class", "max_coercion_errors", "hide_suggestions", "variable_values"} <= set(names)


# --- Python


def a_log_record_is_its_dict() -> bool:
    made = logging.LogRecord("a", logging.INFO, "a.py", 1, "%(a)s", ({"a": "b"},), None)
    blank = logging.LogRecord("a", logging.INFO, "a.py", 1, "%(a)s", None, None)
    copy = logging.LogRecord.__new__(logging.LogRecord)
    copy.__dict__.update(blank.__dict__, args={"a": "b"}, created=made.created, msecs=made.msecs)
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    return vars(copy).keys() == vars(made).keys() and form.format(copy) == form.format(made)


def the_resource_tracker_can_be_started() -> bool:
    return parameters(resource_tracker.ensure_running) == []


# --- the others


def await_only_is_there() -> bool:
    return callable(sqlalchemy.util.await_only)


def every_start_of_a_worker_is_overridden() -> bool:
    tree = ast.parse(inspect.getsource(Multiprocess))
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    starting = {method.name for method in methods if "Process(" in ast.unparse(method)}
    return starting == {"init_processes", "keep_subprocess_alive", "handle_ttin", "restart_all"}


def workers_share_sockets() -> bool:
    return parameters(Multiprocess.__init__) == ["config", "sockets"] and callable(Multiprocess.terminate_all)


def uvicorn_speaks_websocket_in_this_way() -> bool:
    return WS in WS_PROTOCOLS


def uvicorn_listens_for_signals_by_signal() -> bool:
    server = uvicorn.Server(uvicorn.Config("server.app:from_environment", factory=True, log_config=None))
    with server.capture_signals():
        return signal.getsignal(signal.SIGTERM) == server.handle_exit


def httpcore2_shows_one_connection() -> bool:
    names = {"AsyncHTTPConnection", "AsyncNetworkBackend", "AnyIOBackend", "default_ssl_context"}
    return (
        names <= set(httpcore2.__all__)
        and {"origin", "ssl_context", "network_backend"} <= set(parameters(httpcore2.AsyncHTTPConnection))
        and parameters(httpcore2.AsyncNetworkBackend.connect_tcp)
        == ["host", "port", "timeout", "local_address", "socket_options"]
    )


class Relied(NamedTuple):
    """Something that we rely on."""

    #: whether it is as we rely on it to be; what it raises counts as no
    holds: Callable[[], bool]
    #: what is no longer so
    lost: str
    #: the files that rely on it
    where: tuple[str, ...]
    #: what to do about it
    advice: str


WRITER = "db/drivers/sqlite_writer.py"
ARGUMENTS = "server/graphql/compiled/arguments.py"
EXECUTOR = "server/graphql/compiled/executor.py"
RESULTS = "server/graphql/compiled/results.py"
VARIABLES = "server/graphql/compiled/variables.py"
DOCUMENTS = "server/graphql/documents.py"
ENGINE = "server/graphql/engine.py"
SERVE = "server/process/serve.py"

RELIED = [
    Relied(
        tx_takes_a_future_and_a_function,
        "aiosqlite.Connection has no _tx any more whose pairs of a future and a function its thread works off",
        (WRITER,),
        "it puts its transactions there; see how aiosqlite's _connection_worker_thread takes work now",
    ),
    Relied(
        conn_is_the_connection_of_sqlite3,
        "aiosqlite.Connection has no _conn any more that is the connection of sqlite3",
        (WRITER,),
        "its transactions execute on that; see where aiosqlite keeps it now",
    ),
    Relied(
        running_tells_whether_it_is_open,
        "aiosqlite.Connection has no _running any more that is False once it is closed",
        (WRITER,),
        "without it a write to a closed connection would wait for ever; see what aiosqlite's _execute asks now",
    ),
    Relied(
        schema_is_that_of_graphql_core,
        "strawberry.Schema has no _schema any more that is graphql-core's",
        ("server/app.py", ARGUMENTS),
        "they execute on it; see what Strawberry's Schema.execute passes to graphql-core now",
    ),
    Relied(
        extensions_hold_the_field,
        "GraphQLCoreConverter.DEFINITION_BACKREF is no longer 'strawberry-definition', with a StrawberryField under it",
        (ARGUMENTS, RESULTS),
        "they find Strawberry's field there; see what GraphQLCoreConverter.from_field puts into extensions now",
    ),
    Relied(
        info_is_made_of_two,
        "strawberry.Info is no longer made of _raw_info and _field alone",
        (ARGUMENTS,),
        "it makes one for every resolver; see _strawberry_info_from_graphql in Strawberry's schema_converter.py",
    ),
    Relied(
        a_plain_field_is_told_by_its_resolver,
        "a field without a resolver is no longer resolved by _get_basic_result, with getattr as its default_resolver",
        (RESULTS,),
        "it compiles only fields that it knows by that, and compiles none without; see Strawberry's from_resolver",
    ),
    Relied(
        a_field_shows_its_resolver_and_arguments,
        "StrawberryField no longer shows its resolver, arguments, extensions and permissions under their names",
        (ARGUMENTS,),
        "it calls base_resolver.wrapped_func itself; see what else Strawberry's from_resolver does around it now",
    ),
    Relied(
        a_type_bears_its_definition,
        "an input's class has no __strawberry_definition__ any more with is_input, origin and fields",
        (ARGUMENTS, RESULTS),
        "they read there what a class is; see strawberry.types.base.get_object_definition",
    ),
    Relied(
        an_enum_bears_its_definition,
        "an enum's class has no __strawberry_definition__ any more whose values take descriptions",
        ("schema/enums.py",),
        "it describes the values there; see strawberry.types.enum",
    ),
    Relied(
        the_page_has_the_words_that_are_replaced,
        "Strawberry's page for GraphiQL no longer says `shouldPersistHeaders: true` once, in a script of its own",
        ("server/graphiql/__init__.py",),
        "the browser would keep tokens on disk; see static/graphiql.html in Strawberry for what to replace now",
    ),
    Relied(
        executor_is_made_of_ten,
        "Executor.__init__ of graphql-core no longer takes the ten things that it took, in their order",
        (EXECUTOR,),
        "CompilingExecutor.build passes them by position; see the end of Executor.build for what it passes now",
    ),
    Relied(
        executor_is_built_of_a_document,
        "Executor.build of graphql-core no longer begins with the six parameters that it had, or lacks a named one",
        (EXECUTOR, ENGINE),
        "one overrides it and the other calls it; bring both in line with its new parameters",
    ),
    Relied(
        strawberry_has_an_executor_of_that_kind,
        "StrawberryGraphQLCoreExecutionContext is no longer an Executor that takes operation_extensions",
        (EXECUTOR, ENGINE),
        "CompilingExecutor inherits from it; see what Strawberry's Schema.execute passes as its executor now",
    ),
    Relied(
        executor_works_in_these_steps,
        "a method of graphql-core's Executor takes other parameters than it did",
        (EXECUTOR, RESULTS),
        "they override and call execute_operation, execute_field, complete_value, build_response, collect_subfields",
    ),
    Relied(
        executor_keeps_what_is_read,
        "graphql-core's Executor no longer keeps variable_values.coerced, collected_errors or is_awaitable",
        (EXECUTOR,),
        "it reads these; see Executor.__init__ for what they are called now",
    ),
    Relied(
        fields_below_are_collected,
        "Executor.collect_subfields no longer gives a grouped_field_set of FieldDetails and new_defer_usages",
        (RESULTS,),
        "it compiles what is grouped there; see CollectedFields in graphql-core's collect_fields.py",
    ),
    Relied(
        what_is_made_by_hand_has_these_parts,
        "FieldDetails, FragmentDetails, VariableValues or VariableValueSource of graphql-core has other parts",
        (EXECUTOR, VARIABLES),
        "they make these themselves; see Executor.build and get_variable_values for what goes in now",
    ),
    Relied(
        variables_have_signatures,
        "get_variable_signature no longer gives a GraphQLVariableSignature that coerce_default_value can read",
        (VARIABLES,),
        "it coerces variables by them; see get_variable_values in graphql-core's values.py",
    ),
    Relied(
        inputs_tell_what_they_become,
        "GraphQLInputObjectType of graphql-core no longer has is_one_of and out_type, or its fields no out_name",
        (VARIABLES,),
        "it builds input objects by them; see coerce_input_value in graphql-core",
    ),
    Relied(
        rules_may_end_the_validation,
        "a rule of graphql-core can no longer end the validation by raising ValidationAbortedError in report_error",
        (DOCUMENTS,),
        "it bounds by that how much errors quote; see how validate stops at max_errors now",
    ),
    Relied(
        subscribe_takes_an_executor,
        "subscribe of graphql-core no longer takes executor_class, max_coercion_errors and hide_suggestions",
        (ENGINE,),
        "it passes these; see subscribe for what they are called now",
    ),
    Relied(
        a_log_record_is_its_dict,
        "a logging.LogRecord is no longer all in its __dict__",
        ("server/http/access_log.py",),
        "it copies a blank record's __dict__; let it call access.info with extra={'facts': facts} instead",
    ),
    Relied(
        the_resource_tracker_can_be_started,
        "multiprocessing.resource_tracker.ensure_running is gone, or wants to be told something",
        (SERVE,),
        "it starts the tracker before it blocks Ctrl-C; see what multiprocessing's spawn starts first now",
    ),
    Relied(
        await_only_is_there,
        "sqlalchemy.util has no await_only any more",
        ("db/drivers/write_lock.py",),
        "begin_session waits by it; see what SQLAlchemy's dialect for aiosqlite awaits with now",
    ),
    Relied(
        every_start_of_a_worker_is_overridden,
        "uvicorn's Multiprocess starts processes in other methods than it did",
        (SERVE,),
        "_Workers overrides each that does, so that Ctrl-C is held back meanwhile; let it override these",
    ),
    Relied(
        workers_share_sockets,
        "uvicorn's Multiprocess is no longer made of config and sockets, or has no terminate_all",
        (SERVE,),
        "_Workers closes the sockets before it stops; see what Multiprocess.run does at its end now",
    ),
    Relied(
        uvicorn_speaks_websocket_in_this_way,
        "uvicorn no longer knows its way of speaking WebSocket by this name",
        (SERVE,),
        "it is asked for in WS; see WS_PROTOCOLS in uvicorn.config",
    ),
    Relied(
        uvicorn_listens_for_signals_by_signal,
        "uvicorn's Server no longer listens for signals by signal.signal",
        ("server/process/signals.py",),
        "told_to_stop puts itself in front of that handler; see how uvicorn hears of SIGTERM now",
    ),
    Relied(
        httpcore2_shows_one_connection,
        "httpcore2 no longer exports AsyncHTTPConnection and its network backends as they were",
        ("server/callbacks/http_client.py",),
        "it connects by a backend that looks at addresses first, which must go on being asked: see its AsyncConnectionPool",
    ),
]


@pytest.mark.parametrize("relied", RELIED, ids=lambda relied: relied.holds.__name__)
def test_what_we_rely_on_is_there(relied: Relied) -> None:
    try:
        holds, raised = relied.holds(), ""
    except Exception as error:
        holds, raised = False, f" ({type(error).__name__}: {error})"
    assert holds, f"{relied.lost}{raised}. {' and '.join(relied.where)}: {relied.advice}."


def test_the_files_that_rely_on_something_are_there() -> None:
    """A file that was renamed would be looked for in vain by whoever reads the sentence."""
    assert [file for relied in RELIED for file in relied.where if not (ROOT / file).is_file()] == []


# --- where our sources name something private of somebody else's

#: files, and the private names in them that belong to others; each has its line in RELIED
KNOWN = {
    (WRITER, "_conn"),
    (WRITER, "_running"),
    (WRITER, "_tx"),
    (ARGUMENTS, "_field"),
    (ARGUMENTS, "_raw_info"),
    (ARGUMENTS, "_schema"),
    (RESULTS, "_get_basic_result"),
    ("server/app.py", "_schema"),
    ("server/http/access_log.py", "__dict__"),
}
#: the same within one module, which a class may do with an instance that it has made
OWN = {
    (EXECUTOR, "_only"),
}
#: what a NamedTuple has in public, by its manual
PUBLIC = {"_asdict", "_fields", "_make", "_replace"}
#: shows the inside of an object without naming any of it
INSIDE = "__dict__"


def is_private(name: object) -> bool:
    """Whether a name begins with one underscore, or shows the inside of an object in another way."""
    if not isinstance(name, str) or not name.isidentifier() or name in PUBLIC:
        return False
    return name == INSIDE or (name.startswith("_") and not name.startswith("__") and name != "_")


def named(node: ast.AST) -> Iterator[object]:
    """What a node of a syntax tree names of an object that is neither `self` nor `cls`, as an attribute or in a string."""
    match node:
        case ast.Attribute(ast.Name("self" | "cls"), name):
            # asyncio asks for names of its own on our objects, too.
            if name.startswith("_asyncio"):
                yield name
        case ast.Attribute(_, name):
            yield name
        case ast.keyword(name):
            yield name
        case ast.ImportFrom(module, aliases, level):
            yield from (part for part in (module or "").split(".") if level == 0)
            yield from (alias.name for alias in aliases)
        case ast.Import(aliases):
            yield from (part for alias in aliases for part in alias.name.split("."))
        case ast.Call(ast.Name("getattr" | "hasattr" | "setattr" | "delattr" | "attrgetter"), [*given]) | ast.Compare(
            _, _, [*given]
        ):
            yield from (one.value for one in given if isinstance(one, ast.Constant))
        case _:
            pass


def private_names() -> set[tuple[str, str]]:
    """Every file of ours with every private name in it that may belong to somebody else."""
    return {
        (path.relative_to(ROOT).as_posix(), str(name))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in named(node)
        if is_private(name)
    }


def test_every_private_name_of_others_is_known() -> None:
    unknown = private_names() - KNOWN - OWN
    assert not unknown, (
        f"Private names that nothing looks after: {sorted(unknown)}. Give each a line in RELIED and in KNOWN."
    )


def test_no_known_private_name_is_out_of_use() -> None:
    gone = (KNOWN | OWN) - private_names()
    assert not gone, f"Names that are no longer used: {sorted(gone)}. Take them out of KNOWN or OWN, and out of RELIED."


def test_every_file_with_private_names_has_a_check() -> None:
    checked = {file for relied in RELIED for file in relied.where}
    assert {file for file, _ in KNOWN} <= checked


@pytest.mark.parametrize(
    "source",
    [
        "other._name",
        "super()._name",
        "made()._name = 1",
        "made(_name=1)",
        "getattr(other, '_name')",
        "other.__name__ != '_name'",
        "from package import _name",
        "from package._name import other",
        "import package._name",
    ],
)
def test_a_private_name_is_found_however_it_is_written(source: str) -> None:
    assert "_name" in {name for node in ast.walk(ast.parse(source)) for name in named(node) if is_private(name)}


@pytest.mark.parametrize("source", ["self._name", "cls._name", "_name", "made()._replace(a=1)", "_, other = made"])
def test_what_is_our_own_is_not(source: str) -> None:
    assert not any(is_private(name) for node in ast.walk(ast.parse(source)) for name in named(node))
