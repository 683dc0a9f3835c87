"""How many may stay on the line at a time."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..observability import metrics


class LimitReached(Exception):
    """There is no room for one more just now."""


@dataclass
class ConnectionLimits:
    """The sockets and the subscriptions that one process has open, which take memory for as long as they are."""

    max_open: int
    max_subscriptions_of_client: int
    sockets: int = 0
    subscriptions: Counter[int | None] = field(default_factory=Counter[int | None])

    @contextmanager
    def socket(self) -> Generator[None]:
        """Room for a socket. Raises Full."""
        if self.sockets >= self.max_open:
            raise LimitReached(f"This process has {self.max_open} sockets open already.")
        self.sockets += 1
        metrics.SOCKETS.inc()
        try:
            yield
        finally:
            self.sockets -= 1
            metrics.SOCKETS.dec()

    @contextmanager
    def subscription(self, client_key: int | None) -> Generator[None]:
        """Room for a subscription by this client. Raises Full."""
        if self.subscriptions[client_key] >= self.max_subscriptions_of_client:
            raise LimitReached(f"This application has {self.max_subscriptions_of_client} subscriptions open already.")
        if self.subscriptions.total() >= self.max_open:
            raise LimitReached(f"This process has {self.max_open} subscriptions open already.")
        self.subscriptions[client_key] += 1
        metrics.SUBSCRIPTIONS.inc()
        try:
            yield
        finally:
            self.subscriptions[client_key] -= 1
            metrics.SUBSCRIPTIONS.dec()
