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
than the runs of its steps, each with a binary search. Orders that end alike share their tails.

Many orders
===========

Six steps in any order have 720 orders and 1,956 tails, and where nothing fits, every one of them looks at everything. So
for more than a few orders (`orders`) a table is made first, for a step and a *set* of others: from which starts of the
step can all of the others come behind it, in any order?

    U(a, R)  =  S(a) ∩ the union, over the b in R, of what has a start of U(b, R without b) in the window behind it

For six steps it has 192 sets, and U(a, all others) has the starts of sequences: if there are none, no order is looked
at. The same table the other way round, V(a, P), has the starts of a that all of P can come before. Tails are made from
the back, in V instead of S: what is empty there belongs to no order, so only the orders that can be finished are made.
Their starts stay the same, since all starts of a sequence are in V.

Sets are the *bits* of one large number, one for each cell of time (`cells`). Moving is a shift, meeting is "and", and
"within the next w" is a shift and an "or", doubled up to w. What cells does it take for that to be exact? All windows
open and close after multiples of a *period*, the greatest common divisor of durations, gaps and grids. So if a run of
starts begins or is over at a second of its period, then what can reach it does so at the same second of another. Cut
every period at these seconds, and each cell has only starts or none, in S and in all that follows from it:

    a period of 15 minutes     0:00                5:00      7:31         9:12           15:00
    runs of S begin or end                                   ↑            ↑
    cells                      ├─────────────────────────────┼────────────┼──────────────┤

With calendars in whole minutes these are few. With odd seconds there can be as many cells as seconds, but not in a
short time. Hence the sequences are looked for in one *stretch* of time after the other, each longer than the one before.
What starts so early that it cannot go on beyond the stretch is known for certain; so is what starts first of all and
ends in the stretch, since all else that starts then ends later. The first start is looked for first: most sequences are
much shorter than the longest, so a short stretch has one, and only what starts before that one needs a long stretch.

If the cells are too many, *rough* ones of equal length come first: a cell counts as a start if any instant in it is one,
so nothing is missed. U and V together tell which of them take part in a sequence. Runs of starts without such a cell are
left out, and so are their cuts, and the time in which none is left. What is left is cut again, finer since it is less,
until exact cells are few enough. If it does not become less, lazy tails answer for the orders that rough cells leave. A
rough order tells before which start and end it has no sequence; it is not searched before all others are beyond that. So
it is, too, where exact cells are many and many orders can be finished in them: lazy tails find what exists soon, and
tails in many cells take long to make.

Without a greatest gap between any two steps no hole is too long, and nothing is looked for in vain: lazy tails do.
"""

from collections.abc import Mapping, Sequence
from itertools import islice, pairwise, permutations
from typing import NamedTuple

from .grids import EVERY_SECOND
from .instants import Instant
from .participants import participants
from .reach import AFTER_ALL, BEFORE_ALL
from .searching import Found, Step, of_few, of_many
from .sequenced_availability import SequencedQuery
from .slots import viable
from .solver import Facts, free_times, query_reach, restrictions
from .spans import Bounds
from .tails import Starts, Windows

FEW_ORDERS = 6
"""Up to so many orders, each is looked at by itself."""


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


def solve_sequences(query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]]) -> list[PlacedSequence]:
    """Returns the sequences of a checked query, soonest first, at most `max_results`.

    `facts` are by step, then by group, then by member.
    """
    steps = _solved(query, facts)
    if steps is None:
        return []
    windows = _windows(query, steps)
    bounded = any(greatest is not None for _, greatest in windows.values())
    found_of = of_many if bounded and query.order_count > FEW_ORDERS else of_few
    found = list(islice(found_of(query, steps, windows), query.max_results))
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


def _windows(query: SequencedQuery, steps: Sequence[Step]) -> Windows:
    """Returns how many seconds after the start of a step another one that comes next starts, at least and at most."""
    windows: dict[tuple[int, int], tuple[int, int | None]] = {}
    for one, other in permutations(range(len(steps)), 2):
        duration, (least, greatest) = steps[one].query.duration, query.gap(one, other)
        windows[one, other] = duration + least, duration + greatest if greatest is not None else None
    return windows


def _solved(query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]]) -> list[Step] | None:
    """Returns the starts of each step by itself; None if one of them has none."""
    if not query.has_time:
        return None
    steps: list[Step] = []
    for asked, known in zip(query.steps, facts, strict=True):
        members = restrictions(asked, known)
        free = free_times(asked, members)
        grid = asked.grid or EVERY_SECOND
        runs = grid.laid_over(viable(query_reach(asked, members, free), asked.duration))
        starts = Starts(runs, grid.interval)
        if starts.first_from(BEFORE_ALL) == AFTER_ALL:
            return None
        steps.append(Step(asked, starts, free))
    return steps


def _with_participants(query: SequencedQuery, steps: Sequence[Step], found: Sequence[Found]) -> list[PlacedSequence]:
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


def _present(step: Step, starts: Sequence[Instant]) -> dict[Instant, tuple[str, ...]]:
    meetings: list[Bounds] = [(start, start + step.query.duration) for start in starts]
    return dict(zip(starts, participants(step.query.participants, step.free, meetings), strict=True))
