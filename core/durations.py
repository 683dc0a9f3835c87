"""Durations and buffers as given by a caller: `{hours, minutes}`."""

from dataclasses import dataclass

from .errors import Key, Path, Problems
from .instants import HOUR, MINUTE


@dataclass(frozen=True, slots=True)
class Duration:
    """Hours and minutes; either may be omitted. Minutes must be below 60 if hours are given."""

    hours: int | None = None
    minutes: int | None = None

    @property
    def seconds(self) -> int:
        return (self.hours or 0) * HOUR + (self.minutes or 0) * MINUTE

    def check(self, path: Path, problems: Problems) -> None:
        """Reports negative values, and 60 minutes or more beside hours."""
        for name, value in (("hours", self.hours), ("minutes", self.minutes)):
            if value is not None and value < 0:
                problems.add((*path, name), Key.INVALID, "must not be negative")
        if self.hours is not None and self.minutes is not None and self.minutes >= 60:
            problems.add((*path, "minutes"), Key.INVALID, "must be less than 60 when hours are given")

    def check_positive(self, path: Path, problems: Problems) -> None:
        """As `check`; also reports a duration that is missing or zero."""
        before = len(problems)
        self.check(path, problems)
        if self.hours is None and self.minutes is None:
            problems.add(path, Key.REQUIRED, "needs hours, minutes or both")
        elif len(problems) == before and self.seconds == 0:
            problems.add(path, Key.TOO_SHORT, "must be at least one minute")


NO_TIME = Duration(minutes=0)


@dataclass(frozen=True, slots=True)
class Buffer:
    """The minimum free time before and after a meeting. It applies to events, not to the edges of a period."""

    before: Duration = NO_TIME
    after: Duration = NO_TIME

    def check(self, path: Path, problems: Problems) -> None:
        self.before.check((*path, "before"), problems)
        self.after.check((*path, "after"), problems)


NO_BUFFER = Buffer()
