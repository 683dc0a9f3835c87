"""Invariants of bookings under concurrency and faults.

A server decides an attempt at one moment between request and response, unknown from outside. So an event that may have
existed at that moment justifies a refusal, and only one that existed throughout forbids a booking.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

from core.instants import HOUR, Instant

LENGTH = HOUR


@dataclass(frozen=True)
class Attempt:
    """A request to book an hour."""

    event_id: str
    start: Instant
    #: of each group: the number of required members, and its members
    groups: Sequence[tuple[int, Sequence[str]]]
    key: str | None = None

    def fits(self, free: Collection[str]) -> bool:
        """Whether these are enough members of each group."""
        return all(sum(sub in free for sub in members) >= needed for needed, members in self.groups)

    @property
    def members(self) -> set[str]:
        return {sub for _, members in self.groups for sub in members}


@dataclass(frozen=True)
class Outcome:
    """The result of an attempt, and the times between which it was decided."""

    attempt: Attempt
    asked: float
    answered: float = inf
    #: the participants; empty when the slot was taken; None when the connection broke before a response
    booked: Sequence[str] | None = None
    error: str = ""


@dataclass
class Beside:
    """An event that another client wrote, and deleted again."""

    sub: str
    start: Instant
    end: Instant
    #: when it was requested, and when that was answered
    asked: float
    there: float = inf
    #: when its deletion was requested, and when that was answered
    going: float = inf
    gone: float = inf

    def overlaps(self, start: Instant) -> bool:
        return self.start < start + LENGTH and start < self.end


#: of each stored booking, by its event id: the start on each calendar, by sub
Kept = Mapping[str, Mapping[str, Instant]]


#: how many meetings each member can be in at once, by sub; those that are not listed, in one
Capacities = Mapping[str, int]


def broken_laws(
    outcomes: Sequence[Outcome],
    kept: Kept,
    besides: Sequence[Beside] = (),
    capacities: Capacities = MappingProxyType({}),
) -> list[str]:
    """Describes every violation of an invariant; empty if there is none."""
    known = {outcome.attempt.event_id: outcome for outcome in outcomes}
    return [
        *(f"{event_id} is stored, but was never requested" for event_id in kept.keys() - known.keys()),
        *(problem for outcome in outcomes for problem in _wrong_answer(outcome, kept)),
        *overlaps(kept, capacities),
        *(problem for outcome in outcomes for problem in _wrong_refusal(outcome, known, kept, besides, capacities)),
        *(problem for outcome in outcomes for problem in _booked_over(outcome, kept, besides, capacities)),
    ]


def _wrong_answer(outcome: Outcome, kept: Kept) -> Iterator[str]:
    """A booking is stored completely, as acknowledged; a refused one is not stored; errors are violations."""
    attempt, found = outcome.attempt, kept.get(outcome.attempt.event_id, {})
    if outcome.error:
        yield f"{attempt.event_id} failed with an error: {outcome.error}"
    if outcome.booked is None and attempt.key is not None and not outcome.error:
        yield f"{attempt.event_id} was never answered, although it has a key"
    if outcome.booked is not None and {*found} != {*outcome.booked}:
        yield f"{attempt.event_id} was acknowledged for {sorted(outcome.booked)}, but is stored for {sorted(found)}"
    if found and not (attempt.fits(found) and len(found) <= sum(needed for needed, _ in attempt.groups)):
        yield f"{attempt.event_id} is stored for {sorted(found)}, which does not satisfy its groups"
    if {*found.values()} - {attempt.start}:
        yield f"{attempt.event_id} is stored at another time"


def overlaps(kept: Kept, capacities: Capacities) -> Iterator[str]:
    """No member has more bookings that overlap than its capacity."""
    whose: dict[str, list[tuple[Instant, str]]] = {}
    for event_id, found in kept.items():
        for sub, start in found.items():
            whose.setdefault(sub, []).append((start, event_id))
    for sub, theirs in whose.items():
        theirs.sort()
        for (start, event_id), (next_start, next_id) in zip(theirs, theirs[capacities.get(sub, 1) :], strict=False):
            if next_start < start + LENGTH:
                yield f"{sub} is booked too often at once: from {event_id} to {next_id}"


def _wrong_refusal(
    outcome: Outcome, known: Mapping[str, Outcome], kept: Kept, besides: Sequence[Beside], capacities: Capacities
) -> Iterator[str]:
    """A refusal needs a conflict. So a slot that is still possible at the end was refused to no one, except because of
    events that existed for a while."""
    attempt = outcome.attempt
    if outcome.booked != ():
        return
    in_the_way = [
        (sub, start, start + LENGTH)
        for event_id, found in kept.items()
        if event_id in known and known[event_id].asked < outcome.answered
        for sub, start in found.items()
        if abs(start - attempt.start) < LENGTH
    ] + [
        (beside.sub, beside.start, beside.end)
        for beside in besides
        if beside.overlaps(attempt.start) and beside.asked < outcome.answered and beside.gone > outcome.asked
    ]
    full = {
        sub
        for sub in attempt.members
        if _most_at_once([span for whose, *span in in_the_way if whose == sub], attempt.start) >= capacities.get(sub, 1)
    }
    if attempt.fits(attempt.members - full):
        yield f"{attempt.event_id} was refused without a conflict"


def _most_at_once(spans: Sequence[Sequence[Instant]], since: Instant) -> int:
    """How many of these spans, which end after `since`, overlap at most from then on."""
    begun = [max(start, since) for start, _ in spans]
    return max((sum(start <= at < end for start, end in spans) for at in begun), default=0)


def _booked_over(outcome: Outcome, kept: Kept, besides: Sequence[Beside], capacities: Capacities) -> Iterator[str]:
    """No booking overlaps an event that existed from before the request until after the response.

    A member of a larger capacity has one such event at a time, which does not fill it.
    """
    attempt, found = outcome.attempt, kept.get(outcome.attempt.event_id, {})
    for beside in besides:
        there = beside.there < outcome.asked and beside.going > outcome.answered
        alone = capacities.get(beside.sub, 1) == 1
        if there and alone and beside.sub in found and beside.overlaps(attempt.start):
            yield f"{attempt.event_id} is booked over an event of {beside.sub}"
