"""Periods, and lists of them."""

import pytest

from core.errors import Key, Problems, spell
from core.instants import DAY, MINUTE, Unreadable, parse_instant
from core.periods import Period, check_count, check_periods, read, union

NOW = parse_instant("2027-01-19T09:00:00Z")
LONGEST = 35 * DAY


def found(*periods: Period, most: int = 50) -> list[tuple[str, Key]]:
    problems = Problems()
    check_periods(periods, ("periods",), problems, now=NOW, most=most, longest=LONGEST)
    return [(spell(problem.path), problem.key) for problem in problems]


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOW + 1, NOW + 1 + MINUTE), (NOW + 1, NOW + 1 + LONGEST), (NOW + 400 * DAY, NOW + 401 * DAY)],
)
def test_a_future_period_of_one_minute_to_35_days_is_accepted(start, end):
    """The bounds are inclusive; there is no limit on how far in the future it lies."""
    assert found(Period(start, end)) == []


@pytest.mark.parametrize(
    ("start", "end", "path", "key"),
    [
        (NOW, NOW + DAY, "start", Key.IN_PAST),
        (NOW - 1, NOW + DAY, "start", Key.IN_PAST),
        (NOW + 1, NOW + MINUTE, "end", Key.TOO_SHORT),
        (NOW + 1, NOW + 1, "end", Key.TOO_SHORT),
        (NOW + DAY, NOW + 1, "end", Key.TOO_SHORT),
        (NOW + 1, NOW + 2 + LONGEST, "end", Key.TOO_LONG),
        (Unreadable("no"), NOW + DAY, "start", Key.INVALID),
        (NOW + 1, Unreadable("no"), "end", Key.INVALID),
    ],
)
def test_problems_of_a_period_are_reported_at_its_start_or_end(start, end, path, key):
    """A start that is not in the future is refused, not clipped; now itself is past."""
    assert found(Period(NOW + 1, NOW + DAY), Period(start, end)) == [(f"periods[1].{path}", key)]


def test_both_bounds_of_a_period_can_be_invalid_at_once():
    """Callers learn of both problems in one request."""
    assert found(Period(NOW - DAY, NOW - DAY)) == [("periods[0].start", Key.IN_PAST), ("periods[0].end", Key.TOO_SHORT)]
    assert found(Period(Unreadable("no"), Unreadable("no"))) == [
        ("periods[0].start", Key.INVALID),
        ("periods[0].end", Key.INVALID),
    ]


def test_without_a_current_time_a_period_may_lie_in_the_past():
    """Stored periods have a history; all other checks apply to them."""
    problems = Problems()
    Period(NOW - DAY, NOW).check((), problems, now=None, longest=LONGEST)
    assert problems == []
    Period(Unreadable("no"), NOW).check((), problems, now=None, longest=LONGEST)
    Period(NOW - DAY, NOW - DAY).check((), problems, now=None, longest=LONGEST)
    assert [(problem.path, problem.key) for problem in problems] == [
        (("start",), Key.INVALID),
        (("end",), Key.TOO_SHORT),
    ]


def test_at_least_one_period_is_required():
    """An empty list does not mean always."""
    assert found() == [("periods", Key.TOO_FEW)]


def test_the_number_of_periods_is_limited():
    """The limit is inclusive. Only the first ones beyond it are checked: a million periods give no million problems."""
    fine, past = Period(NOW + 1, NOW + DAY), Period(NOW - 1, NOW + DAY)
    assert found(fine, fine, most=2) == []
    assert found(fine, past, past, past, most=2) == [("periods", Key.TOO_MANY), ("periods[1].start", Key.IN_PAST)]


def test_a_problem_with_a_count_names_the_limit():
    """In its description, for people."""
    problems = Problems()
    check_count(51, ("query_periods",), problems, most=50, noun="period")
    assert problems[0].description == "takes at most 50 periods, not 51"


def test_a_problem_with_a_length_names_the_days():
    """The limit is documented in days."""
    problems = Problems()
    Period(NOW + 1, NOW + 40 * DAY).check((), problems, now=NOW, longest=LONGEST)
    assert problems[0].description == "must be at most 35 days after the start"


def test_overlapping_and_touching_periods_are_merged():
    """A meeting may lie across the seam of two of them."""
    assert list(union([Period(50, 60), Period(10, 30), Period(20, 40), Period(40, 50)])) == [(10, 60)]


def test_an_unreadable_value_cannot_be_used():
    """Forgetting to validate is a bug of ours, and must raise."""
    assert read(NOW) == NOW
    with pytest.raises(TypeError, match="used before it was checked: has no time zone"):
        union([Period(NOW, Unreadable("has no time zone"))])
