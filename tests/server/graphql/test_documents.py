"""Documents: each is parsed once, the cache is bounded, and the log shows them without their values."""

from unittest.mock import Mock

import pytest
from graphql import GraphQLError, OperationType, parse

from schema import schema
from server.graphql.documents import (
    MAX_COMMENTS,
    MAX_ERRORS,
    MAX_KEPT_LENGTH,
    MAX_QUOTED,
    MAX_SOURCE_LENGTH,
    MAX_TOKENS,
    Documents,
    OperationInfo,
)
from tests.support.api import Api


@pytest.fixture
def backend() -> str:
    """SQLite only: these tests do not depend on the database."""
    return "sqlite"


def documents(size: int = 3) -> Documents:
    """An empty cache for that many documents of the real schema."""
    return Documents(schema._schema, size=size)


def operation(source: str, name: str | None = None) -> OperationInfo:
    """The operation of a document, which must have it."""
    found = documents().get(source).operation(name)
    assert isinstance(found, OperationInfo)
    return found


def complaint(source: str, name: str | None = None) -> str:
    """The error message if a document has no such operation."""
    found = documents().get(source).operation(name)
    assert isinstance(found, GraphQLError)
    return found.message


def test_the_same_source_is_parsed_once() -> None:
    """An application sends the same few documents over and over."""
    cache = documents()
    document = cache.get("{ __typename }")
    assert cache.get("{ __typename }") is document
    assert cache.get("{ __typename  }") is not document


async def test_requests_with_the_same_documents_are_parsed_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all variables, and for any operation of a document."""
    parser = Mock(wraps=parse)
    monkeypatch.setattr("server.graphql.documents.parse", parser)
    sources = {
        "query A($yes: Boolean!) { a: __typename @include(if: $yes) } query B { b: __typename }": ("A", "B"),
        "query ($input: AvailabilityInput!) { availability(input: $input) { __typename } }": (None,),
        "{ nothing }": (None,),
        "{ " + "a " * 60 + "}": (None,),
    }
    for n in range(25):
        for query, names in sources.items():
            for name in names:
                variables = {"yes": n % 2 == 0, "input": {"participants": [], "requiredDuration": {"minutes": n}}}
                given = {"query": query, "operationName": name, "variables": variables}
                await api.http.post("/graphql", json=given)
                await api.http.get("/graphql", params={"query": query, "operationName": name or ""})
    assert sorted(call.args[0] for call in parser.call_args_list) == sorted(sources)


def test_invalid_documents_are_cached_too() -> None:
    """So that sending one in a loop costs one validation."""
    cache = documents()
    for source in ("{", "{ nothing }"):
        document = cache.get(source)
        assert document.errors
        assert cache.get(source) is document


def test_the_least_recently_used_document_is_evicted() -> None:
    """Not the oldest: frequently used documents stay."""
    cache = documents(size=2)
    first, second = cache.get("{ a: __typename }"), cache.get("{ b: __typename }")
    assert cache.get("{ a: __typename }") is first
    cache.get("{ c: __typename }")
    assert cache.get("{ a: __typename }") is first
    assert cache.get("{ b: __typename }") is not second


def test_the_cache_is_bounded_by_length_too() -> None:
    """A document takes about a hundred times its length in memory: a thousand long ones would exhaust it."""
    cache = documents(size=1_000)
    for number in range(60):
        cache.get(f"# {number} {'x' * 49_000}\n{{ __typename }}")
    assert 0 < cache._documents.size <= MAX_KEPT_LENGTH


def test_a_document_that_is_too_long_is_not_cached() -> None:
    """It may be as long as a body, and refusing it again costs next to nothing."""
    cache = documents()
    assert cache.get("#" * (MAX_SOURCE_LENGTH + 1)).errors
    assert len(cache._documents) == 0


@pytest.mark.parametrize(
    "source",
    [
        "{" + "a " * MAX_TOKENS + "}",
        "#\n" * (MAX_COMMENTS + 1) + "{ __typename }",
        "{ __typename }".ljust(MAX_SOURCE_LENGTH + 1),
        "{ calendars" * 500,
    ],
    ids=["tokens", "comments", "length", "depth"],
)
def test_parsing_is_aborted_at_its_limits(source: str) -> None:
    """With a single error that says so."""
    document = documents().get(source)
    assert document.ast is None
    assert len(document.errors) == 1
    assert "aborted" in document.errors[0].message


def test_the_number_of_errors_of_a_document_is_limited() -> None:
    """The first few help; ten thousand are an attack."""
    fields = " ".join(f"nothing{n}" for n in range(1_000))
    assert len(documents().get(f"{{ calendars {{ {fields} }} }}").errors) == MAX_ERRORS + 1


@pytest.mark.parametrize(("length", "reported"), [(10, MAX_ERRORS), (MAX_QUOTED // 2, 2), (MAX_QUOTED, 1)])
def test_the_total_length_of_quoted_values_is_limited(length: int, reported: int) -> None:
    """An error quotes the invalid value, which may be as long as the document."""
    value = f'{{f0: 1, f1: 1, f2: 1, f3: 1, f4: 1, f5: "{"x" * length}"}}'
    *errors, last = documents().get(f"{{ availability(input: {value}) {{ __typename }} }}").errors
    assert len(errors) == reported
    assert sum(len(error.message) for error in errors) < 2 * MAX_QUOTED
    assert "aborted" in last.message


def test_only_one_of_several_operations_needs_a_name() -> None:
    """Guessing which one is meant could execute the wrong one."""
    assert operation("query A { __typename } fragment F on Query { __typename }".partition("fragment")[0]).name
    assert "Several" in complaint("query A { __typename } query B { __typename }")
    chosen = operation("query A { __typename } query B { __typename }", "B")
    assert chosen.name == "B"


def test_an_unknown_operation_name_is_refused_in_a_short_message() -> None:
    """Even for the only operation. The name comes from the client and is not repeated in full."""
    assert complaint("query A { __typename }", "B") == "No operation is named 'B'."
    assert complaint("{ __typename }", "B") == "No operation is named 'B'."
    assert len(complaint("{ __typename }", "x" * 100_000)) < 100


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('query A { availabilityRule(availabilityRuleId: "secret") { tzid } }', "query A"),
        ('{ availabilityRule(availabilityRuleId: "secret") { tzid } }', "query {availabilityRule}"),
        ("{ secret: calendars { calendarId } userInfo { sub } }", "query {calendars,userInfo}"),
        ('mutation { deleteEvent(input: {calendarId: "secret", eventId: "e"}) { deleted } }', "mutation {deleteEvent}"),
        ("{ ...F } fragment F on Query { __typename }", "query {}"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(9)) + "}", "query {" + ",".join(["__typename"] * 5) + "}"),
    ],
)
def test_a_description_shows_no_arguments_and_no_aliases(source: str, shown: str) -> None:
    """Arguments may contain the text of an event."""
    assert operation(source).log_name == shown


def test_a_description_is_short() -> None:
    """A name may be as long as a document."""
    assert operation(f"query {'x' * 100_000} {{ __typename }}").log_name == f"query {'x' * 64}"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("{ one: calendars { calendarId } two: calendars { calendarName } }", "calendars"),
        ("{ calendars { calendarId } userInfo { sub } }", "several"),
        ("{ ...F } fragment F on Query { __typename }", "several"),
    ],
)
def test_metric_labels_do_not_contain_names_from_clients(source: str, field: str) -> None:
    """Each label is another time series."""
    assert operation(source).metric_name == field


def test_an_operation_has_its_kind() -> None:
    """GET is allowed for queries only."""
    assert operation("{ __typename }").kind is OperationType.QUERY
    assert operation("mutation { deleteAvailablePeriods { deleted } }").kind is OperationType.MUTATION
