"""Writes of one client that SQLite commits together, so that they wait for the write lock and for the disk once.

Each is still all or nothing, and acknowledged after the commit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from .base import Caller, LockedWrite, Row

MOST = 16
"""Maximum number of writes that are committed together."""


class QueuedWrite:
    """A write and its outcome."""

    def __init__(
        self,
        locked_write: LockedWrite,
        values: Sequence[Any],
        caller: Caller | None,
        changed: Sequence[int],
        many: Sequence[Row] = (),
    ) -> None:
        """`changed` are the keys of accounts that it changes, beside the caller's; `many` are the rows for its `each`."""
        self.locked_write, self.values, self.caller, self.many = locked_write, values, caller, many
        self._changed = changed
        #: whether its caller was cancelled; written by the event loop's thread, read by the writer thread
        self.given_up = False
        #: the first row written, or the error; set by the writer thread
        self.row: Row | None = None
        self.error: BaseException | None = None
        #: resolved when it is to lead (True), or its outcome is known (False); not for one that leads at once
        self.turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @property
    def accounts(self) -> Sequence[int]:
        """The keys of the accounts that it changes, as far as they are known."""
        account = () if self.caller is None or self.caller.account_key is None else (self.caller.account_key,)
        return (*self._changed, *account)

    def outcome(self) -> Row | None:
        """Returns the first row written. Raises the error."""
        if self.error is not None:
            raise self.error
        return self.row

    def resolve(self, *, leads: bool) -> bool:
        """Ends the wait for its turn. Returns False if its caller does not wait any more."""
        if self.turn.done():
            return False
        self.turn.set_result(leads)
        return True


class WriteLine:
    """The writes of a client, first come, first served. The first is the leader: it waits for the lock for all of them.

    Its transaction takes the others as well, also those that come while it runs.
    """

    def __init__(self, may_go_on: Callable[[], bool]) -> None:
        """`may_go_on` says whether a transaction may take a further write, or it is the turn of another client."""
        self._may_go_on = may_go_on
        self._waiting: deque[QueuedWrite] = deque()
        #: those of the running transaction
        self._taken: list[QueuedWrite] = []
        self._mutex = Lock()
        #: whether one of them is the leader
        self.is_led = False

    def add(self, write: QueuedWrite) -> bool:
        """Adds a write. Returns whether it is the leader: nobody is, so far."""
        with self._mutex:
            self._waiting.append(write)
        leads, self.is_led = not self.is_led, True
        return leads

    def take(self) -> QueuedWrite | None:
        """Returns the next write of the transaction, or None at its end. For the writer thread."""
        with self._mutex:
            if not self._waiting or (self._taken and (len(self._taken) == MOST or not self._may_go_on())):
                return None
            self._taken.append(self._waiting.popleft())
            return self._taken[-1]

    def fail(self, error: BaseException) -> None:
        """Makes an error the outcome of every write that is under way or waits."""
        with self._mutex:
            self._taken += self._waiting
            self._waiting.clear()
            for write in self._taken:
                write.row, write.error = None, error

    def discard(self, write: QueuedWrite) -> None:
        """Drops a write whose caller was cancelled. If it is under way, it is undone as far as it still can be."""
        with self._mutex:
            write.given_up = True
            if write in self._waiting:
                self._waiting.remove(write)

    def go_on(self) -> frozenset[int]:
        """Tells the writes of the transaction that it is over, and the next one that it leads. Returns the accounts changed."""
        taken, self._taken = self._taken, []
        for write in taken:
            write.resolve(leads=False)
        self.is_led = any(write.resolve(leads=True) for write in self._waiting)
        return frozenset(account for write in taken for account in write.accounts)
