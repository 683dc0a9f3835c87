"""The requests: three sizes of answer from the same ten calendars, and events to upsert."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import orjson

from core.instants import DAY, HOUR, Instant, format_instant

from .servers import CLIENT_ID, SECRET
from .wire import Line, request
from .workloads import START, Workload

APPLICATION_CALENDAR = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { %s } }"
UPSERT_EVENTS = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }"
UPSERT_EVENT = """
mutation ($input: UpsertEventInput!) {
  upsertEvent(input: $input) { created event { eventUid eventId calendarId summary start end tzid transparency status } }
}
"""
AVAILABILITY = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availableSlots { start end participants { sub } } }
}
"""


@dataclass(frozen=True)
class Someone:
    """An application calendar, with its token."""

    sub: str
    token: str
    calendar_id: str


@dataclass(frozen=True)
class Question:
    """So many of the members, all of them required, as overlapping slots of an hour on a 15-minute grid."""

    name: str
    members: int
    most: int

    def body(self, people: Sequence[Someone], end: Instant) -> bytes:
        given = {
            "participants": [{"required": "all", "members": [{"sub": who.sub} for who in people[: self.members]]}],
            "requiredDuration": {"minutes": 60},
            "startInterval": {"minutes": 15},
            "queryPeriods": [{"start": format_instant(START), "end": format_instant(end)}],
            "responseFormat": "OVERLAPPING_SLOTS",
            "maxResults": self.most,
        }
        return orjson.dumps({"query": AVAILABILITY, "variables": {"input": given}})

    def others(self, people: Sequence[Someone], end: Instant) -> Iterator[bytes]:
        """Requests that all differ and have the same answer: each window ends a second earlier.

        All of them cover the same weeks, so the same facts are loaded for them.
        """
        shown = format_instant(end).encode()
        asked = request(self.body(people, end))
        for turn in count(1):
            yield asked.replace(shown, format_instant(end - turn % (3 * DAY)).encode())


QUESTIONS = (Question("small", 2, 20), Question("middle", 10, 20), Question("large", 10, 200))


def fill(line: Line, workload: Workload) -> list[Someone]:
    """Creates an application calendar for each member as a client would, and upserts its events."""
    people: list[Someone] = []
    for number, busy in enumerate(workload.members):
        given = {"clientId": CLIENT_ID, "clientSecret": SECRET, "applicationCalendarId": f"{workload.name} {number}"}
        made: dict[str, str] = line.data(APPLICATION_CALENDAR % "sub accessToken", "", **given)["applicationCalendar"]
        [calendar] = line.data("{ calendars { calendarId } }", made["accessToken"])["calendars"]
        who = Someone(made["sub"], made["accessToken"], calendar["calendarId"])
        events = [event(str(index), start, end) for index, (start, end) in enumerate(busy)]
        line.data(UPSERT_EVENTS, who.token, calendarId=who.calendar_id, events=events)
        people.append(who)
    return people


def event(event_id: str, start: Instant, end: Instant) -> dict[str, str]:
    return {"eventId": event_id, "summary": "Busy", "start": format_instant(start), "end": format_instant(end)}


def upsert(who: Someone, event_id: str, day: int = 30) -> bytes:
    """The upsert of one event at a time that is busy already, so that no answer changes."""
    noon = START + day * DAY + 12 * HOUR
    given = {"calendarId": who.calendar_id, "event": event(event_id, noon, noon + HOUR // 2)}
    return orjson.dumps({"query": UPSERT_EVENT, "variables": {"input": given}})


def upserts(who: Someone, prefix: str, path: str = "/graphql") -> Iterator[bytes]:
    """Requests that each create a new event."""
    for turn in count():
        yield request(upsert(who, f"{prefix} {turn}"), who.token, path)
