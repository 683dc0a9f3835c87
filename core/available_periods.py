"""Stored available periods: an account's one-off hours."""

from dataclasses import dataclass

from .errors import Problems
from .identity import check_own_id
from .instants import Instant, Unreadable
from .periods import Period, read
from .spans import Span


@dataclass(frozen=True, slots=True)
class StoredAvailablePeriod:
    """`[start, end)`, stored on an account. Either bound may be Unreadable until it has been checked."""

    available_period_id: str
    start: Instant | Unreadable
    end: Instant | Unreadable

    def check(self, problems: Problems, *, longest: int) -> None:
        """Reports a bad id, unreadable bounds, and a length outside 1 minute to `longest` seconds.

        Unlike a query period it may be in the past. An application that synchronises a list upserts all
        of it again and again: what was accepted yesterday must be accepted today, and does no harm.
        """
        check_own_id(self.available_period_id, ("available_period_id",), problems)
        Period(self.start, self.end).check((), problems, now=None, longest=longest)

    def span(self) -> Span:
        """The time that the checked period covers."""
        return Span(read(self.start), read(self.end))
