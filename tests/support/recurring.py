"""Requests about events that recur, as several test modules send them."""

from typing import Any

from sqlalchemy import text

from server.process.series_expansion import SeriesExpansion

from .api import Account, Api
from .builders import event_input
from .graphql_queries import DELETE_EVENT

FIELDS = "eventId eventUid summary start end recurrence recurrenceId deleted created updated"
UPSERT = f"mutation ($input: UpsertEventInput!) {{ upsertEvent(input: $input) {{ created event {{ {FIELDS} }} }} }}"
LISTED = f"query ($input: EventsInput!) {{ events(input: $input, first: 1000) {{ nodes {{ {FIELDS} }} }} }}"

WEEKLY = ["RRULE:FREQ=WEEKLY"]


def recurring(*lines: str, event_id: str = "standup", **more: Any) -> dict[str, Any]:
    """An event that recurs, from 9 to 10 on Tuesday, 2027-01-19, at first; every week unless lines are given."""
    return event_input(event_id, **{"recurrence": [*lines] or WEEKLY, **more})


def instance(of: str, start: str, end: str, event_id: str = "standup", **more: Any) -> dict[str, Any]:
    """What the instance of this original start is to be."""
    return event_input(event_id, start, end, recurrenceId=of, **more)


async def upsert(api: Api, whose: Account, event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Upserts the event; returns the payload. `more` are further fields of the input."""
    given = {"calendarId": whose.calendar_id, "event": event, **more}
    return (await api.data(UPSERT, whose.token, input=given))["upsertEvent"]


async def refusal(api: Api, whose: Account, event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What an upsert is refused with."""
    return await api.refusal(UPSERT, whose.token, input={"calendarId": whose.calendar_id, "event": event, **more})


async def delete(api: Api, whose: Account, event_id: str = "standup", **more: Any) -> bool:
    """Deletes an event, or instances of one. Returns whether there was one."""
    given = {"calendarId": whose.calendar_id, "eventId": event_id, **more}
    return (await api.data(DELETE_EVENT, whose.token, input=given))["deleteEvent"]["deleted"]


async def listed(api: Api, whose: Account, **window: Any) -> list[dict[str, Any]]:
    """The events of the account."""
    return (await api.data(LISTED, whose.token, input=window))["events"]["nodes"]


async def starts(api: Api, whose: Account, **window: Any) -> list[str]:
    """When the events of the first five weeks begin: month, day and time."""
    window = {"to": "2027-02-22T00:00:00Z", **window}
    return [event["start"][5:16] for event in await listed(api, whose, **window)]


async def expand(api: Api) -> int:
    """Expands all series that are due, as a server does once an hour. Returns their number."""
    return await SeriesExpansion(api.db, lambda: api.now, pause=0).expand()


async def let_tokens_last(api: Api) -> None:
    """Makes all tokens valid for ever, for tests in which weeks go by."""
    async with api.db.write() as session:
        await (await session.connection()).execute(text("UPDATE tokens SET expires_at = NULL"))
