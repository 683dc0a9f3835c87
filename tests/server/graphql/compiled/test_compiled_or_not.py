"""OPENINGS_COMPILED=0 leaves everything to graphql-core, with the same responses."""

from typing import Any

import pytest

from server.graphql.compiled import CompilingExecutor
from tests.conftest import NOW
from tests.support.api import Account, Api

UPSERT_EVENT = """
mutation ($input: UpsertEventInput!) {
  upsertEvent(input: $input) { created event { eventId start end status location { lat } } }
}
"""
AVAILABILITY = """
query Meet($input: AvailabilityInput!, $yes: Boolean! = true) {
  availability(input: $input) { availableSlots @include(if: $yes) { start end participants { sub } } availablePeriods { start } }
}
"""
SEVERAL = """
{ one: calendars { ...F } two: calendars { ...F } userInfo { sub __typename } }
fragment F on Calendar { name: calendarName }
"""


def requests(person: Account) -> list[tuple[str, dict[str, Any]]]:
    """Valid and invalid requests: one field and several, variables of the right and the wrong type."""
    event = {"eventId": "e1", "summary": "Away", "start": "2027-01-19T10:00:00Z", "end": "2027-01-19T11:00:00Z"}
    upsert = {"calendarId": person.calendar_id, "event": event}
    asked = {
        "participants": [{"members": [{"sub": person.sub}], "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}],
        "responseFormat": "SLOTS",
    }
    return [
        (UPSERT_EVENT, {"input": upsert}),
        (UPSERT_EVENT, {"input": {**upsert, "event": {**event, "start": "today", "url": "ftp://x"}}}),
        (UPSERT_EVENT, {"input": {**upsert, "event": {**event, "summary": 7, "colour": "red"}}}),
        (UPSERT_EVENT, {"input": {**upsert, "calendarId": "cal_unknown"}}),
        (UPSERT_EVENT, {}),
        (AVAILABILITY, {"input": asked}),
        (AVAILABILITY, {"input": asked, "yes": False}),
        (AVAILABILITY, {"input": {**asked, "participants": asked["participants"][0]}}),
        (AVAILABILITY, {"input": {**asked, "responseFormat": "MINUTES"}}),
        (AVAILABILITY, {"input": {**asked, "queryPeriods": [{"start": "soon", "end": None}]}}),
        (SEVERAL, {}),
    ]


@pytest.mark.parametrize("memory", [0, 64])
async def test_compiled_and_stock_answers_are_equal(
    database_url: str, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = 0
    build = CompilingExecutor.build.__func__  # pyright: ignore[reportFunctionMemberAccess]: of a classmethod

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal built
        built += 1
        return build(*args, **kwargs)

    monkeypatch.setattr(CompilingExecutor, "build", classmethod(counted))
    async with (
        Api.open(database_url, NOW, compiled=True, memory=memory) as api,
        Api.open(database_url, NOW, compiled=False, memory=memory) as stock,
    ):
        person = await api.application_calendar("person")
        for query, variables in requests(person):
            before = built
            theirs = await stock(query, person.token, **variables)
            assert built == before
            ours = await api(query, person.token, **variables)
            assert built == before + 1
            if query == UPSERT_EVENT and "data" in theirs and theirs["data"]["upsertEvent"] is not None:
                assert theirs["data"]["upsertEvent"].pop("created") is True
                assert ours["data"]["upsertEvent"].pop("created") is False
            assert ours == theirs
