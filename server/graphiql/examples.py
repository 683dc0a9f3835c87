"""The initial tabs of GraphiQL. They run as they are on the demo data; otherwise they say what to fill in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from core.instants import DAY, HOUR, Instant, format_instant

from ..demo import Cast
from . import Example

_FOLDER = Path(__file__).parent / "example_queries"

Variables: TypeAlias = Callable[[Cast, Instant], dict[str, Any]]
"""Makes the field `input` of an example's variables. The instant is nine o'clock on the next day."""


def examples(cast: Cast, now: Instant) -> list[Example]:
    """The example tabs for these accounts, with times on the day after now."""
    morning = (now // DAY + 1) * DAY + 9 * HOUR
    return [
        Example(
            (_FOLDER / f"{name}.graphql").read_text("utf-8"),
            {"input": variables(cast, morning)} if variables is not None else None,
        )
        for name, variables in _STORY
    ]


def _availability(cast: Cast, morning: Instant) -> dict[str, Any]:
    return {
        "participants": [
            {"members": [{"sub": sub} for sub in cast.people], "required": "all"},
            {"members": [{"sub": sub} for sub in cast.rooms], "required": 1},
        ],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": format_instant(morning), "end": format_instant(morning + 8 * HOUR)}],
        "startInterval": {"minutes": 60},
        "responseFormat": "SLOTS",
    }


def _explanation(cast: Cast, morning: Instant) -> dict[str, Any]:
    members = [{"sub": sub} for sub in (*cast.people, *cast.rooms)]
    return {**_availability(cast, morning), "participants": [{"members": members, "required": "all"}]}


def _book_slot(cast: Cast, morning: Instant) -> dict[str, Any]:
    return {
        "availability": _availability(cast, morning),
        "start": format_instant(morning + 3 * HOUR),
        "event": {"eventId": "meeting-1", "summary": "Planning the opening"},
    }


def _upsert_event(cast: Cast, morning: Instant) -> dict[str, Any]:
    return {
        "calendarId": cast.calendar_id,
        "event": {
            "eventId": "interview-1",
            "summary": "Interview",
            "start": format_instant(morning + 5 * HOUR),
            "end": format_instant(morning + 6 * HOUR),
        },
    }


def _events(_cast: Cast, morning: Instant) -> dict[str, Any]:
    return {"from": format_instant(morning), "to": format_instant(morning + DAY)}


def _booking_link(cast: Cast, morning: Instant) -> dict[str, Any]:
    days = [morning + n * DAY for n in range(7)]
    return {
        "availability": {
            "participants": [
                {"members": [{"sub": sub} for sub in cast.people], "required": 1},
                {"members": [{"sub": sub} for sub in cast.rooms], "required": 1},
            ],
            "requiredDuration": {"minutes": 45},
            "queryPeriods": [{"start": format_instant(day), "end": format_instant(day + 8 * HOUR)} for day in days],
            "startInterval": {"minutes": 15},
        },
        "event": {
            "eventId": "interview-2",
            "summary": "Interview at the store",
            "description": "We talk about your work, and you ask us whatever you like.",
            "location": {"description": "Store 42, first floor"},
        },
    }


def _application_calendar(cast: Cast, _morning: Instant) -> dict[str, str]:
    return {
        "clientId": cast.client_id,
        "clientSecret": "the client secret that the terminal printed",
        "applicationCalendarId": "expo-stand-7",
    }


#: the tabs in the order of a story: the file of each in `example_queries`, and its variables if it takes any
_STORY: Sequence[tuple[str, Variables | None]] = (
    ("availability", _availability),
    ("explanation", _explanation),
    ("availability_changed", _availability),
    ("book_slot", _book_slot),
    ("calendars", None),
    ("upsert_event", _upsert_event),
    ("events", _events),
    ("application_calendar", _application_calendar),
    ("booking_link", _booking_link),
)
