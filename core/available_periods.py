"""Stored available periods: an account's hours that come once."""

from dataclasses import dataclass

from .errors import Problems
from .identity import check_own_id
from .instants import Instant, Unreadable
from .periods import Period, read
from .spans import Span


@dataclass(frozen=True, slots=True)
class StoredAvailablePeriod:
    """`[start, end)`, once, kept on the account; either bound may be unreadable until it has been checked."""

    available_period_id: str
    start: Instant | Unreadable
    end: Instant | Unreadable

    def check(self, problems: Problems, *, longest: int) -> None:
        """Reports a bad id, what cannot be read, and a length outside 1 minute to `longest` seconds.

        Unlike a period of a query it may lie in the past. Whoever keeps a list in step with another system upserts it
        whole and again: what was accepted yesterday must be accepted today, and it harms no answer.
        """
        check_own_id(self.available_period_id, ("available_period_id",), problems)
        Period(self.start, self.end).check((), problems, now=None, longest=longest)

    def span(self) -> Span:
        """The time that the checked period covers."""
        return Span(read(self.start), read(self.end))
