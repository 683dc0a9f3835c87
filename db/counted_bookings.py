"""Bookings to be counted: those that have an event on a calendar, and where that event is.

A member's own events tell what its bookings are and when: a hold that has ended and a cancelled booking have none, nor has a
booking that the member has left. So they change with the versions of its calendars.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from core.instants import Instant

from .drivers.base import Statements
from .drivers.dialects import Dialect


@dataclass(frozen=True, slots=True)
class CountedBookings:
    """The bookings of a calendar, each with its id, its start and its end."""

    bookings: Sequence[tuple[str, Instant, Instant]]
    #: the instant that they were read for; before, there may have been holds that have ended since
    read_for: Instant
    #: when the first of the holds ends that are among them; from then on these are not the calendar's bookings
    lapses_at: Instant | None = None

    def is_current(self, now: Instant) -> bool:
        """Whether no hold has ended between the instant that they were read for and this one."""
        return self.read_for <= now and (self.lapses_at is None or now < self.lapses_at)


async def of_calendars(
    statements: Statements, versions: Mapping[int, int], start: Instant, end: Instant, now: Instant
) -> dict[int, CountedBookings]:
    """Returns the confirmed and held bookings of calendars between two instants, by the calendar's key.

    `versions` has the expected version of each calendar, by key. A calendar whose version has changed is left out.
    """
    dialect = statements.dialect
    rows = await statements.fetch_many(_of_calendars(dialect), dialect.array_param([*versions]), start, end, now)
    return {
        key: CountedBookings(tuple(zip(*map(dialect.read_array, columns), strict=True)), now, lapses_at)
        for key, version, lapses_at, *columns in rows
        if version == versions[key]
    }


@cache
def _of_calendars(dialect: Dialect) -> str:
    # An event that was made transparent is still that of a booking. Both values of `blocks` are named, and the start has a +,
    # for the index of busy time: in that of starts SQLite would read the years of history. Conditions of bookings are not
    # part of the join: where there are few, PostgreSQL would read those of all accounts.
    counts = "booking_id IS NOT NULL AND NOT deleted AND (lapses_at IS NULL OR lapses_at > $4)"
    columns = (dialect.array_agg(name, counts) for name in ("booking_id", "starts_at", "ends_at"))
    return f"""
SELECT calendars.key, calendars.version, min(lapses_at) FILTER (WHERE {counts}), {", ".join(columns)}
FROM calendars
LEFT JOIN events ON calendar_key = calendars.key AND blocks IN (TRUE, FALSE) AND ends_at > $2 AND +starts_at < $3
WHERE calendars.key {dialect.in_array(1, "bigint")}
GROUP BY calendars.key
"""


async def of_events(
    statements: Statements, calendars: Collection[int], event_ids: Sequence[str], event_uids: Sequence[str]
) -> frozenset[str]:
    """Returns the ids of the bookings with an event of one of these ids on one of the calendars, or of one of these uids."""
    dialect = statements.dialect
    params = (dialect.array_param(each) for each in ([*calendars], event_ids, event_uids))
    return frozenset(booking_id for (booking_id,) in await statements.fetch(_of_events(dialect), *params))


@cache
def _of_events(dialect: Dialect) -> str:
    of_booking = "SELECT booking_id FROM events WHERE booking_id IS NOT NULL"
    return f"""
{of_booking} AND calendar_key {dialect.in_array(1, "bigint")} AND event_id {dialect.in_array(2, "text")}
UNION
{of_booking} AND event_uid {dialect.in_array(3, "text")}
"""
