"""The initial tabs of GraphiQL. They run as they are on the demo data; otherwise they say what to fill in."""

from pathlib import Path
from typing import Any

from core.instants import DAY, HOUR, Instant, format_instant

from ..demo import Cast
from . import Example

_FOLDER = Path(__file__).parent / "example_queries"


def examples(cast: Cast, now: Instant) -> list[Example]:
    """The example tabs for these accounts, with times on the day after now."""
    morning = (now // DAY + 1) * DAY + 9 * HOUR
    variables: dict[str, dict[str, Any]] = {
        "1_availability": {"input": _availability(cast, morning)},
        "2_availability_changed": {"input": _availability(cast, morning)},
        "3_calendars": {},
        "4_upsert_event": {"input": _upsert_event(cast, morning)},
        "5_events": {"input": {"from": format_instant(morning), "to": format_instant(morning + DAY)}},
        "6_application_calendar": {"input": _application_calendar(cast)},
        "7_booking_link": {"input": _booking_link(cast, morning)},
    }
    return [Example((_FOLDER / f"{name}.graphql").read_text("utf-8"), value) for name, value in variables.items()]


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


def _application_calendar(cast: Cast) -> dict[str, str]:
    return {
        "clientId": cast.client_id,
        "clientSecret": "the client secret that the terminal printed",
        "applicationCalendarId": "expo-stand-7",
    }
