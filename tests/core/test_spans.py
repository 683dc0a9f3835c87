"""Sets of spans: one normal form, and the operations on it."""

import pytest

from core.spans import Span, SpanSet
from tests.pictures import span_set


def test_a_set_is_sorted_and_merges_what_overlaps():
    """One normal form: so two sets of the same instants are the same set, however they were given."""
    assert list(SpanSet.of([(7, 9), (1, 4), (3, 5)])) == [Span(1, 5), Span(7, 9)]


def test_spans_that_touch_become_one():
    """They are half-open: nothing lies between [1, 3) and [3, 5)."""
    assert list(SpanSet.of([(3, 5), (1, 3)])) == [Span(1, 5)]


def test_a_span_inside_another_adds_nothing():
    """A later start with an earlier end must not pull the end back."""
    assert list(SpanSet.of([(0, 9), (2, 4), (3, 5)])) == [Span(0, 9)]


def test_empty_and_inverted_spans_are_left_out():
    """Nothing is covered by them, not even the ground between two others."""
    assert list(SpanSet.of([(4, 4), (9, 2)])) == []
    assert list(SpanSet.of([(0, 1), (1, 1), (2, 3)])) == [Span(0, 1), Span(2, 3)]


def test_a_set_made_of_a_set_is_the_same_set():
    """Normal form is final."""
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
def test_union_common_and_rest_are_what_they_look_like(left, right, union, common, rest):
    """Spans that overlap, contain, touch, alternate and miss each other."""
    one, other = span_set(left), span_set(right)
    assert one | other == other | one == span_set(union)
    assert one & other == other & one == span_set(common)
    assert one - other == span_set(rest)


def test_one_busy_span_cuts_several_free_ones():
    """It is not used up by the first one that it cuts."""
    assert span_set("##.##.##") - span_set(".######.") == span_set("#......#")


def test_common_takes_any_number_of_sets():
    """Ten people at once cost one sweep."""
    everybody = [span_set("#######."), span_set(".####.##"), span_set("..######"), span_set("#####.##")]
    assert SpanSet.common(everybody) == span_set("..###.#.")
    assert SpanSet.common(everybody[:1]) is everybody[0]


def test_common_spans_that_start_together_are_counted_once_each():
    """Two sets that open at the same instant are two sets, and not one that opened twice."""
    assert SpanSet.common([span_set("##.##"), span_set("##..."), span_set("...##")]) == SpanSet()


def test_grown_spans_merge_where_they_meet():
    """A gap of three seconds is gone when the buffers on both sides are three together."""
    assert span_set("....##...##.....").grown(1, 2) == span_set("...##########...")
    assert span_set("....##...##.....").grown(1, 1) == span_set("...####.####....")


def test_growing_by_nothing_changes_nothing():
    """The usual case costs nothing either."""
    spans = span_set("##..##")
    assert spans.grown(0, 0) is spans


@pytest.mark.parametrize(
    ("instant", "around"),
    [(0, None), (1, Span(1, 3)), (2, Span(1, 3)), (3, None), (5, Span(5, 6)), (6, None)],
)
def test_around_is_the_span_that_an_instant_lies_in(instant, around):
    """The start belongs to a span, the end does not."""
    assert span_set(".##..#.").around(instant) == around


@pytest.mark.parametrize(
    ("start", "end", "covered"),
    [
        (1, 3, True),
        (1, 2, True),
        (2, 3, True),
        (0, 2, False),
        (2, 4, False),
        (1, 6, False),
        (3, 5, False),
        (7, 9, False),
    ],
)
def test_covers_asks_for_all_of_a_span(start, end, covered):
    """A hole in the middle is enough to say no."""
    assert span_set(".##..#.").covers(start, end) is covered


def test_sets_are_compared_by_what_they_cover():
    """And can be kept in a dict, whichever sequence their bounds came in."""
    assert SpanSet((1, 5), (3, 6)) == SpanSet([1, 5], [3, 6])
    assert hash(SpanSet((1, 5), (3, 6))) == hash(SpanSet([1, 5], [3, 6]))
    assert span_set(".#") != span_set("#.")
    assert span_set(".#") != [(1, 2)]


def test_the_length_is_the_number_of_spans():
    """And so an empty set is false."""
    assert len(span_set("##.#")) == 2
    assert not span_set("....")


def test_a_set_prints_as_times():
    """A failing test is read by people."""
    assert repr(SpanSet.of([(0, 60)])) == "SpanSet(1970-01-01T00:00:00Z/1970-01-01T00:01:00Z)"
