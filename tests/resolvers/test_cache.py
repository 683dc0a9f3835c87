"""The cache of a process: bounded, validated by version, never stale after a write."""

import json
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from core.instants import parse_instant
from resolvers.cache import VersionedCache
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.builders import create_account, slots_input
from tests.support.graphql_queries import AVAILABILITY_PERIODS, REVOKE_AUTHORIZATION

#: every mutation that can change an answer, with its input, in order
WRITES: list[tuple[str, dict[str, Any]]] = [
    (
        "upsertEvent",
        {"calendarId": "CALENDAR", "event": {"eventId": "e", "summary": "Busy", "start": "T10", "end": "T11"}},
    ),
    (
        "upsertEvent",
        {"calendarId": "CALENDAR", "event": {"eventId": "e", "summary": "Busy", "start": "T12", "end": "T14"}},
    ),
    (
        "upsertEvents",
        {"calendarId": "CALENDAR", "events": [{"eventId": "f", "summary": "Busy", "start": "T15", "end": "T16"}]},
    ),
    ("deleteEvent", {"calendarId": "CALENDAR", "eventId": "f"}),
    ("deleteEvents", {"deleteAll": True}),
    (
        "upsertAvailabilityRule",
        {
            "availabilityRuleId": "r",
            "tzid": "Etc/UTC",
            "weeklyPeriods": [{"day": "TUESDAY", "startTime": "10:00", "endTime": "14:00"}],
        },
    ),
    ("upsertAvailablePeriod", {"availablePeriodId": "p", "start": "T15", "end": "T17"}),
    ("deleteAvailabilityRule", {"availabilityRuleId": "r"}),
    ("deleteAvailablePeriod", {"availablePeriodId": "p"}),
    ("upsertAvailablePeriod", {"availablePeriodId": "p", "start": "T09", "end": "T11"}),
    ("deleteAvailablePeriods", {}),
    ("revokeAuthorization", {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "sub": "SUB"}),
    ("applicationCalendar", {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": "ada"}),
]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3000)), max_size=60))
def test_the_cache_holds_the_latest_values_within_its_bound(puts: list[tuple[int, int, int]]) -> None:
    """A value replaces the previous one of its key, and is found only under its own version."""
    memory = VersionedCache(5000)
    last: dict[int, tuple[int, int]] = {}
    for number, (key, version, size) in enumerate(puts):
        memory.put("kind", key, version, number, size)
        last[key] = (version, number)
        assert 0 <= memory.size <= 5000
        for known, (of, value) in last.items():
            assert memory.get("kind", known, of) in (value, None)
            assert memory.get("kind", known, of + 1) is None
        if size <= 4000:
            assert memory.get("kind", key, version) == number


def test_the_most_recently_used_entry_stays_longest() -> None:
    """Not the most recently stored: a calendar in constant use stays, however old its entry."""
    memory = VersionedCache(3000)
    for key in "abc":
        memory.put("kind", key, 1, key, 500)
    assert memory.get("kind", "a", 1) == "a"
    memory.put("kind", "d", 1, "d", 500)
    assert [memory.get("kind", key, 1) for key in "abcd"] == ["a", None, "c", "d"]


def test_without_capacity_nothing_is_cached() -> None:
    """For the setting's value 0."""
    memory = VersionedCache(0)
    memory.put("kind", "key", 1, "value", 0)
    assert (memory.get("kind", "key", 1), memory.get_unchecked("kind", "key"), len(memory)) == (None, None, 0)


def question(*subs: str, minutes: int = 60) -> dict[str, Any]:
    return {
        "participants": [{"required": "all", "members": [{"sub": sub, "managedAvailability": True} for sub in subs]}],
        "requiredDuration": {"minutes": minutes},
        "queryPeriods": [{"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}],
    }


def filled(given: Any, whose: Account) -> Any:
    """An input with its placeholders filled in."""
    if isinstance(given, dict):
        return {name: filled(value, whose) for name, value in cast("dict[str, Any]", given).items()}
    if isinstance(given, list):
        return [filled(value, whose) for value in cast("list[Any]", given)]
    blanks = {"CALENDAR": whose.calendar_id, "SUB": whose.sub}
    hour = isinstance(given, str) and len(given) == 3 and given[0] == "T"
    return f"2027-01-19{given}:00:00Z" if hour else blanks.get(given, given)


async def write(api: Api, name: str, given: dict[str, Any], whose: Account) -> None:
    arguments = f"(input: {spelled(filled(given, whose))})" if given else ""
    await api.data(f"mutation {{ {name}{arguments} {{ __typename }} }}", whose.token)


def spelled(value: Any) -> str:
    """A value as a GraphQL literal."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {spelled(item)}" for name, item in cast("dict[str, Any]", value).items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, cast("list[Any]", value))) + "]"
    return value if value == "TUESDAY" else json.dumps(value)


async def test_a_write_of_any_worker_is_seen_by_the_next_query_of_every_worker(database_url: str) -> None:
    """Two workers with a cache, and one without as the reference. After each possible write, by either worker, both
    repeat earlier queries and others that depend on the same facts."""
    async with AsyncExitStack() as stack:
        one, two, plain = [
            await stack.enter_async_context(Api.open(database_url, NOW, memory=size)) for size in (64, 64, 0)
        ]
        ada, ben = await one.application_calendar("ada"), await one.application_calendar("ben")
        questions = [question(ada.sub, ben.sub), question(ada.sub, minutes=90), question(ben.sub)]
        answers: list[Any] = []
        for number, (name, given) in enumerate([("upsertEvent", WRITES[0][1]), *WRITES]):
            await write((one, two)[number % 2], name, given, ada)
            for asked in questions:
                right = await plain(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked)
                for worker in (one, two, one, two):
                    assert await worker(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked) == right, name
                answers.append(right)
    changes = sum(before != after for before, after in pairwise(answers[::3]))
    assert changes == len(WRITES) - 1  # the first is repeated, which changes nothing


async def test_a_caller_without_the_right_gets_no_cached_answer(api: Api) -> None:
    """The cached query by an unknown caller, without a token, without the scope, and after a revocation."""
    ada = await api.application_calendar("ada")
    asked = question(ada.sub)
    for token in (CLIENT_SECRET, ada.token):
        await api.data(AVAILABILITY_PERIODS, token, input=asked)
    given = api.credentials | {"applicationCalendarId": "ada", "scope": "write_only"}
    make = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { accessToken } }"
    narrow = (await api.data(make, input=given))["applicationCalendar"]["accessToken"]
    refused = [
        (await api.refusal(AVAILABILITY_PERIODS, token, input=asked))["code"] for token in ("wrong", None, narrow)
    ]
    assert refused == ["UNAUTHENTICATED", "UNAUTHENTICATED", "FORBIDDEN"]
    revoke = "mutation ($input: RevokeAuthorizationInput!) { revokeAuthorization(input: $input) { revoked } }"
    await api.data(revoke, input={"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "sub": ada.sub})
    assert (await api.refusal(AVAILABILITY_PERIODS, ada.token, input=asked))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked))["code"] in (
        "NOT_FOUND",
        "UNPROCESSABLE",
    )


async def test_a_cached_answer_is_not_used_once_its_query_has_begun(api: Api) -> None:
    """A query whose period has begun is refused, whatever was cached before; and so is an expired token."""
    ada = await api.application_calendar("ada")
    asked = question(ada.sub)
    await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked)
    api.now = parse_instant("2027-01-19T09:00:00Z") - 1
    await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked)
    assert (await api.refusal(AVAILABILITY_PERIODS, ada.token, input=asked))["code"] == "UNAUTHENTICATED"
    api.now += 1
    refused = await api.refusal(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked)
    assert [problem["key"] for problem in refused["errors"]["queryPeriods[0].start"]] == ["errors.in_past"]


NAMES = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availableSlots { start participants { sub account { name %s } } } }
}
"""


async def test_a_cached_answer_with_names_is_current_and_its_callers_own(api: Api) -> None:
    """It is reused for the same caller only, and not after an account was renamed or revoked."""
    ada = await create_account(api, "ada", name="Ada")
    ben = await create_account(api, "ben", name="Ben")
    asked = {**slots_input([ada, ben]), "maxResults": 1}
    lookups: list[bool] = []
    api.gate.cache.on_lookup = lambda kind, found: lookups.append(found) if kind == "answer" else None

    async def names(token: str, more: str = "") -> list[str | None]:
        [slot] = (await api.data(NAMES % more, token, input=asked))["availability"]["availableSlots"]
        return [each["account"] and each["account"]["name"] for each in slot["participants"]]

    assert [await names(CLIENT_SECRET) for _ in range(2)] == [["Ada", "Ben"]] * 2
    assert lookups == [True]
    assert [await names(ada.token) for _ in range(2)] == [["Ada", None]] * 2
    assert lookups == [True, False, True]
    assert await names(ben.token) == [None, "Ben"]
    assert await names(CLIENT_SECRET) == ["Ada", "Ben"]
    assert lookups == [True, False, True, False, False]
    await create_account(api, "ben", name="Benedict")
    assert await names(CLIENT_SECRET) == ["Ada", "Benedict"]
    lookups.clear()
    for _ in range(2):  # what a copy could not be revalidated against is not stored
        assert await names(CLIENT_SECRET, "calendars { calendarName }") == ["Ada", "Benedict"]
    assert lookups == []
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ben.sub})
    refused = await api.refusal(NAMES % "", CLIENT_SECRET, input=asked)
    assert [*refused["errors"]] == ["participants[0].members[1].sub"]
