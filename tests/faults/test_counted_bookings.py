"""Limits and shares of bookings hold, whoever books at once: two workers, many clients, two databases."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from core.instants import DAY, HOUR, Instant, format_instant
from server.app import clock
from tests.support.api import CLIENT_SECRET, Api
from tests.support.graphql_queries import BOOK_SLOT
from tests.support.server_process import ServerProcess, create_accounts, running_server

#: a week from now
MIDNIGHT = (clock() // DAY + 7) * DAY
WINDOW = {"start": format_instant(MIDNIGHT), "end": format_instant(MIDNIGHT + 3 * DAY)}
LIMIT, WEIGHTS = 3, (1, 2, 3)

STORED = """
SELECT starts_at FROM events JOIN calendars ON calendars.key = calendar_key JOIN accounts ON accounts.key = account_key
WHERE sub = '{sub}' AND NOT deleted
"""


def booking(number: int, start: Instant, members: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A booking of one of the members; every other one has a key."""
    return {
        "availability": {
            "participants": [{"required": 1, "members": members}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [WINDOW],
        },
        "start": format_instant(start),
        "event": {"eventId": f"booking {number}", "summary": "Booked"},
        **({"idempotencyKey": f"key {number}"} if number % 2 else {}),
        **more,
    }


async def book_all(served: ServerProcess, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Books all at once, and returns the answers."""
    answers = await asyncio.gather(*(served.ask(BOOK_SLOT, CLIENT_SECRET, input=given) for given in requests))
    return [answer["data"]["bookSlot"] for answer in answers]


async def test_a_limit_is_reached_and_not_exceeded(database_url: str, tmp_path: Path) -> None:
    """Though bookings of other times do not overlap: those of one day are counted, those of the next are other days."""
    [ada] = await create_accounts(database_url, 1)
    member = {"sub": ada.sub, "availabilityConstraints": [{"limit": LIMIT, "period": "DAY"}]}
    starts = [MIDNIGHT + day * DAY + hour * HOUR for hour in range(6, 18) for day in range(3)]
    async with running_server(tmp_path / "said", database_url, "--workers", "2") as served:
        answers = await book_all(served, [booking(n, start, [member]) for n, start in enumerate(starts)])
    booked = sum(answer["__typename"] == "Booked" for answer in answers)
    async with Api.open(database_url, 0) as api:
        stored = Counter((start - MIDNIGHT) // DAY for (start,) in await api.rows(STORED.format(sub=ada.sub)))
    assert stored == {0: LIMIT, 1: LIMIT, 2: LIMIT}
    assert booked == 3 * LIMIT


async def test_bookings_are_shared_by_weight(database_url: str, tmp_path: Path) -> None:
    """No two of them count the same state of the others, so that the shares are exact."""
    team = await create_accounts(database_url, 3, [1000] * 3)
    members = [{"sub": each.sub, "weight": weight} for each, weight in zip(team, WEIGHTS, strict=True)]
    requests = [booking(n, MIDNIGHT + 9 * HOUR, members, assignment="FEWEST_BOOKINGS") for n in range(8 * sum(WEIGHTS))]
    async with running_server(tmp_path / "said", database_url, "--workers", "2") as served:
        answers = await book_all(served, requests)
    shares = Counter(answer["participants"][0]["sub"] for answer in answers)
    assert [shares[each.sub] for each in team] == [8 * weight for weight in WEIGHTS]
