"""Durations and buffers as a caller writes them."""

import pytest

from core.durations import Buffer, Duration
from core.errors import Key, Problems


def found(duration: Duration, *, positive: bool = False) -> set[tuple[str, Key]]:
    problems = Problems()
    (duration.check_positive if positive else duration.check)(("it",), problems)
    return {(".".join(map(str, problem.path)), problem.key) for problem in problems}


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (Duration(minutes=90), 5400),
        (Duration(hours=2), 7200),
        (Duration(hours=1, minutes=30), 5400),
        (Duration(hours=0, minutes=59), 3540),
        (Duration(), 0),
    ],
)
def test_hours_and_minutes_add_up(duration, seconds):
    """Either may be left out; minutes alone may be as many as one likes."""
    assert duration.seconds == seconds
    assert found(duration) == set()


@pytest.mark.parametrize(
    ("duration", "problems"),
    [
        (Duration(hours=-1), {("it.hours", Key.INVALID)}),
        (Duration(minutes=-1), {("it.minutes", Key.INVALID)}),
        (Duration(hours=-1, minutes=-1), {("it.hours", Key.INVALID), ("it.minutes", Key.INVALID)}),
        (Duration(hours=1, minutes=60), {("it.minutes", Key.INVALID)}),
        (Duration(hours=0, minutes=60), {("it.minutes", Key.INVALID)}),
        (Duration(hours=-2, minutes=90), {("it.hours", Key.INVALID), ("it.minutes", Key.INVALID)}),
    ],
)
def test_each_part_is_checked_for_itself(duration, problems):
    """A negative hour must not be balanced by minutes, and sixty minutes are an hour once hours are given."""
    assert found(duration) == problems


@pytest.mark.parametrize(
    ("duration", "problems"),
    [
        (Duration(minutes=1), set()),
        (Duration(), {("it", Key.REQUIRED)}),
        (Duration(minutes=0), {("it", Key.TOO_SHORT)}),
        (Duration(hours=0), {("it", Key.TOO_SHORT)}),
        (Duration(hours=0, minutes=0), {("it", Key.TOO_SHORT)}),
        (Duration(hours=1, minutes=-60), {("it.minutes", Key.INVALID)}),
    ],
)
def test_a_meeting_needs_some_time(duration, problems):
    """A duration that is wrong in its parts is not reported as too short as well: one slip, one problem."""
    assert found(duration, positive=True) == problems


def test_a_buffer_checks_both_of_its_halves():
    """Nothing at all is a buffer as well."""
    problems = Problems()
    Buffer().check(("buffer",), problems)
    assert problems == []
    Buffer(Duration(minutes=-5), Duration(hours=1, minutes=75)).check(("buffer",), problems)
    assert [(problem.path, problem.key) for problem in problems] == [
        (("buffer", "before", "minutes"), Key.INVALID),
        (("buffer", "after", "minutes"), Key.INVALID),
    ]
