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
    """Either may be omitted; minutes alone are not limited to 59."""
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
def test_hours_and_minutes_are_checked_separately(duration, problems):
    """Minutes must not cancel a negative hour, and must be below 60 if hours are given."""
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
def test_the_duration_of_a_meeting_must_be_positive(duration, problems):
    """A duration with a wrong part is not also reported as too short."""
    assert found(duration, positive=True) == problems


def test_both_halves_of_a_buffer_are_checked():
    """A buffer of zero is valid."""
    problems = Problems()
    Buffer().check(("buffer",), problems)
    assert problems == []
    Buffer(Duration(minutes=-5), Duration(hours=1, minutes=75)).check(("buffer",), problems)
    assert [(problem.path, problem.key) for problem in problems] == [
        (("buffer", "before", "minutes"), Key.INVALID),
        (("buffer", "after", "minutes"), Key.INVALID),
    ]
