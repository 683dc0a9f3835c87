"""Loading the bookings of members that have to be counted: for limits, and for who has the fewest.

They are counted by account, whatever calendars the query chooses, and each once, on however many calendars it has events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.availability_constraints import counted_around, reached
from core.query import AvailabilityQuery, Member
from core.spans import Bounds, Busy, Span, SpanSet
from core.zones import ZoneInfo
from db.access import AccessSnapshot, Account
from db.counted_bookings import CountedBookings

from .cached_facts import CachedFacts


@dataclass(frozen=True, slots=True)
class BookingCounts:
    """The bookings of the accounts whose bookings have to be counted."""

    #: by the account's key, without those of excluded events
    bookings: Mapping[int, Busy]

    def of(self, account: Account) -> Busy:
        """Returns the bookings of an account; none if they need not be counted."""
        return self.bookings.get(account.key, _NONE)

    def limit_reached(self, member: Member, account: Account, window: SpanSet) -> SpanSet | None:
        """Returns the days, weeks and months that meet the window and in which a limit of the member is reached."""
        if not member.availability_constraints:
            return None
        return reached(member.availability_constraints, self.of(account), window, ZoneInfo(account.tzid))


_NONE = Busy()
NO_COUNTS = BookingCounts({})


async def load_counts(
    cached: CachedFacts,
    query: AvailabilityQuery,
    access: AccessSnapshot,
    counted: Span | None,
    excluded: frozenset[str] = frozenset(),
) -> BookingCounts:
    """Loads what a query has to count: for its constraints, and all bookings in `counted`. Raises NeedsSnapshot.

    `excluded` are ids of bookings that do not count, beside those of excluded events.
    """
    limited = {member.sub for _, member in query.members() if member.availability_constraints}
    accounts = [access.accounts[sub] for sub in (query.subs if counted is not None else limited)]
    if not accounts:
        return NO_COUNTS
    versions = {key: access.versions[key] for account in accounts for key in account.calendars.values()}
    found = await cached.bookings(versions, *_time_to_count(query, counted, for_limits=bool(limited)))
    if query.excluded_events:
        excluded |= await cached.excluded_bookings(access.versions, query.excluded_events)
    return BookingCounts({account.key: _counted(account, found, excluded) for account in accounts})


def _time_to_count(query: AvailabilityQuery, counted: Span | None, *, for_limits: bool) -> Bounds:
    window = query.window()
    stretches: Sequence[Bounds] = [
        *([counted] if counted is not None else []),
        *([counted_around((window.starts[0], window.ends[-1]))] if for_limits else []),
    ]
    return min(start for start, _ in stretches), max(end for _, end in stretches)


def _counted(account: Account, found: Mapping[int, CountedBookings], excluded: frozenset[str]) -> Busy:
    """Returns the bookings of an account. One with events at several times is at the first of them."""
    times: dict[str, Bounds] = {}
    for key in account.calendars.values():
        for booking_id, start, end in found[key].bookings:
            if booking_id not in excluded:
                times[booking_id] = min(times.get(booking_id, (start, end)), (start, end))
    return Busy.of(times.values())
