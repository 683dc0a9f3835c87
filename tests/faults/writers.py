"""What the tests of faults write, and who comes last when many write at once."""

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
    """A write that was acknowledged: what it wrote, and between which moments it must have happened."""

    value: str
    asked: float
    answered: float


async def timed(value: str, write: Callable[[str], Awaitable[Any]]) -> Write:
    """The write, done."""
    asked = perf_counter()
    await write(value)
    return Write(value, asked, perf_counter())


def possibly_last(writes: list[Write]) -> set[str]:
    """What may be there in the end: what was written by a write that none was asked for after."""
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
    """How many changes the calendar has seen."""
    [[found]] = await api.rows(f"SELECT version FROM calendars WHERE calendar_id = '{whose.calendar_id}'")
    return found % COUNTED
