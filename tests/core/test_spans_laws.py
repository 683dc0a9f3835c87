"""A SpanSet behaves as the plain set of the instants that it covers: whatever one does to it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.spans import Span, SpanSet

MOST = 30

any_spans = st.lists(st.tuples(st.integers(0, MOST), st.integers(0, MOST)), max_size=8)
sets = any_spans.map(SpanSet.of)
instants = st.integers(-2, MOST + 2)


def covered(spans: SpanSet) -> set[int]:
    """Every instant of the set; and the set has to be in normal form."""
    assert all(start < end for start, end in spans)
    assert all(one.end < other.start for one, other in pairwise(spans))
    return {instant for start, end in spans for instant in range(start, end)}


@given(any_spans)
def test_of_covers_what_the_spans_cover(spans):
    """In any order, overlapping, touching, empty or inverted."""
    assert covered(SpanSet.of(spans)) == {instant for start, end in spans for instant in range(start, end)}


@given(sets, sets)
def test_union_common_and_rest_are_those_of_sets(one, other):
    """Python's own sets are the judge."""
    assert covered(one | other) == covered(one) | covered(other)
    assert covered(one & other) == covered(one) & covered(other)
    assert covered(one - other) == covered(one) - covered(other)


@given(st.lists(sets, min_size=1, max_size=6))
def test_common_is_what_all_have(several):
    """Of one as of six."""
    assert covered(SpanSet.common(several)) == set.intersection(*map(covered, several))


@given(sets, st.integers(0, 5), st.integers(0, 5))
def test_grown_covers_what_lies_that_close(spans, before, after):
    """An instant t is covered when one from t − after to t + before was."""
    assert covered(spans.grown(before, after)) == {
        instant
        for instant in range(-10, MOST + 10)
        if any(near in covered(spans) for near in range(instant - after, instant + before + 1))
    }


@given(sets, instants, instants)
def test_covers_looks_at_every_instant(spans, start, end):
    """Of a span that is not empty."""
    if start < end:
        assert spans.covers(start, end) == (set(range(start, end)) <= covered(spans))


@given(sets, instants)
def test_around_is_as_wide_as_can_be(spans, instant):
    """All of it is covered, and neither neighbour is."""
    around = spans.around(instant)
    inside = covered(spans)
    assert (around is None) == (instant not in inside)
    if around is not None:
        assert around.start <= instant < around.end
        assert {around.start - 1, around.end}.isdisjoint(inside)
        assert set(range(around.start, around.end)) <= inside


@given(sets, sets)
def test_sets_are_equal_when_they_cover_the_same(one, other):
    """And then they have the same hash; and the same spans."""
    assert (one == other) == (covered(one) == covered(other))
    same = SpanSet.of(Span(instant, instant + 1) for instant in covered(one))
    assert same == one
    assert hash(same) == hash(one)
    assert (len(same), bool(same)) == (len(one), bool(covered(one)))
