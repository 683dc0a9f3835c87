"""Rate limits: how much of something there may be in a time, counted in this process. The clock is passed in.

A token bucket holds up to as many tokens as may be used at once, and fills again evenly. Over any time `t` no more are
taken than it holds plus what flows in during `t`.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from core.lru import LRU

SECONDS = {"s": 1, "min": 60, "h": 3600}

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|h)", re.ASCII)

#: how many callers are remembered; the one that was silent for longest is forgotten first, and may begin afresh
MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a time, which is in seconds."""

    amount: int
    seconds: int
    text: str


def parse_rates(text: str) -> tuple[Rate, ...]:
    """The rates of `50/s,500/min`; none of an empty text. Raises ValueError."""
    rates: list[Rate] = []
    for part in text.split(",") if text else ():
        found = _RATE.fullmatch(part.strip())
        if found is None:
            raise ValueError(part)
        rates.append(Rate(int(found[1]), SECONDS[found[2]], found[0]))
    return tuple(rates)


#: seconds too few to wait for: less than a clock's reading is rounded by, whatever it counts from
_ROUNDING = 1e-8


class TokenBucket:
    """Full at first. `now` is in seconds on any clock; one that goes backwards fills nothing."""

    __slots__ = ("_at", "_capacity", "_left", "_per_second")

    def __init__(self, capacity: float, per_second: float, now: float) -> None:
        self._capacity = self._left = capacity
        self._per_second = per_second
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one."""
        self._fill(now)
        wait = (1 - self._left) / self._per_second
        return wait if wait > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Takes a token, or owes it; the debt is never more than the bucket holds."""
        self._fill(now)
        self._left = max(-self._capacity, self._left - 1)

    def _fill(self, now: float) -> None:
        self._left = min(self._capacity, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = max(self._at, now)


@dataclass(frozen=True, slots=True)
class ExceededRate:
    """A limit that was met, and the seconds until it lets the next one through."""

    limit: str
    wait: float


class RateLimits:
    """The rates of one process out of so many: each lets an equal part of them through, and one at a time in any case."""

    def __init__(self, rates: Sequence[Rate], processes: int = 1) -> None:
        self._rates = rates
        self._processes = processes
        self._buckets = LRU[Hashable, list[TokenBucket]](most=MOST_CALLERS)

    def __bool__(self) -> bool:
        return bool(self._rates)

    def admit(self, who: Hashable, now: float) -> ExceededRate | None:
        """Counts a request of this caller, unless it is over a limit: then the limit that lasts longest, and nothing counts."""
        if not self._rates:
            return None
        buckets = self._buckets.get_or_put(who, lambda: self._make(now))
        wait, rate = max(
            ((bucket.wait(now), rate) for bucket, rate in zip(buckets, self._rates, strict=True)), key=_wait
        )
        if wait > 0:
            return ExceededRate(rate.text, wait)
        for bucket in buckets:
            bucket.take(now)
        return None

    def _make(self, now: float) -> list[TokenBucket]:
        parts = [(rate.amount / self._processes, rate.seconds) for rate in self._rates]
        return [TokenBucket(max(1.0, amount), amount / seconds, now) for amount, seconds in parts]


def _wait(found: tuple[float, Rate]) -> float:
    return found[0]
