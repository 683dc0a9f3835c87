"""`bookSequence`: every step of a sequence is booked, or none."""

from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import create_account, create_busy_event, iso_time
from tests.support.graphql_queries import REVOKE_AUTHORIZATION

CREATE_CALENDAR = (
    "mutation ($input: CreateCalendarInput!) { createCalendar(input: $input) { calendar { calendarId } } }"
)
BOOK = """
mutation ($input: BookSequenceInput!) {
  bookSequence(input: $input) {
    ... on BookedSequence { bookings { id sequenceId status start participants { sub } } }
    ... on SequenceTaken { nextSequences { start sequence { sequenceId start } } }
  }
}
"""


def interviews(*steps: list[Account], gap: int = 30) -> dict[str, Any]:
    """Talks of an hour, one after the other between 9 and 14, at most `gap` minutes apart, with one of some people each."""
    return {
        "queryPeriods": [{"start": iso_time(9), "end": iso_time(14)}],
        "sequence": [
            {
                "sequenceId": f"s{n}",
                "ordinal": n,
                "participants": [{"required": 1, "members": [{"sub": who.sub} for who in members]}],
                "requiredDuration": {"minutes": 60},
                "startInterval": {"minutes": 30},
                "buffer": {"before": {"maximum": {"minutes": gap}}} if n else None,
            }
            for n, members in enumerate(steps)
        ],
    }


def at(*starts: str, **more: Any) -> list[dict[str, Any]]:
    """The starts of the steps, in order."""
    return [
        {"sequenceId": f"s{n}", "start": start, "event": {"eventId": f"e{n}", "summary": f"Talk {n}"}, **more}
        for n, start in enumerate(starts)
    ]


async def book(api: Api, query: dict[str, Any], starts: list[dict[str, Any]], key: str | None = None) -> dict[str, Any]:
    given = {"sequencedAvailability": query, "starts": starts, "idempotencyKey": key}
    return (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSequence"]


async def errors(api: Api, query: dict[str, Any], starts: list[dict[str, Any]]) -> dict[str, list[str]]:
    refusal = await api.refusal(BOOK, CLIENT_SECRET, input={"sequencedAvailability": query, "starts": starts})
    return {path: [problem["key"] for problem in found] for path, found in refusal["errors"].items()}


async def stored(api: Api) -> tuple[int, int]:
    """The numbers of events and of bookings."""
    [(events,)], [(bookings,)] = (
        await api.rows("SELECT COUNT(*) FROM events WHERE NOT deleted"),
        await api.rows("SELECT COUNT(*) FROM bookings"),
    )
    return events, bookings


@pytest.mark.parametrize("key", [None, "once"])
async def test_all_steps_are_booked(api: Api, people: list[Account], key: str | None) -> None:
    """In the order of the starts, with one sequence id; a sequence that was not listed as well."""
    ada, ben, cem = people
    found = await book(api, interviews([ada, ben], [cem], [ada]), at(iso_time(9), iso_time(10, 30), iso_time(12)), key)
    assert [(each["start"], each["participants"]) for each in found["bookings"]] == [
        (iso_time(9), [{"sub": ada.sub}]),
        (iso_time(10, 30), [{"sub": cem.sub}]),
        (iso_time(12), [{"sub": ada.sub}]),
    ]
    assert len({each["sequenceId"] for each in found["bookings"]}) == 1
    assert {each["status"] for each in found["bookings"]} == {"CONFIRMED"}
    if key is not None:
        api.now += 60
        again = await book(
            api, interviews([ada, ben], [cem], [ada]), at(iso_time(9), iso_time(10, 30), iso_time(12)), key
        )
        assert again == found
    assert await stored(api) == (3, 3)


async def test_none_is_booked_if_one_is_taken(api: Api, people: list[Account]) -> None:
    """The next sequences are offered."""
    ada, ben, _ = people
    await create_busy_event(api, ben, iso_time(10), iso_time(10, 30))
    for key in (None, "k", "k"):
        taken = await book(api, interviews([ada], [ben]), at(iso_time(9), iso_time(10)), key)
        assert [[step["start"] for step in each["sequence"]] for each in taken["nextSequences"]] == [
            [iso_time(9), iso_time(10, 30)],
            [iso_time(9, 30), iso_time(10, 30)],
            [iso_time(10), iso_time(11)],
        ]
    assert await stored(api) == (1, 0)
    api.now += 18 * 86_400 + 9 * 3600 + 1800  # 09:30
    taken = await book(api, interviews([ada], [ben]), at(iso_time(10), iso_time(13)))
    assert [each["start"] for each in taken["nextSequences"]] == [iso_time(10), iso_time(10, 30), iso_time(11)]


async def test_what_is_no_sequence_of_the_query_is_not_booked(api: Api, people: list[Account]) -> None:
    """A wrong order, a gap that is too long, and a start off the grid."""
    ada, ben, _ = people
    for starts in ((11, 0, 9, 0), (9, 0, 11, 0), (9, 10, 10, 30)):
        found = await book(api, interviews([ada], [ben]), at(iso_time(*starts[:2]), iso_time(*starts[2:])))
        assert len(found["nextSequences"]) == 3
    assert await stored(api) == (0, 0)


async def test_all_problems_are_reported_at_once(api: Api, people: list[Account]) -> None:
    ada, ben, _ = people
    query = interviews([ada], [ben])
    twice = at(iso_time(9), iso_time(10))
    twice[1] |= {"sequenceId": "s0", "event": {"eventId": "e0", "summary": "x"}}
    query["sequence"][0]["requiredDuration"] = {"minutes": 0}
    assert await errors(api, query, [*twice, *at("2026-01-01T09:00:00Z")]) == {
        "starts[1].sequenceId": ["errors.duplicate"],
        "starts[1].event.eventId": ["errors.duplicate"],
        "starts[2].sequenceId": ["errors.duplicate"],
        "starts[2].start": ["errors.in_past"],
        "starts[2].event.eventId": ["errors.duplicate"],
        "starts": ["errors.required"],
        "sequencedAvailability.sequence[0].requiredDuration": ["errors.too_short"],
    }
    query = interviews([ada], [ben])
    query["sequence"][0]["excludedEvents"] = [{"eventId": "x"}]
    assert await errors(api, query, at(iso_time(9), iso_time(10))) == {
        "sequencedAvailability.sequence[0].excludedEvents": ["errors.conflict"]
    }
    targets = [{"sub": ada.sub, "calendarId": ben.calendar_id}]
    starts = at(iso_time(9), iso_time(10))
    starts[0]["targetCalendars"] = targets
    assert await errors(api, interviews([ada], [ben]), starts) == {
        "starts[0].targetCalendars[0].calendarId": ["errors.unknown"]
    }
    await create_busy_event(api, ben, iso_time(12), iso_time(13), "e1")
    assert await errors(api, interviews([ada], [ben]), at(iso_time(9), iso_time(10))) == {
        "starts[1].event.eventId": ["errors.duplicate"]
    }
    assert await stored(api) == (1, 0)
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ben.sub})
    assert await errors(api, interviews([ada], [ben]), at(iso_time(9), iso_time(10))) == {
        "sequencedAvailability.sequence[1].participants[0].members[0].sub": ["errors.unknown"]
    }


async def test_steps_are_shared_by_those_who_have_the_fewest_bookings(api: Api, people: list[Account]) -> None:
    """A step counts the bookings of those before it."""
    found = await book(
        api,
        interviews(people, people, people),
        at(iso_time(9), iso_time(10), iso_time(11), assignment="FEWEST_BOOKINGS"),
    )
    assert [each["participants"] for each in found["bookings"]] == [[{"sub": who.sub}] for who in people]


async def test_a_limit_is_not_exceeded_by_the_steps_of_one_sequence(api: Api, people: list[Account]) -> None:
    """Each of them is possible by itself; a step after the limit goes to somebody else, or the sequence is not booked."""
    ada, ben, _ = people
    limit = {"availabilityConstraints": [{"limit": 1, "period": "DAY"}]}
    starts = at(iso_time(9), iso_time(10))
    for others, expected in (([], None), ([ben], [ada.sub, ben.sub])):
        query = interviews([ada, *others], [ada, *others])
        for step in query["sequence"]:
            step["participants"][0]["members"][0] |= limit
        found = await book(api, query, starts)
        booked = [each["participants"][0]["sub"] for each in found["bookings"]] if "bookings" in found else None
        assert booked == expected
        assert await stored(api) == (len(expected or ()),) * 2


async def test_a_step_on_two_calendars_needs_room_for_both_events(api: Api) -> None:
    """In a workshop of two benches, one of which is taken, there is room for one."""
    workshop = await create_account(api, "workshop", "RESOURCE", capacity=2)
    created = await api.data(CREATE_CALENDAR, workshop.token, input={"name": "Second"})
    both = [workshop.calendar_id, created["createCalendar"]["calendar"]["calendarId"]]
    await create_busy_event(api, workshop, iso_time(9), iso_time(10))
    targets = [{"sub": workshop.sub, "calendarId": calendar_id} for calendar_id in both]
    found = await book(api, interviews([workshop]), at(iso_time(9), targetCalendars=targets))
    assert found["nextSequences"][0]["start"] == iso_time(10)
    assert len((await book(api, interviews([workshop]), at(iso_time(9), targetCalendars=targets[:1])))["bookings"]) == 1
