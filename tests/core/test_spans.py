"""Sets of spans: one normal form, and the operations on it."""

from array import array

import pytest

from core.spans import Busy, Span, SpanSet, in_common
from tests.support.pictures import span_set


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
    assert in_common([one], without=[Busy(other.starts, other.ends)]) == list(span_set(rest))


def test_one_busy_span_cuts_several_free_ones():
    """It is not used up by the first one that it cuts."""
    assert in_common([span_set("##.##.##")], without=[Busy([1], [7])]) == list(span_set("#......#"))


def test_any_number_of_sets_have_something_in_common():
    """Ten people at once cost one sweep."""
    everybody = [span_set("#######."), span_set(".####.##"), span_set("..######"), span_set("#####.##")]
    assert in_common(everybody) == list(span_set("..###.#."))
    assert in_common(everybody[:1]) == list(everybody[0])


def test_common_spans_that_start_together_are_counted_once_each():
    """Two sets that open at the same instant are two sets, and not one that opened twice."""
    assert in_common([span_set("##.##"), span_set("##..."), span_set("...##")]) == []


def test_the_drawing_at_the_head_of_the_module_is_right():
    """Alice and Bob, from their bounds alone."""
    assert in_common([span_set("###..####"), span_set(".#.###...")]) == [(1, 2), (5, 6)]


def test_what_is_too_short_is_left_out():
    """A span of just the length is long enough."""
    assert in_common([span_set("###.##.####")], shortest=3) == [(0, 3), (7, 11)]


# Busy time


def test_busy_spans_may_overlap_and_are_kept_in_order():
    """Nothing is merged: a long one, one inside it, and one that overlaps its end."""
    busy = Busy.of([(5, 9), (0, 6), (2, 3)])
    assert (list(busy.starts), list(busy.ends)) == ([0, 2, 5], [3, 6, 9])
    assert in_common([span_set("############")], without=[busy]) == [(9, 12)]


def test_empty_and_inverted_busy_spans_take_no_time():
    """Not even the instant that they would split free time at."""
    busy = Busy.of([(4, 4), (9, 2)])
    assert busy == Busy()
    assert in_common([span_set("############")], without=[busy]) == [(0, 12)]


def test_several_busy_times_become_one_and_one_stays_itself():
    """The usual member has one calendar, and pays for no copy."""
    one, other = Busy(array("q", [1, 7]), array("q", [3, 8])), Busy((0,), (2,))
    assert Busy.merged((one, other)) == Busy([0, 1, 7], [2, 3, 8])
    assert Busy.merged([one]) is one
    assert Busy.merged([]) == Busy()


def test_near_keeps_whole_spans_and_leaves_out_those_that_do_not_meet_the_stretch():
    """Half-open: the one that ends where it starts and the one that starts where it ends are not in it."""
    busy = Busy((0, 2, 4, 7, 9), (2, 5, 6, 9, 12))
    assert busy.near(5, 7) == Busy([4], [6])
    assert busy.near(4, 10) == Busy([2, 4, 7, 9], [5, 6, 9, 12])
    assert busy.near(20, 30) == Busy()


def test_near_grows_before_it_looks():
    """An event behind the stretch reaches into it with the time that is kept free in front of it, and the other way round."""
    busy = Busy((0, 10), (2, 12))
    assert busy.near(3, 9) == Busy()
    assert busy.near(3, 9, before=2) == Busy([8], [12])
    assert busy.near(3, 9, after=2) == Busy([0], [4])
    assert busy.near(3, 9, before=2, after=2) == Busy([-2, 8], [4, 14])


def test_nobody_changes_busy_time_by_accident():
    """It is shared by all queries that meet it."""
    with pytest.raises(AttributeError):
        Busy().starts = [1]  # pyright: ignore[reportAttributeAccessIssue]: it is what must fail


def test_busy_times_are_compared_by_their_bounds():
    """Whatever sequence those came in; and they can be kept in a dict."""
    assert Busy((1, 2), (3, 4)) == Busy(array("q", [1, 2]), [3, 4])
    assert hash(Busy((1, 2), (3, 4))) == hash(Busy(array("q", [1, 2]), [3, 4]))
    assert Busy((1,), (3,)) != Busy((1,), (4,))
    assert Busy() != SpanSet()


# Sets as values


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
