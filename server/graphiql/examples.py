"""The initial tabs of GraphiQL. They run as they are on the demo data; otherwise they say what to fill in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from core.instants import DAY, HOUR, Instant, format_instant

from ..demo import Cast, nine_on_tuesday
from . import Example

_FOLDER = Path(__file__).parent / "example_queries"

Variables: TypeAlias = Callable[[Cast, Instant], dict[str, Any]]
"""Makes an example's variables. The instant is nine o'clock on the next Tuesday."""

#: The page sends the token in the bar in its place. It has spaces, so that the page can tell it from a secret.
_SECRET = "the client secret that the terminal printed"
#: The page sends an id in its place that no event has, so that an example can be run again.
_NEW_ID = "a new id for every run"


def examples(cast: Cast, now: Instant) -> list[Example]:
    """The example tabs for these accounts, with times on the Tuesday after now."""
    morning = nine_on_tuesday(now)
    return [
        Example(
            (_FOLDER / f"{name}.graphql").read_text("utf-8"),
            variables(cast, morning) if variables is not None else None,
        )
        for name, variables in _STORY
    ]


def _input(variables: Variables) -> Variables:
    """Makes the variable `input`."""
    return lambda cast, morning: {"input": variables(cast, morning)}


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


def _sequenced_availability(cast: Cast, morning: Instant) -> dict[str, Any]:
    ada, ben = cast.people
    soon = {"before": {"maximum": {"minutes": 60}}}
    return {
        "queryPeriods": [{"start": format_instant(morning), "end": format_instant(morning + 8 * HOUR)}],
        "sequence": [
            {
                "sequenceId": name,
                "participants": [
                    {"members": [{"sub": sub}], "required": "all"},
                    {"members": [{"sub": room} for room in cast.rooms], "required": 1},
                ],
                "requiredDuration": {"minutes": minutes},
                "startInterval": {"minutes": 15},
                "buffer": soon,
            }
            for name, sub, minutes in (("interview", ada, 45), ("tour", ben, 30))
        ],
    }


def _book_slot(cast: Cast, morning: Instant) -> dict[str, Any]:
    return {
        "availability": _availability(cast, morning),
        "start": format_instant(morning + 3 * HOUR),
        "event": {"eventId": _NEW_ID, "summary": "Planning the opening"},
    }


def _week(cast: Cast, morning: Instant) -> dict[str, Any]:
    week = {"from": format_instant(morning), "to": format_instant(morning + 7 * DAY)}
    return {"sub": cast.people[0], "input": week}


def _account(cast: Cast, _morning: Instant) -> dict[str, str]:
    return {"clientId": cast.client_id, "clientSecret": _SECRET, "kind": "USER", "accountId": "ada"}


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
    days = [morning + n * DAY for n in (0, 1, 2, 3, 6)]  # Saturday and Sunday are days off
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
            "eventId": _NEW_ID,
            "summary": "Interview at the store",
            "description": "We talk about your work, and you ask us whatever you like.",
            "location": {"description": "Store 42, first floor"},
        },
    }


def _application_calendar(cast: Cast, _morning: Instant) -> dict[str, str]:
    return {
        "clientId": cast.client_id,
        "clientSecret": _SECRET,
        "applicationCalendarId": "expo-stand-7",
    }


#: The tabs in the order of a story: the file of each in `example_queries`, and its variables if it takes any. Those before
#: `account` need the application's key, those after it the token that it returns.
_STORY: Sequence[tuple[str, Variables | None]] = (
    ("availability", _input(_availability)),
    ("explanation", _input(_explanation)),
    ("sequenced_availability", _input(_sequenced_availability)),
    ("book_slot", _input(_book_slot)),
    ("week", _week),
    ("availability_changed", _input(_availability)),
    ("booking_link", _input(_booking_link)),
    ("application_calendar", _input(_application_calendar)),
    ("account", _input(_account)),
    ("calendars", None),
    ("upsert_event", _input(_upsert_event)),
    ("events", _input(_events)),
)
