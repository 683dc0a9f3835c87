"""A SpanSet behaves like the plain set of the instants that it covers, under all operations."""

from collections import Counter
from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.spans import Busy, Span, SpanSet, in_common

MOST = 30

any_spans = st.lists(st.tuples(st.integers(0, MOST), st.integers(0, MOST)), max_size=8)
sets = any_spans.map(SpanSet.of)
busy_times = any_spans.map(Busy.of)
instants = st.integers(-2, MOST + 2)


def depth(busy: Busy) -> Counter[int]:
    """The number of spans at each instant that has any."""
    return Counter(each for start, end in zip(busy.starts, busy.ends, strict=True) for each in range(start, end))


def taken(busy: Busy) -> set[int]:
    return set(depth(busy))


def covered(spans: SpanSet) -> set[int]:
    """Every instant of the set; also checks that the set is in normal form."""
    assert all(start < end for start, end in spans)
    assert all(one.end < other.start for one, other in pairwise(spans))
    return {instant for start, end in spans for instant in range(start, end)}


@given(st.lists(st.tuples(any_spans, st.booleans()), max_size=5))
def test_busy_time_without_some_spans_is_that_of_the_others(several):
    """However they overlap, and though the bounds of a span are not stored together."""
    everything = Busy.merged([Busy.of(spans) for spans, _ in several] or [Busy()])
    some = Busy.merged([Busy.of(spans) for spans, taken in several if taken] or [Busy()])
    rest = Busy.merged([Busy.of(spans) for spans, taken in several if not taken] or [Busy()])
    assert everything.without(some) == rest


@given(any_spans)
def test_of_covers_the_union_of_its_spans(spans):
    """In any order, overlapping, touching, empty or inverted."""
    assert covered(SpanSet.of(spans)) == {instant for start, end in spans for instant in range(start, end)}


@given(sets, sets)
def test_union_and_intersection_are_those_of_plain_sets(one, other):
    """Compared with Python's own sets."""
    assert covered(one | other) == covered(one) | covered(other)
    assert covered(one & other) == covered(one) & covered(other)


@given(st.lists(sets, min_size=1, max_size=5), st.lists(busy_times, max_size=3), st.integers(1, 6))
def test_in_common_is_the_common_free_time(several, busy, shortest):
    """For one member and for five; of the resulting spans only those that are long enough, whole."""
    left = set.intersection(*map(covered, several)).difference(*map(taken, busy))
    whole = SpanSet.of((instant, instant + 1) for instant in left)
    assert in_common(several, without=busy, shortest=shortest) == [
        (start, end) for start, end in whole if end - start >= shortest
    ]


@given(any_spans)
def test_busy_covers_each_instant_as_often_as_its_spans(spans):
    """Counts are equal at every instant, not only busy or free; and each start has a later end."""
    busy = Busy.of(spans)
    assert Counter(each for start, end in spans for each in range(start, end)) == depth(busy)
    assert all(start < end for start, end in zip(busy.starts, busy.ends, strict=True))
    assert [list(busy.starts), list(busy.ends)] == [sorted(busy.starts), sorted(busy.ends)]


@given(st.lists(any_spans, max_size=4))
def test_merging_equals_building_from_all_spans(several):
    """As if they had been one calendar."""
    assert Busy.merged([Busy.of(spans) for spans in several]) == Busy.of(chain.from_iterable(several))


@given(any_spans, instants, instants, st.integers(0, 5), st.integers(0, 5))
def test_near_equals_the_busy_time_within_the_range(spans, start, end, before, after):
    """With spans extended one by one first. The result outside of the range is undefined."""
    if start < end:
        grown = Busy.of((first - before, last + after) for first, last in spans if first < last)
        near = Busy.of(spans).near(start, end, before=before, after=after)
        stretch = range(start, end)
        assert {each: depth(near)[each] for each in stretch} == {each: depth(grown)[each] for each in stretch}


@given(any_spans, instants, instants)
def test_near_is_no_longer_than_the_number_of_spans_in_the_range(spans, start, end):
    """However large the calendar: this bounds the cost of a query."""
    if start < end:
        meeting = [each for each in spans if max(each[0], start) < min(each[1], end) and each[0] < each[1]]
        assert len(Busy.of(spans).near(start, end).starts) == len(meeting)


@given(any_spans, sets)
def test_meeting_is_the_busy_time_within_the_rooms(spans, rooms):
    """And no more: a span that meets several rooms is returned once, so that many rooms do not multiply it."""
    busy = Busy.of(spans)
    meeting = busy.meeting(rooms)
    inside = covered(rooms)
    assert {each: depth(meeting)[each] for each in inside} == {each: depth(busy)[each] for each in inside}
    own = [range(start, end) for start, end in zip(busy.starts, busy.ends, strict=True)]
    assert len(meeting.starts) == len(meeting.ends) == sum(not inside.isdisjoint(each) for each in own)


@given(sets, sets)
def test_sets_are_equal_exactly_when_they_cover_the_same(one, other):
    """Then their hashes and their spans are equal too."""
    assert (one == other) == (covered(one) == covered(other))
    same = SpanSet.of(Span(instant, instant + 1) for instant in covered(one))
    assert same == one
    assert hash(same) == hash(one)
    assert (len(same), bool(same)) == (len(one), bool(covered(one)))
