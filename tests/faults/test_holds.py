"""A hold that ends by the clock ends for every worker at that second, whatever they have cached."""

import asyncio
from pathlib import Path

from core.instants import DAY, MINUTE, Instant, format_instant
from server.app import clock
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import availability_input
from tests.support.graphql_queries import AVAILABILITY_PERIODS
from tests.support.server_process import ServerProcess, create_accounts, running_servers
from tests.support.waiting import TIMEOUT

HOLD = """
mutation ($input: HoldSlotInput!) {
  holdSlot(input: $input) { ... on Booked { booking { id holdExpiresAt } } }
}
"""
BOOKING = "query ($id: ID!) { booking(bookingId: $id) { status events { start } } }"

#: seconds until the hold ends, in which both workers fill their caches
LEFT = 4
DAY_OF_MEETING = format_instant(clock() + 7 * DAY)[:10]


async def hold(database_url: str, person: Account, ends_at: Instant) -> str:
    """Holds nine o'clock until an instant that is sooner than the shortest hold: by the clock of a machine that is behind."""
    given = {
        "availability": availability_input(person, day=DAY_OF_MEETING),
        "start": f"{DAY_OF_MEETING}T09:00:00Z",
        "event": {"eventId": "held", "summary": "Held"},
        "holdFor": {"minutes": 1},
    }
    async with Api.open(database_url, ends_at - MINUTE) as api:
        booking = (await api.data(HOLD, CLIENT_SECRET, input=given))["holdSlot"]["booking"]
    assert booking["holdExpiresAt"] == format_instant(ends_at)
    return booking["id"]


class Watch:
    """Asks one worker again and again, and notes how often it answered before the end of the hold and after it."""

    def __init__(self, server: ServerProcess, person: Account, booking_id: str, ends_at: Instant) -> None:
        self._server, self._person, self._booking_id, self._ends_at = server, person, booking_id, ends_at
        self.before = self.after = 0

    async def run(self) -> None:
        while self.after < 3:
            asked = clock()
            found = await self._look()
            answered = clock()
            if answered < self._ends_at:
                assert found == [10, 10, "HELD", 1]
                self.before += 1
            elif asked >= self._ends_at:
                assert found == [9, 9, "EXPIRED", 0]
                self.after += 1
            await asyncio.sleep(0.02)

    async def _look(self) -> list[object]:
        """The hour when the person is free, by a stored answer and by cached facts; the booking's state and events."""
        given = availability_input(self._person, day=DAY_OF_MEETING)
        other = {**given, "maxResults": 1 + self.before % 20}  # not the same request, but the same facts
        hours: list[object] = []
        for each in (given, other):
            found = await self._server.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=each)
            hours.append(int(found["availability"]["availablePeriods"][0]["start"][11:13]))
        booking = (await self._server.data(BOOKING, CLIENT_SECRET, id=self._booking_id))["booking"]
        return [*hours, booking["status"], len(booking["events"])]


async def test_a_hold_ends_for_every_worker_at_the_same_second(database_url: str, tmp_path: Path) -> None:
    """Each has the facts and the answer in its caches; nothing is written when the hold ends."""
    [person] = await create_accounts(database_url, 1)
    async with running_servers(tmp_path / "said", database_url, 2) as servers, asyncio.timeout(TIMEOUT):
        ends_at = clock() + LEFT
        booking_id = await hold(database_url, person, ends_at)
        watches = [Watch(server, person, booking_id, ends_at) for server in servers]
        await asyncio.gather(*(watch.run() for watch in watches))
    assert all(watch.after >= 3 for watch in watches)
