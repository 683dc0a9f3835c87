"""Rate limits by token bucket, counted in this process. The clock is passed in.

A bucket's capacity is the largest burst, and it refills at a constant rate. In any time `t` at most its capacity
plus the refill during `t` is taken.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from core.lru import LRU

SECONDS = {"s": 1, "min": 60, "h": 3600}

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|h)", re.ASCII)

#: maximum callers with a bucket; the least recently seen is evicted, and starts with a full one again
MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """An amount per time, as written in `text`."""

    amount: int
    seconds: int
    text: str


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Parses rates such as `50/s,500/min`; an empty text has none. Raises ValueError with the invalid part."""
    rates: list[Rate] = []
    for part in text.split(",") if text else ():
        found = _RATE.fullmatch(part.strip())
        if found is None:
            raise ValueError(part)
        rates.append(Rate(int(found[1]), SECONDS[found[2]], found[0]))
    return tuple(rates)


#: seconds below which a wait is 0, since it may be a rounding error of the clock
_ROUNDING = 1e-8


class TokenBucket:
    """A token bucket, full at first. `now` is in seconds on any clock; a clock that goes backwards adds nothing."""

    __slots__ = ("_at", "_capacity", "_left", "_per_second")

    def __init__(self, capacity: float, per_second: float, now: float) -> None:
        self._capacity = self._left = capacity
        self._per_second = per_second
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until a token is available; 0 if one is."""
        self._fill(now)
        wait = (1 - self._left) / self._per_second
        return wait if wait > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Takes a token, or goes into debt for it, up to the capacity of the bucket."""
        self._fill(now)
        self._left = max(-self._capacity, self._left - 1)

    def _fill(self, now: float) -> None:
        self._left = min(self._capacity, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = max(self._at, now)


@dataclass(frozen=True, slots=True)
class ExceededRate:
    """An exceeded limit, and the seconds until it admits the next request."""

    limit: str
    wait: float


class RateLimits:
    """The rate limits of every caller in one of `processes`: an equal share of each rate, but a burst of at least 1."""

    def __init__(self, rates: Sequence[Rate], processes: int = 1) -> None:
        self._rates = rates
        self._processes = processes
        self._buckets = LRU[Hashable, list[TokenBucket]](most=MOST_CALLERS)

    def __bool__(self) -> bool:
        return bool(self._rates)

    def admit(self, caller: Hashable, now: float) -> ExceededRate | None:
        """Counts a request of this caller. Over a limit, counts nothing and returns the limit with the longest wait."""
        if not self._rates:
            return None
        buckets = self._buckets.get_or_put(caller, lambda: self._make_buckets(now))
        wait, rate = max(
            ((bucket.wait(now), rate) for bucket, rate in zip(buckets, self._rates, strict=True)), key=_wait
        )
        if wait > 0:
            return ExceededRate(rate.text, wait)
        for bucket in buckets:
            bucket.take(now)
        return None

    def _make_buckets(self, now: float) -> list[TokenBucket]:
        parts = [(rate.amount / self._processes, rate.seconds) for rate in self._rates]
        return [TokenBucket(max(1.0, amount), amount / seconds, now) for amount, seconds in parts]


def _wait(found: tuple[float, Rate]) -> float:
    return found[0]
