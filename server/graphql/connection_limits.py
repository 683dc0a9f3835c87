"""Limits on open sockets and subscriptions.

A socket without a valid token takes no place of those with one: there are a few places of its own kind, and a newcomer
evicts an older one.
"""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.fair_set import FairSet

from ..observability import metrics

MAX_UNPROVEN = 500
"""Maximum WebSockets of a process without a valid token. Beyond it, one of the address that has most is closed."""


class LimitReached(Exception):
    """No more sockets or subscriptions may be opened at the moment."""


@dataclass
class ConnectionLimits:
    """Counts the open sockets and subscriptions of one process, because each holds memory while it is open."""

    max_open: int
    max_subscriptions_of_client: int
    #: sockets that have sent a valid token
    sockets: int = 0
    subscriptions: Counter[int | None] = field(default_factory=Counter[int | None])
    #: the others
    unproven: FairSet["SocketPlace"] = field(init=False)

    def __post_init__(self) -> None:
        self.unproven = FairSet(MAX_UNPROVEN, lambda place: place.evict())

    @contextmanager
    def socket(self, address: str, evict: Callable[[], object]) -> Generator["SocketPlace"]:
        """Counts a socket of this address for the length of the block, at first as one without a valid token.

        `evict` is called if it must make room for another such socket. Raises LimitReached.
        """
        self.require_room()
        place = SocketPlace(self, evict)
        self.unproven.add(place, address)
        metrics.SOCKETS.inc()
        try:
            yield place
        finally:
            place.release()
            metrics.SOCKETS.dec()

    @property
    def open_sockets(self) -> int:
        """Number of open sockets, except for those that are closed to make room."""
        return self.sockets + len(self.unproven)

    def require_room(self) -> None:
        """Raises LimitReached if there is no room for one more socket with a valid token."""
        if self.sockets >= self.max_open:
            raise LimitReached(f"This process already has {self.max_open} sockets open.")

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


class SocketPlace:
    """The place of one open socket."""

    def __init__(self, limits: ConnectionLimits, evict: Callable[[], object]) -> None:
        self.evict = evict
        self._limits = limits
        self._proven = False

    def prove(self) -> None:
        """Counts the socket as one with a valid token from now on. Raises LimitReached."""
        self._limits.require_room()
        self._limits.unproven.discard(self)
        self._limits.sockets += 1
        self._proven = True

    def release(self) -> None:
        """Counts the socket no longer."""
        self._limits.unproven.discard(self)
        self._limits.sockets -= self._proven
        self._proven = False
