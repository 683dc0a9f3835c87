"""What a user would write or install instead: from busy time to the same answer.

They differ in the expensive step, finding the gaps between busy times in a window. The rest is shared simple Python.
Each gets the cheapest algorithm there is: when all members are required, their busy times are merged and all attend;
when one is enough, gaps of different members are not combined.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias

import portion
from intervaltree import Interval, IntervalTree

from core.instants import MINUTE, Instant
from core.query import AvailabilityQuery, ResponseFormat

from .workloads import Events

Gaps: TypeAlias = list[tuple[Instant, Instant]]
FindGaps: TypeAlias = Callable[[Events, Instant, Instant], Gaps]
Result: TypeAlias = tuple[Instant, Instant, tuple[str, ...]]


def sweep(busy: Events, start: Instant, end: Instant) -> Gaps:
    """Sorts, and visits each event once. The floor: Python can hardly do less."""
    gaps: Gaps = []
    free_from = start
    for taken, released in sorted(busy):
        if taken > free_from:
            gaps.append((free_from, taken))
        if released > free_from:
            free_from = released
    if free_from < end:
        gaps.append((free_from, end))
    return gaps


def minute_walk(busy: Events, start: Instant, end: Instant) -> Gaps:
    """Marks every busy minute, then visits all of them."""
    free = [True] * ((end - start) // MINUTE)
    for taken, released in busy:
        for minute in range((taken - start) // MINUTE, min((released - start) // MINUTE, len(free))):
            free[minute] = False
    gaps: Gaps = []
    opened = None
    for minute, is_free in enumerate(free):
        if is_free and opened is None:
            opened = minute
        elif not is_free and opened is not None:
            gaps.append((start + opened * MINUTE, start + minute * MINUTE))
            opened = None
    if opened is not None:
        gaps.append((start + opened * MINUTE, end))
    return gaps


def with_portion(busy: Events, start: Instant, end: Instant) -> Gaps:
    """portion's union and difference."""
    taken = portion.Interval(*(portion.closedopen(*span) for span in busy))
    gaps: Any = portion.closedopen(start, end) - taken  # bounds may be infinite in portion; these are not
    return [(gap.lower, gap.upper) for gap in gaps]


def with_intervaltree(busy: Events, start: Instant, end: Instant) -> Gaps:
    """intervaltree's merge_overlaps, and chop for the gaps."""
    taken = IntervalTree.from_tuples(busy)
    taken.merge_overlaps(strict=False)
    free = IntervalTree([Interval(start, end)])
    for span in taken:
        free.chop(span.begin, span.end)
    return [(gap.begin, gap.end) for gap in sorted(free)]


#: the first is the floor for the others
CONTENDERS: dict[str, FindGaps] = {
    "plain sweep": sweep,
    "minute walk": minute_walk,
    "portion": with_portion,
    "intervaltree": with_intervaltree,
}


def answer(find_gaps: FindGaps, query: AvailabilityQuery, members: Sequence[Events]) -> list[Result]:
    """The openings of a query with one group, of which all or one are required."""
    window = query.window()
    start, end = window.starts[0], window.ends[-1]
    subs = [member.sub for _, member in query.members()]
    if query.participants[0].required == "all":
        gaps = find_gaps([span for busy in members for span in busy], start, end)
        everybody = tuple(subs)
        return [(*meeting, everybody) for meeting in islice(read_off(query, gaps), query.max_results)]
    free = [find_gaps(busy, start, end) for busy in members]
    meetings = islice(read_off(query, (gap for gaps in free for gap in gaps)), query.max_results)
    return list(with_names(meetings, free, subs))


def read_off(query: AvailabilityQuery, gaps: Iterable[tuple[Instant, Instant]]) -> Iterator[tuple[Instant, Instant]]:
    """The meetings, or the longest periods, that fit into these gaps. Gaps of several people may overlap."""
    step, duration = query.grid.interval if query.grid is not None else 1, query.duration
    room = sorted((first, -end) for start, end in gaps if (first := -(-start // step) * step) + duration <= end)
    periods = query.response_format is ResponseFormat.PERIODS
    stride = step if query.response_format is ResponseFormat.OVERLAPPING_SLOTS else duration
    reached = 0  # for periods: the end of the last; for meetings: the earliest start of the next
    for start, negative_end in room:
        if periods:
            if -negative_end > reached:
                reached = -negative_end
                yield start, reached
            continue
        start = max(start, -(-reached // step) * step)
        while start + duration <= -negative_end:
            yield start, start + duration
            reached = start + stride
            start = -(-reached // step) * step


def with_names(
    meetings: Iterable[tuple[Instant, Instant]], free: Sequence[Gaps], subs: Sequence[str]
) -> Iterator[Result]:
    """Adds the subs of the members who have a gap around it to each."""
    ends = [[end for _, end in gaps] for gaps in free]
    for start, end in meetings:
        here: list[str] = []
        for sub, gaps, gap_ends in zip(subs, free, ends, strict=True):
            index = bisect_right(gap_ends, start)
            if index < len(gaps) and gaps[index][0] <= start and end <= gap_ends[index]:
                here.append(sub)
        yield start, end, tuple(here)
