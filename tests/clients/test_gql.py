"""gql, the Python client, with a synchronous and an asynchronous transport."""

from typing import Any

import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from graphql import GraphQLError

from .conftest import Store

PUT_EVENT = "mutation PutEvent($input: UpsertEventInput!) { upsertEvent(input: $input) { created event { start } } }"
OPENINGS = "query Openings($input: AvailabilityInput!) { availability(input: $input) { availableSlots { start } } }"
OVERVIEW = '{ calendars { calendarId } availabilityRule(availabilityRuleId: "default") { tzid } }'

STARTS = [{"start": "2040-05-14T09:00:00Z"}, {"start": "2040-05-14T11:00:00Z"}]


def meeting(store: Store) -> dict[str, Any]:
    """An hour in the middle of the morning."""
    times = {"start": "2040-05-14T12:00:00+02:00", "end": "2040-05-14T13:00:00+02:00"}
    return {"input": {"calendarId": store.calendar_id, "event": {"eventId": "i1", "summary": "Interview", **times}}}


def when(store: Store, minutes: int) -> dict[str, Any]:
    """A query for the rest of that morning."""
    given = {
        "participants": [{"required": "all", "members": [{"sub": store.sub}]}],
        "requiredDuration": {"minutes": minutes},
        "queryPeriods": [{"start": "2040-05-14T09:00:00Z", "end": "2040-05-14T12:00:00Z"}],
        "responseFormat": "SLOTS",
    }
    return {"input": given}


def asked(document: str, variables: dict[str, Any]) -> GraphQLRequest:
    return GraphQLRequest(gql(document), variable_values=variables)


async def test_gql_loads_the_schema_from_the_server(store: Store) -> None:
    """By introspection, a deep document. A query that does not fit the schema is not even sent."""
    transport = HTTPXTransport(store.url, headers={"Authorization": f"Bearer {store.token}"})
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        made = session.execute(asked(PUT_EVENT, meeting(store)))
        assert made == {"upsertEvent": {"created": True, "event": {"start": "2040-05-14T10:00:00Z"}}}
        assert session.execute(asked(OPENINGS, when(store, 60))) == {"availability": {"availableSlots": STARTS}}
        with pytest.raises(GraphQLError, match="Cannot query field 'nothing'"):
            session.execute(gql("{ nothing }"))


async def test_gql_raises_a_refusal_with_the_partial_data(store: Store) -> None:
    """The exception has the errors as dicts, and the data beside them."""
    transport = HTTPXAsyncTransport(store.url, headers={"Authorization": f"Bearer {store.token}"})
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        with pytest.raises(TransportQueryError) as refused:
            await session.execute(asked(OPENINGS, when(store, 0)))
        [error] = refused.value.errors or []
        assert error["extensions"]["code"] == "UNPROCESSABLE"
        assert error["extensions"]["errors"]["requiredDuration"][0]["key"] == "errors.too_short"
        with pytest.raises(TransportQueryError) as partial:
            await session.execute(gql(OVERVIEW))
        assert partial.value.data == {"calendars": [{"calendarId": store.calendar_id}], "availabilityRule": None}
        assert [error["extensions"]["code"] for error in partial.value.errors or []] == ["NOT_FOUND"]
