"""Writes for the tests of faults, and which of concurrent ones may be the last."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, NamedTuple

from db.versions import COUNTED
from tests.support.api import Account, Api

UPSERT_EVENT = """
mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created event { summary } } }
"""
EVENTS = "{ events(input: {}) { nodes { eventId summary } } }"


class Write(NamedTuple):
    """An acknowledged write: its value, and the times between which it happened."""

    value: str
    asked: float
    answered: float


async def timed(value: str, write: Callable[[str], Awaitable[Any]]) -> Write:
    """Performs the write, and records its times."""
    asked = perf_counter()
    await write(value)
    return Write(value, asked, perf_counter())


def possibly_last(writes: list[Write]) -> set[str]:
    """The values that may be stored at the end: those of writes that no later write was requested after."""
    last_asked = max(write.asked for write in writes)
    return {write.value for write in writes if write.answered >= last_asked}


def an_event(event_id: str, summary: str) -> dict[str, Any]:
    """An hour of 11 January 2027."""
    return {
        "eventId": event_id,
        "summary": summary,
        "start": "2027-01-11T09:00:00Z",
        "end": "2027-01-11T10:00:00Z",
    }


def one_event(whose: Account, summary: str, event_id: str = "e") -> dict[str, Any]:
    """The input of UPSERT_EVENT."""
    return {"calendarId": whose.calendar_id, "event": an_event(event_id, summary)}


def batch(whose: Account, summary: str, count: int = 50) -> dict[str, Any]:
    """The input of UPSERT_EVENTS: always the same events, all with one summary."""
    events = [an_event(f"e{n}", summary) for n in range(count)]
    return {"calendarId": whose.calendar_id, "events": events}


async def version(api: Api, whose: Account) -> int:
    """The calendar's version: the number of its changes."""
    [[found]] = await api.rows(f"SELECT version FROM calendars WHERE calendar_id = '{whose.calendar_id}'")
    return found % COUNTED
