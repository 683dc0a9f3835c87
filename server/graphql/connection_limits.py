"""Limits on open sockets and subscriptions."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..observability import metrics


class LimitReached(Exception):
    """No more sockets or subscriptions may be opened at the moment."""


@dataclass
class ConnectionLimits:
    """Counts the open sockets and subscriptions of one process, because each holds memory while it is open."""

    max_open: int
    max_subscriptions_of_client: int
    sockets: int = 0
    subscriptions: Counter[int | None] = field(default_factory=Counter[int | None])

    @contextmanager
    def socket(self) -> Generator[None]:
        """Counts a socket for the length of the block. Raises LimitReached."""
        if self.sockets >= self.max_open:
            raise LimitReached(f"This process already has {self.max_open} sockets open.")
        self.sockets += 1
        metrics.SOCKETS.inc()
        try:
            yield
        finally:
            self.sockets -= 1
            metrics.SOCKETS.dec()

    @contextmanager
    def subscription(self, client_key: int | None) -> Generator[None]:
        """Counts a subscription of this client for the length of the block. Raises LimitReached."""
        if self.subscriptions[client_key] >= self.max_subscriptions_of_client:
            raise LimitReached(f"This application already has {self.max_subscriptions_of_client} subscriptions open.")
        if self.subscriptions.total() >= self.max_open:
            raise LimitReached(f"This process already has {self.max_open} subscriptions open.")
        self.subscriptions[client_key] += 1
        metrics.SUBSCRIPTIONS.inc()
        try:
            yield
        finally:
            self.subscriptions[client_key] -= 1
            metrics.SUBSCRIPTIONS.dec()
