"""When can several meetings take place one after the other?

Theory of operation
===================

Each step has allowed starts by itself, S: those of its own query, as `solver` finds them. A sequence is an order of the
steps and a start for each, such that the gap between one step and the next is neither too short nor too long: the next
start lies in a window that opens `least` seconds after the start of a step and closes `greatest` seconds after it.

Fix an order, and look at it from the back. Let B of the last step be its S, and B of any other step those starts in its S
from which some start in the next step's B lies in the window. So B has exactly the starts from which all that follows
can still be finished: the *tail* of the order (`tails`).

    time     0 1 2 3 4 5 6 7 8 9
    talk     #   # #         #      starts of a talk of one, after which the tour has to follow at once
    tour       #   #     #   #
    B(talk)  #   #                  from 3, the tour could start at 4, but it does not; from 9, nothing follows

Now go from the front, and always take the first start of the next B in the window. As the start of a step moves later,
the first of B that is not before the window's opening never moves earlier. So taking each start as early as possible
never makes a later step later, and since everything in B can be finished it never leads into a dead end. That is the
sequence that ends earliest, and of those with the same end the one whose starts are earliest. Without B the same walk is
wrong: the earliest start may be one from which nothing follows in time.

Starts of the first step come in order, and so do their sequences, hence the answers of an order. A heap merges the
orders. Without a grid starts are runs of seconds, and the first step walks: the first of its B, then the first of its B
that is not before the end of that step, as slots do.

What B costs
============

A tail is only asked for its first start from an instant on. *Lazily*: take the first of S, ask the tail behind it for
its first start from the opening of the window on, and if that lies beyond the window, jump to the first instant that
reaches it, since nothing before does. Each jump passes a run of S and a hole in the tail behind, so a tail costs no more
than the runs of its steps, each with a binary search.

Tails are shared: orders that end alike have the same. And whoever can finish an order can finish it without its last
step, so B of an order lies in B of the order without that step, which some other order needs as well. It takes the
place of S. Where few orders can be finished, it is small: what has been searched in vain for a few steps is not searched
again for each order that they occur in.

    B(talk, tour, lunch)  is searched in  B(talk, tour)  for what reaches  B(tour, lunch)

Six steps in any order have 720 orders and 1,956 tails. For so many there is another way to have them, whatever the
calendars: as the *bits* of one large number, one for each unit of time. Moving is a shift, meeting is "and", and
"within the next w" is a shift and an "or", doubled up to w. It takes a unit that all starts lie on: the greatest common
divisor of the grids. Where a step has no grid, it is that of the bounds of its runs, of durations and of gaps as well;
then the first start in a window is always on it. If the unit makes the number too long, for instance because a calendar
has events at odd seconds, tails are asked for lazily after all.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice, pairwise, permutations
from typing import NamedTuple, TypeAlias

from .free import Rooms
from .grids import EVERY_SECOND
from .instants import Instant
from .participants import participants
from .query import AvailabilityQuery
from .reach import AFTER_ALL, BEFORE_ALL
from .sequenced_availability import SequencedQuery
from .slots import viable
from .solver import Facts, free_times, query_reach, restrictions
from .spans import Bounds
from .tails import Starts, Tail, Tails, Windows, bit_tails, common_unit, lazy_tails

FEW_ORDERS = 6
"""Up to so many orders, tails are asked for lazily."""

#: start and end of the whole, the steps by their places in the request, their starts: in the order of answers
_Found: TypeAlias = tuple[Instant, Instant, tuple[int, ...], tuple[Instant, ...]]


class PlacedStep(NamedTuple):
    """A step of a sequence: when it takes place, and the subs that are free throughout, in request order, each once."""

    sequence_id: str
    start: Instant
    end: Instant
    participants: tuple[str, ...]


class PlacedSequence(NamedTuple):
    """A result: all steps, in the order in which they take place."""

    start: Instant
    end: Instant
    sequence: tuple[PlacedStep, ...]


class _Step(NamedTuple):
    """The query of a step, its starts, and the rooms of its members, by group."""

    query: AvailabilityQuery
    starts: Starts
    free: Sequence[Sequence[Rooms] | None]


def solve_sequences(query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]]) -> list[PlacedSequence]:
    """Returns the sequences of a checked query, soonest first, at most `max_results`.

    `facts` are by step, then by group, then by member.
    """
    steps = _solved(query, facts)
    if steps is None:
        return []
    orders = list(query.orders())
    windows = _windows(query, steps)
    tails = _tails(steps, windows, many=len(orders) > FEW_ORDERS)
    ways = [_sequences(steps, windows, tails, order) for order in orders]
    found = list(islice(merge(*ways), query.max_results))
    return _with_participants(query, steps, found)


def is_sequence(
    query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]], starts: Mapping[str, Instant]
) -> bool:
    """Whether these starts of the steps, by sequence id, are a sequence of a checked query, listed or not."""
    ids = [step.sequence_id for step in query.sequence]
    if set(starts) != set(ids) or (steps := _solved(query, facts)) is None:
        return False
    windows = _windows(query, steps)
    order = tuple(sorted(range(len(ids)), key=lambda step: starts[ids[step]]))
    ordinals = [ordinal for step in order if (ordinal := query.sequence[step].ordinal) is not None]
    return (
        ordinals == sorted(ordinals)
        and all(starts[ids[step]] in steps[step].starts for step in order)
        and all(_fits(windows[pair], starts[ids[pair[1]]] - starts[ids[pair[0]]]) for pair in pairwise(order))
    )


def _fits(window: tuple[int, int | None], seconds: int) -> bool:
    least, greatest = window
    return least <= seconds and (greatest is None or seconds <= greatest)


def _windows(query: SequencedQuery, steps: Sequence[_Step]) -> Windows:
    """Returns how many seconds after the start of a step another one that comes next starts, at least and at most."""
    windows: dict[tuple[int, int], tuple[int, int | None]] = {}
    for one, other in permutations(range(len(steps)), 2):
        duration, (least, greatest) = steps[one].query.duration, query.gap(one, other)
        windows[one, other] = duration + least, duration + greatest if greatest is not None else None
    return windows


def _solved(query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]]) -> list[_Step] | None:
    """Returns the starts of each step by itself; None if one of them has none."""
    if not query.has_time:
        return None
    steps: list[_Step] = []
    for asked, known in zip(query.steps, facts, strict=True):
        members = restrictions(asked, known)
        free = free_times(asked, members)
        grid = asked.grid or EVERY_SECOND
        runs = grid.laid_over(viable(query_reach(asked, members, free), asked.duration))
        starts = Starts(runs, grid.interval)
        if starts.first_from(BEFORE_ALL) == AFTER_ALL:
            return None
        steps.append(_Step(asked, starts, free))
    return steps


def _sequences(
    steps: Sequence[_Step], windows: Windows, tails: Tails[Tail], order: tuple[int, ...]
) -> Iterator[_Found]:
    """Yields the sequences of one order: for each start of its first step the one that ends earliest."""
    tail, first, last = tails.of(order), steps[order[0]].query, steps[order[-1]].query
    apart = 1 if first.grid is not None else first.duration
    ways = [(tails.of(order[place + 1 :]), windows[pair][0]) for place, pair in enumerate(pairwise(order))]
    start = tail.first_from(BEFORE_ALL)
    while start != AFTER_ALL:
        starts = [start]
        for behind, least in ways:
            starts.append(behind.first_from(starts[-1] + least))
        yield start, starts[-1] + last.duration, order, tuple(starts)
        start = tail.first_from(start + apart)


def _tails(steps: Sequence[_Step], windows: Windows, *, many: bool) -> Tails[Tail]:
    """Returns the tails of many orders as bits, if these are not too many, and otherwise lazy ones."""
    starts = [step.starts for step in steps]
    gridded = all(step.query.grid is not None for step in steps)
    if many:
        seconds = [step.query.duration for step in steps]
        seconds += [bound for window in windows.values() for bound in window if bound is not None]
        if (unit := common_unit(starts, () if gridded else seconds)) is not None:
            return bit_tails(starts, windows, *unit)
    return lazy_tails(starts, windows)


def _with_participants(query: SequencedQuery, steps: Sequence[_Step], found: Sequence[_Found]) -> list[PlacedSequence]:
    """Returns the sequences with those who are free, which are found for all meetings of a step at once."""
    present = [
        _present(step, sorted({starts[order.index(place)] for _, _, order, starts in found}))
        for place, step in enumerate(steps)
    ]
    placed = [
        {
            start: PlacedStep(query.sequence[place].sequence_id, start, start + step.query.duration, people)
            for start, people in present[place].items()
        }
        for place, step in enumerate(steps)
    ]
    return [
        PlacedSequence(start, end, tuple(placed[step][at] for step, at in zip(order, starts, strict=True)))
        for start, end, order, starts in found
    ]


def _present(step: _Step, starts: Sequence[Instant]) -> dict[Instant, tuple[str, ...]]:
    meetings: list[Bounds] = [(start, start + step.query.duration) for start in starts]
    return dict(zip(starts, participants(step.query.participants, step.free, meetings), strict=True))
