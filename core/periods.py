"""Periods, instants and windows as given by a caller, and their checks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import Key, Path, Problems
from .instants import DAY, Instant, Unreadable
from .limits import SHORTEST_PERIOD
from .spans import SpanSet


def check_instant(value: Instant | Unreadable, path: Path, problems: Problems) -> Instant | None:
    """Returns the instant, or None after reporting why it is unreadable."""
    if isinstance(value, Unreadable):
        problems.add(path, Key.INVALID, value.why)
        return None
    return value


def check_future(value: Instant | Unreadable, path: Path, problems: Problems, now: Instant | None) -> Instant | None:
    """As check_instant; also reports an instant that is not after `now`, unless `now` is None."""
    instant = check_instant(value, path, problems)
    if instant is not None and now is not None and instant <= now:
        problems.add(path, Key.IN_PAST, "must be in the future")
    return instant


def check_window(
    start: Instant | Unreadable | None, end: Instant | Unreadable | None, problems: Problems
) -> tuple[Instant | None, Instant | None]:
    """Returns the bounds `from` and `to` of a list, either of which may be None.

    Reports unreadable bounds, and a window that does not end after its start.
    """
    from_ = check_instant(start, ("from",), problems) if start is not None else None
    to = check_instant(end, ("to",), problems) if end is not None else None
    if from_ is not None and to is not None and to <= from_:
        problems.add(("to",), Key.INVALID, "must be after from")
    return from_, to


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)`. Either bound may be Unreadable until it has been checked."""

    start: Instant | Unreadable
    end: Instant | Unreadable

    def check(self, path: Path, problems: Problems, *, now: Instant | None, longest: int) -> None:
        """Reports unreadable bounds, a start that is not after `now`, a length outside 1 minute to `longest` seconds.

        If `now` is None, the period may be in the past.
        """
        start = check_future(self.start, (*path, "start"), problems, now)
        end = check_instant(self.end, (*path, "end"), problems)
        if start is None or end is None:
            return
        if end - start < SHORTEST_PERIOD:
            problems.add((*path, "end"), Key.TOO_SHORT, "must be at least one minute after the start")
        elif end - start > longest:
            problems.add((*path, "end"), Key.TOO_LONG, f"must be at most {longest // DAY} days after the start")


def check_periods(
    periods: Sequence[Period], path: Path, problems: Problems, *, now: Instant | None, most: int, longest: int
) -> None:
    """Reports a wrong number of periods, and the problems of the first `most` of them."""
    check_count(len(periods), path, problems, most=most, noun="period")
    for index, period in enumerate(periods[:most]):
        period.check((*path, index), problems, now=now, longest=longest)


def check_count(count: int, path: Path, problems: Problems, *, most: int, noun: str) -> None:
    """Reports a list that is empty or longer than `most`."""
    if count == 0:
        problems.add(path, Key.TOO_FEW, f"needs at least one {noun}")
    elif count > most:
        problems.add(path, Key.TOO_MANY, f"takes at most {most} {noun}s, not {count}")


def union(periods: Iterable[Period]) -> SpanSet:
    """Returns the time that checked periods cover; overlapping and touching ones are joined."""
    return SpanSet.of((read(period.start), read(period.end)) for period in periods)


def read(value: Instant | Unreadable) -> Instant:
    """Returns the instant of a checked value. Raises TypeError if it is Unreadable."""
    if isinstance(value, Unreadable):
        raise TypeError(f"used before it was checked: {value.why}")
    return value
