"""Sets of spans: their normal form, and the operations on them."""

from array import array

import pytest

from core.spans import Busy, Span, SpanSet, in_common
from tests.support.pictures import span_set


def test_a_set_is_sorted_and_merged():
    """One normal form: two sets of the same instants are equal, however they were built."""
    assert list(SpanSet.of([(7, 9), (1, 4), (3, 5)])) == [Span(1, 5), Span(7, 9)]


def test_spans_that_touch_are_merged():
    """They are half-open: nothing lies between [1, 3) and [3, 5)."""
    assert list(SpanSet.of([(3, 5), (1, 3)])) == [Span(1, 5)]


def test_a_span_inside_another_adds_nothing():
    """Its earlier end must not shorten the result."""
    assert list(SpanSet.of([(0, 9), (2, 4), (3, 5)])) == [Span(0, 9)]


def test_empty_and_inverted_spans_are_dropped():
    """They cover nothing, not even the gap between two others."""
    assert list(SpanSet.of([(4, 4), (9, 2)])) == []
    assert list(SpanSet.of([(0, 1), (1, 1), (2, 3)])) == [Span(0, 1), Span(2, 3)]


def test_a_set_built_from_a_set_equals_it():
    """The normal form of a normal form is itself."""
    spans = span_set("##..#.###")
    assert SpanSet.of(spans) == spans


@pytest.mark.parametrize(
    ("left", "right", "union", "common", "rest"),
    [
        ("####....", "..####..", "######..", "..##....", "##......"),
        ("########", "..##..##", "########", "..##..##", "##..##.."),
        ("..##..##", "########", "########", "..##..##", "........"),
        ("##..##..", "..##..##", "########", "........", "##..##.."),
        ("###..###", ".######.", "########", ".##..##.", "#......#"),
        ("........", "##..##..", "##..##..", "........", "........"),
        ("##..##..", "........", "##..##..", "........", "##..##.."),
        (".#.#.#.#", "#.#.#.#.", "########", "........", ".#.#.#.#"),
        ("########", "#......#", "########", "#......#", ".######."),
    ],
)
def test_union_intersection_and_difference_match_their_drawings(left, right, union, common, rest):
    """Spans that overlap, contain, touch, alternate and miss each other."""
    one, other = span_set(left), span_set(right)
    assert one | other == other | one == span_set(union)
    assert one & other == other & one == span_set(common)
    assert in_common([one], without=[Busy(other.starts, other.ends)]) == list(span_set(rest))


def test_one_busy_span_can_cut_several_free_spans():
    """The first cut does not use it up."""
    assert in_common([span_set("##.##.##")], without=[Busy([1], [7])]) == list(span_set("#......#"))


def test_any_number_of_sets_can_be_intersected():
    """Ten members cost one sweep."""
    everybody = [span_set("#######."), span_set(".####.##"), span_set("..######"), span_set("#####.##")]
    assert in_common(everybody) == list(span_set("..###.#."))
    assert in_common(everybody[:1]) == list(everybody[0])


def test_sets_that_start_together_count_once_each():
    """A set whose next span starts where another set starts must not count twice."""
    assert in_common([span_set("##.##"), span_set("##..."), span_set("...##")]) == []


def test_the_drawing_at_the_head_of_the_module_is_right():
    """Alice and Bob, by their bounds."""
    assert in_common([span_set("###..####"), span_set(".#.###...")]) == [(1, 2), (5, 6)]


def test_spans_shorter_than_the_minimum_are_dropped():
    """A span of exactly that length is long enough."""
    assert in_common([span_set("###.##.####")], shortest=3) == [(0, 3), (7, 11)]


# Busy time


def test_busy_spans_may_overlap_and_are_sorted():
    """Nothing is merged: a long span, one inside it, and one that overlaps its end."""
    busy = Busy.of([(5, 9), (0, 6), (2, 3)])
    assert (list(busy.starts), list(busy.ends)) == ([0, 2, 5], [3, 6, 9])
    assert in_common([span_set("############")], without=[busy]) == [(9, 12)]


def test_empty_and_inverted_busy_spans_are_dropped():
    """They would otherwise split free time at an instant."""
    busy = Busy.of([(4, 4), (9, 2)])
    assert busy == Busy()
    assert in_common([span_set("############")], without=[busy]) == [(0, 12)]


def test_busy_times_are_merged_and_a_single_one_is_not_copied():
    """Most members have one calendar, and need no copy."""
    one, other = Busy(array("q", [1, 7]), array("q", [3, 8])), Busy((0,), (2,))
    assert Busy.merged((one, other)) == Busy([0, 1, 7], [2, 3, 8])
    assert Busy.merged([one]) is one
    assert Busy.merged([]) == Busy()


def test_near_keeps_whole_spans_and_drops_those_outside():
    """Half-open: a span that ends at the start, or starts at the end, is dropped."""
    busy = Busy((0, 2, 4, 7, 9), (2, 5, 6, 9, 12))
    assert busy.near(5, 7) == Busy([4], [6])
    assert busy.near(4, 10) == Busy([2, 4, 7, 9], [5, 6, 9, 12])
    assert busy.near(20, 30) == Busy()


def test_near_extends_spans_by_their_buffers_first():
    """A span after the range reaches into it by the buffer before it, and one in front of it by the buffer after it."""
    busy = Busy((0, 10), (2, 12))
    assert busy.near(3, 9) == Busy()
    assert busy.near(3, 9, before=2) == Busy([8], [12])
    assert busy.near(3, 9, after=2) == Busy([0], [4])
    assert busy.near(3, 9, before=2, after=2) == Busy([-2, 8], [4, 14])


def test_busy_is_immutable():
    """It is shared by all queries that use it."""
    with pytest.raises(AttributeError):
        Busy().starts = [1]  # pyright: ignore[reportAttributeAccessIssue]: this must fail


def test_busy_times_with_equal_bounds_are_equal():
    """Whatever the type of the sequences; and they are hashable."""
    assert Busy((1, 2), (3, 4)) == Busy(array("q", [1, 2]), [3, 4])
    assert hash(Busy((1, 2), (3, 4))) == hash(Busy(array("q", [1, 2]), [3, 4]))
    assert Busy((1,), (3,)) != Busy((1,), (4,))
    assert Busy() != SpanSet()


# Sets as values


def test_sets_that_cover_the_same_are_equal():
    """They are hashable, whatever the type of the sequences of their bounds."""
    assert SpanSet((1, 5), (3, 6)) == SpanSet([1, 5], [3, 6])
    assert hash(SpanSet((1, 5), (3, 6))) == hash(SpanSet([1, 5], [3, 6]))
    assert span_set(".#") != span_set("#.")
    assert span_set(".#") != [(1, 2)]


def test_the_length_is_the_number_of_spans():
    """So an empty set is false."""
    assert len(span_set("##.#")) == 2
    assert not span_set("....")


def test_a_set_prints_as_times():
    """For the output of failing tests."""
    assert repr(SpanSet.of([(0, 60)])) == "SpanSet(1970-01-01T00:00:00Z/1970-01-01T00:01:00Z)"
