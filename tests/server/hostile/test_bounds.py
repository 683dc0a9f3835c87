"""What a request may cost that is refused: processor time and peak memory, as the operating system counts them."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET

from .cases import post
from .listening import Listening, listening

#: seconds of the processor, and bytes of memory at the peak, that a refused request of up to 1 MiB may take
MOST_SECONDS, MOST_BYTES = 0.1, 30 * 1024 * 1024

SUB = "apc_64b17d868090ea21640c914c"
PERIOD = {"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"}


def aliases(count: int, field: str) -> str:
    """The same field under many names."""
    return " ".join(f"a{number}: {field}" for number in range(count))


def availability(**changes: Any) -> dict[str, Any]:
    group = {"required": 1, "members": [{"sub": SUB}]}
    return {"participants": [group], "requiredDuration": {"minutes": 30}, "queryPeriods": [PERIOD], **changes}


def members(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"required": 1, "members": [{"sub": SUB, **more} for _ in range(count)]}]


ACCOUNT = {"clientId": "x", "clientSecret": "y", "kind": "USER", "accountId": "a"}
EVENT = {"eventId": "e", "summary": "s", "start": PERIOD["start"], "end": PERIOD["end"]}
ASK = "query ($i: AvailabilityInput!)"
FIELD = "availability(input: $i) { availablePeriods { start } }"
BOOK = "mutation ($i: BookSlotInput!)"
SLOT = "bookSlot(input: $i) { __typename }"
EVENTS = "events(input: $i) { nodes { eventId } }"
ACCOUNTS = f"mutation ($i: AccountInput!) {{ {aliases(20, 'account(input: $i) { sub }')} }}"
RULE = "mutation ($i: UpsertAvailabilityRuleInput!) { upsertAvailabilityRule(input: $i) { __typename } }"

#: each is refused; the largest has some 900 kB
REQUESTS: dict[str, tuple[str, Any]] = {
    "a scope of many names, twenty times": (
        ACCOUNTS,
        {**ACCOUNT, "scope": "a " * 200_000},
    ),
    "a scope of one long name": (
        ACCOUNTS,
        {**ACCOUNT, "scope": "a" * 800_000},
    ),
    "long texts": (
        ACCOUNTS,
        {**ACCOUNT, "accountId": "\ud800" * 50_000, "name": "n" * 200_000, "email": "a@" * 150_000, "tzid": "Z" * 99_999},
    ),
    "many members, fifty times": (f"{ASK} {{ {aliases(50, FIELD)} }}", availability(participants=members(9_900))),
    "many members": (f"{ASK} {{ {FIELD} }}", availability(participants=members(9_900))),
    "many groups": (f"{ASK} {{ {FIELD} }}", availability(participants=members(1) * 4_000)),
    "many periods": (f"{ASK} {{ {FIELD} }}", availability(queryPeriods=[PERIOD] * 6_000)),
    "many unreadable periods": (f"{ASK} {{ {FIELD} }}", availability(queryPeriods=[{"start": "x", "end": "y"}] * 6_000)),
    "many calendars": (f"{ASK} {{ {FIELD} }}", availability(participants=members(2, calendarIds=["cal_x"] * 9_000))),
    "many rules": (
        f"{ASK} {{ {FIELD} }}",
        availability(participants=members(2, managedAvailability=True, availabilityRuleIds=["r"] * 9_000)),
    ),
    "many targets": (
        f"{BOOK} {{ {SLOT} }}",
        {
            "availability": availability(),
            "start": PERIOD["start"],
            "event": EVENT,
            "targetCalendars": [{"sub": "x", "calendarId": "y"}] * 6_000,
        },
    ),
    "many bookings": (
        f"{BOOK} {{ {aliases(50, SLOT)} }}",
        {"availability": availability(participants=members(9_900)), "start": PERIOD["start"], "event": EVENT},
    ),
    "many weekly periods": (
        RULE,
        {"availabilityRuleId": "r", "tzid": "x", "weeklyPeriods": [{"day": "MONDAY", "startTime": "x", "endTime": "y"}] * 6_000},
    ),
    "many events": (
        "mutation ($i: UpsertEventsInput!) { upsertEvents(input: $i) { created } }",
        {"calendarId": "cal_x", "events": [{**EVENT, "tzid": "x"}] * 3_000},
    ),
    "calendars of events": (
        f"query ($i: EventsInput) {{ {aliases(50, EVENTS)} }}",
        {"calendarIds": ["cal_x"] * 19_900},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    path = tmp_path_factory.mktemp("bounds") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}") as server:
        yield server


@pytest.mark.parametrize("token", [None, "wrong", CLIENT_SECRET])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_refused_request_costs_little(server: Listening, name: str, token: str | None) -> None:
    """Whatever is wrong with it, and whoever sends it: of problems a hundred are reported, and looking for more ends there."""
    query, variables = REQUESTS[name]
    body = json.dumps({"query": query, "variables": {"i": variables}}).encode()
    assert len(body) <= 1024 * 1024
    request = post(body, token=token)
    server.send(request)  # reads the document once, and warms up what every request needs
    costs: list[tuple[float, int]] = []
    answer = b""
    for _ in range(5):
        server.reset_peak()
        began, before = server.processor_seconds(), server.peak_bytes()
        answer = server.send(request)
        costs.append((server.processor_seconds() - began, server.peak_bytes() - before))
        if costs[-1][0] <= MOST_SECONDS:
            break
    assert b'"errors"' in answer
    assert min(seconds for seconds, _ in costs) <= MOST_SECONDS
    assert min(taken for _, taken in costs) <= MOST_BYTES
    assert len(answer) < 100_000
