"""The size of answers: documents multiplied out before execution, bytes added up before an answer is written."""

from typing import Any

import orjson
import pytest
from graphql import OperationDefinitionNode, parse
from hypothesis import given
from hypothesis import strategies as st

from core.limits import NAME_LENGTH, Limits
from schema import schema
from server.graphql.answer_size import MAX_ANSWER, AnswerSize, answer_size, is_too_large
from tests.support.api import Api
from tests.support.graphql_queries import UPSERT_EVENTS

EVENTS = "{ events(input: {}, first: 1000) { nodes { %s } } }"


def size(source: str) -> AnswerSize:
    """The size that the answer to a document may have."""
    document = parse(source)
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return answer_size(schema._schema, document, operation, Limits(max_page=1000))


def values(source: str) -> int:
    return size(source).values


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("{ __typename }", 1),
        ("{ userInfo { sub name } }", 3),
        ("{ events(input: {}, first: 7) { nodes { eventId } } }", 1 + 7 * 2),
        ("{ events(input: {}, first: 7) { edges { cursor node { eventId } } } }", 1 + 7 * 4),
        ("{ events(input: {}) { nodes { eventId } } }", 1 + 100 * 2),
        ("query ($n: Int!) { events(input: {}, first: $n) { nodes { eventId } } }", 1 + 1000 * 2),
        ("{ a: events(input: {}, first: 7) { ...F } b: events(input: {}, first: 2) { ...F } } "
         "fragment F on EventConnection { nodes { eventId ... on Event { summary } } }", 2 + 9 * 3),
        ("{ __schema { types { name } } }", 1),
        ("{ accounts(first: 7) { nodes { name calendars { id } } } }", 1 + 7 * (2 + 40 * 2)),
        ('{ node(id: "x") { ... on Account { calendars { events(input: {}, first: 2) { nodes { id } } } } } }',
         1 + 40 * (2 + 2 * 2)),
        ("{ accounts(first: 3) { nodes { events(input: {}, first: 2) { nodes { calendar { account { id } } } } } } }",
         1 + 3 * (2 + 2 * 4)),
    ],
)  # fmt: skip
def test_a_list_multiplies_what_is_below_it(source: str, count: int) -> None:
    """By `first`, by its default, by the largest page where a variable says it; in fragments as anywhere."""
    assert values(source) == count


def test_an_availability_is_as_long_as_its_limits_allow() -> None:
    query = (
        "query ($i: AvailabilityInput!) { availability(input: $i) { availableSlots { start participants { sub } } } }"
    )
    assert values(query) == 1 + 512 * (1 + 1 + 10 * 2)


def test_a_sequence_is_as_long_as_its_limits_allow() -> None:
    """Ten steps with ten people each. It is not so large that its bytes have to be counted."""
    query = """query ($i: SequencedAvailabilityInput!) {
      sequencedAvailability(input: $i) {
        sequences { start end sequence { sequenceId start end participants { sub } } }
      }
    }"""
    assert values(query) == 1 + 512 * (1 + 2 + 10 * (1 + 3 + 10 * 2))
    assert size(query).bytes < MAX_ANSWER


def test_the_names_of_those_who_meet_are_not_so_many_that_bytes_have_to_be_counted() -> None:
    """Counting them takes a sixth of the time of a large answer."""
    people = "participants { sub account { name accountId } }"
    query = (
        f"query ($i: AvailabilityInput!) {{ availability(input: $i) {{ availableSlots {{ start end {people} }} }} }}"
    )
    assert size(query).bytes < MAX_ANSWER
    assert size(query.replace("name", "name events(input: {}) { nodes { description } }")).bytes > MAX_ANSWER


@pytest.mark.parametrize("name", ["\x01" * NAME_LENGTH, "é" * NAME_LENGTH, "👩" * NAME_LENGTH, '"' * NAME_LENGTH])
def test_the_size_of_a_name_is_a_bound_for_every_name(name: str) -> None:
    """Control characters take most: \\u0001."""
    answer = {"data": {"account": {"name": name, "accountId": name}}}
    assert size('{ account(sub: "x") { name accountId } }').bytes >= len(orjson.dumps(answer["data"]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_bytes_are_counted_as_they_are_written(data: Any) -> None:
    """Never fewer than there are, and not many more: a few for each value."""
    written = len(orjson.dumps(data))
    large = AnswerSize(0, 1 << 60)
    assert not is_too_large(data, large, 2 * written + 16)
    assert is_too_large(data, large, written - 1)


async def test_an_answer_that_could_have_too_many_values_is_not_executed(api: Api) -> None:
    person = await api.application_calendar("person")
    api.engine.max_answer_values = 4_000
    refused = await api.refusal(EVENTS % "eventUid summary start end", person.token)
    assert (refused["code"], refused["limit"]) == ("QUERY_TOO_COMPLEX", "answer_values")
    assert refused["found"] == 1 + 1000 * 5


async def test_an_answer_that_is_too_large_is_never_put_together(api: Api) -> None:
    """Each text once in memory, asked for under many names: the error says what to ask for instead."""
    person = await api.application_calendar("person")
    event = {"summary": "s", "start": "2027-01-11T09:00:00Z", "end": "2027-01-11T10:00:00Z", "description": "é" * 4096}
    events = [{**event, "eventId": f"e{n}"} for n in range(100)]
    await api.data(UPSERT_EVENTS, person.token, input={"calendarId": person.calendar_id, "events": events})
    api.engine.max_answer = 3_000_000
    assert len((await api.data(EVENTS % "description", person.token))["events"]["nodes"]) == 100
    body = await api(EVENTS % " ".join(f"a{n}: description" for n in range(4)), person.token)
    assert "data" not in body
    [error] = body["errors"]
    assert error["extensions"] == {"code": "ANSWER_TOO_LARGE", "most": 3_000_000}
    assert "OPENINGS_MAX_ANSWER" in error["message"]
