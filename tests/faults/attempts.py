"""What must hold of bookings, however many are attempted at once and whatever breaks meanwhile.

An attempt is decided at one moment between its sending and its answer. When exactly, nobody outside can see; so what may
have been there at that moment excuses a refusal, and only what was there all the while forbids a booking.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from core.instants import HOUR, Instant

LENGTH = HOUR


@dataclass(frozen=True)
class Attempt:
    """Somebody who wants to book an hour."""

    event_id: str
    start: Instant
    #: of each group: how many are needed, and who there is
    groups: Sequence[tuple[int, Sequence[str]]]
    key: str | None = None

    def fits(self, free: Collection[str]) -> bool:
        """Whether these are enough of each group."""
        return all(sum(sub in free for sub in members) >= needed for needed, members in self.groups)

    @property
    def members(self) -> set[str]:
        return {sub for _, members in self.groups for sub in members}


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt, and the moments between which it was decided."""

    attempt: Attempt
    asked: float
    answered: float = inf
    #: who meets; nobody when the slot was taken; None when the connection broke before there was an answer
    booked: Sequence[str] | None = None
    error: str = ""


@dataclass
class Beside:
    """An event that somebody else wrote, and deleted again."""

    sub: str
    start: Instant
    end: Instant
    #: when it was asked for, and when that was answered
    asked: float
    there: float = inf
    #: when its deletion was asked for, and when it was answered
    going: float = inf
    gone: float = inf

    def overlaps(self, start: Instant) -> bool:
        return self.start < start + LENGTH and start < self.end


#: of each booking that is kept, by its event's id: on whose calendars it is, and when it starts there
Kept = Mapping[str, Mapping[str, Instant]]


def broken_laws(outcomes: Sequence[Outcome], kept: Kept, besides: Sequence[Beside] = ()) -> list[str]:
    """Every law that was broken, in words; none, when all is well."""
    known = {outcome.attempt.event_id: outcome for outcome in outcomes}
    return [
        *(f"{event_id} was booked, and nobody asked for it" for event_id in kept.keys() - known.keys()),
        *(problem for outcome in outcomes for problem in _wrong_answer(outcome, kept)),
        *_overlaps(kept),
        *(problem for outcome in outcomes for problem in _wrong_refusal(outcome, known, kept, besides)),
        *(problem for outcome in outcomes for problem in _booked_over(outcome, kept, besides)),
    ]


def _wrong_answer(outcome: Outcome, kept: Kept) -> Iterator[str]:
    """A booking is kept whole, where it was said to be; one that was refused is not; an error is no answer."""
    attempt, found = outcome.attempt, kept.get(outcome.attempt.event_id, {})
    if outcome.error:
        yield f"{attempt.event_id} was answered with an error: {outcome.error}"
    if outcome.booked is None and attempt.key is not None and not outcome.error:
        yield f"{attempt.event_id} was never answered, in spite of its key"
    if outcome.booked is not None and {*found} != {*outcome.booked}:
        yield f"{attempt.event_id} was acknowledged for {sorted(outcome.booked)}, and is kept for {sorted(found)}"
    if found and not (attempt.fits(found) and len(found) <= sum(needed for needed, _ in attempt.groups)):
        yield f"{attempt.event_id} is kept for {sorted(found)}, which is not who has to meet"
    if {*found.values()} - {attempt.start}:
        yield f"{attempt.event_id} is kept at another time"


def _overlaps(kept: Kept) -> Iterator[str]:
    """Nobody is booked twice at a time."""
    whose: dict[str, list[tuple[Instant, str]]] = {}
    for event_id, found in kept.items():
        for sub, start in found.items():
            whose.setdefault(sub, []).append((start, event_id))
    for sub, theirs in whose.items():
        for (start, event_id), (next_start, next_id) in pairwise(sorted(theirs)):
            if next_start < start + LENGTH:
                yield f"{sub} is booked twice at a time: {event_id} and {next_id}"


def _wrong_refusal(
    outcome: Outcome, known: Mapping[str, Outcome], kept: Kept, besides: Sequence[Beside]
) -> Iterator[str]:
    """Whoever is refused had somebody in the way. So a slot that still fits in the end was refused to nobody, but for
    events that were there for a while."""
    attempt = outcome.attempt
    if outcome.booked != ():
        return
    in_the_way = {
        sub
        for event_id, found in kept.items()
        if event_id in known and known[event_id].asked < outcome.answered
        for sub, start in found.items()
        if abs(start - attempt.start) < LENGTH
    } | {
        beside.sub
        for beside in besides
        if beside.overlaps(attempt.start) and beside.asked < outcome.answered and beside.gone > outcome.asked
    }
    if attempt.fits(attempt.members - in_the_way):
        yield f"{attempt.event_id} was refused, and nothing was in its way"


def _booked_over(outcome: Outcome, kept: Kept, besides: Sequence[Beside]) -> Iterator[str]:
    """Nobody is booked over an event that was there before the attempt began and after it was answered."""
    attempt, found = outcome.attempt, kept.get(outcome.attempt.event_id, {})
    for beside in besides:
        there = beside.there < outcome.asked and beside.going > outcome.answered
        if there and beside.sub in found and beside.overlaps(attempt.start):
            yield f"{attempt.event_id} is booked over an event of {beside.sub}"
