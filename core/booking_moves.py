"""Moving and confirming bookings: the requests that they are decided by, and whether what was held is still possible."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .bookings import BookingRequest
from .excluded_events import ExcludedEvent
from .free import Restrictions, rooms_of_one
from .instants import Instant
from .periods import Period
from .query import AvailabilityQuery
from .solver import Facts, extended_busy
from .spans import Bounds, SpanSet


def moved(request: BookingRequest, start: Instant, *others: Instant) -> BookingRequest:
    """Returns a booking's own request with another start, which its query then allows unless its grid does not.

    The query keeps its periods, or slots, as well: other slots that are offered in its place lie in them. With `others`
    it allows those starts, too.
    """
    query, starts = request.query, (start, *others)
    if query.query_slots is not None:
        return replace(request, start=start, query=replace(query, query_slots=[*query.query_slots, *starts]))
    slots = [Period(each, each + query.duration) for each in starts]
    periods = [*(query.query_periods or query.available_periods or ()), *slots]
    return replace(request, start=start, query=replace(query, query_periods=periods, available_periods=None))


def beside(request: BookingRequest, event_uids: Collection[str]) -> BookingRequest:
    """Returns a request in which these events do not count: those of the booking that is decided again."""
    excluded = [ExcludedEvent(event_uid=uid) for uid in event_uids]
    return replace(request, query=replace(request.query, excluded_events=excluded))


def is_still_possible(
    query: AvailabilityQuery, facts: Sequence[Sequence[Facts]], held: Mapping[str, Collection[Bounds]]
) -> bool:
    """Whether members can keep the time that is held for them, by sub: it is known, and clear of other events and buffers.

    Hours, own periods and limits of bookings do not count: they were there when it was held.
    """
    for group, theirs in zip(query.participants, facts, strict=True):
        for member, each in zip(group.members, theirs, strict=True):
            for start, end in held.get(member.sub, ()):
                busy = extended_busy(query, start, end, member, each)
                limits = [each.known] if each.known is not None else []
                if not rooms_of_one(SpanSet((start,), (end,)), Restrictions(limits, busy), end - start):
                    return False
    return True
