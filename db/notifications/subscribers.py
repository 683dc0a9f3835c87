"""Subscribers to accounts, and how a transaction marks the accounts that it changes.

Every write that can change the result of an availability query (events, rules, stored periods, an
account's grants and tokens) calls `mark_changed` in its own transaction. After the commit the
subscribers of those accounts are woken: on SQLite by this process once the commit has returned; on
PostgreSQL by a NOTIFY in the transaction, which the server sends at the commit to every process,
including this one. `listener.py` receives it. Where there is no NOTIFY it is as on SQLite, and
`polling.py` looks for writes by other processes.

A wake-up only means: evaluate again. There may be fewer wake-ups than changes, and wake-ups without a change.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

CHANNEL = "openings_changes"
"""PostgreSQL channel that all processes listen on."""

PAUSE = 0.04
"""Minimum seconds between two evaluations of one waiter. Of many changes in quick succession only the last counts."""

#: maximum concurrent evaluations per process: leaves CPU and pool to queries, however many subscribers
#: there are
_CONCURRENT = 2

#: A NOTIFY payload must be shorter than 8,000 bytes. For more accounts than this it says "all".
_MAX_NAMED = 300
_ALL = "*"

ChangedAccounts: TypeAlias = frozenset[int] | None
"""Keys of accounts; None if any account may have changed."""

Watched: TypeAlias = int | bytes
"""What a subscriber watches: an account, by its key, or the token that it came with, by its digest."""

_KEY = "openings.touched"


def mark_changed(session: AsyncSession, *account_keys: int) -> None:
    """Marks that the transaction changes what queries about these accounts return."""
    changed: set[int] | None = session.info.setdefault(_KEY, set[int]())
    if changed is not None:
        changed.update(account_keys)


def mark_all_changed(session: AsyncSession) -> None:
    """Marks that the transaction may change what queries about any account return."""
    session.info[_KEY] = None


def encode(changed: ChangedAccounts) -> str:
    """Encodes a NOTIFY payload."""
    if changed is None or len(changed) > _MAX_NAMED:
        return _ALL
    return " ".join(map(str, sorted(changed)))


def decode(payload: str) -> ChangedAccounts:
    """Decodes a NOTIFY payload. An unreadable one, which a newer version may have sent, means all accounts."""
    try:
        return frozenset(map(int, payload.split()))
    except ValueError:
        return None


class Waiter:
    """A subscriber that evaluates again when one of its accounts changes."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._changed = asyncio.Event()
        self._last_run = -PAUSE

    def wake(self) -> None:
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Returns when one of the accounts has changed, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    @asynccontextmanager
    async def throttled(self) -> AsyncGenerator[None]:
        """Throttles re-evaluation: at least PAUSE apart per waiter, at most _CONCURRENT at once per process."""
        await asyncio.sleep(self._last_run + PAUSE - asyncio.get_running_loop().time())
        async with self._slots:
            self._changed.clear()  # a wake-up from here on causes one more evaluation
            yield
        self._last_run = asyncio.get_running_loop().time()


class Subscribers:
    """All subscribers of this process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._by_watched: defaultdict[Watched, set[Waiter]] = defaultdict(set)
        self._all: set[Waiter] = set()
        #: called when the first subscriber arrives, and when the last one has left
        self.on_first: Callable[[], None] = lambda: None
        self.on_last: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._all)

    @property
    def watched(self) -> list[Watched]:
        """What the subscribers watch at present."""
        return [*self._by_watched]

    @contextmanager
    def subscribe(self, watched: Collection[Watched]) -> Generator[Waiter]:
        """Subscribes to these accounts for the duration of the block; a token matters only where changes are polled for."""
        waiter = Waiter(self._slots)
        self._all.add(waiter)
        for one in watched:
            self._by_watched[one].add(waiter)
        if len(self._all) == 1:
            self.on_first()
        try:
            yield waiter
        finally:
            self._forget(waiter, watched)

    def _forget(self, waiter: Waiter, watched: Iterable[Watched]) -> None:
        self._all.discard(waiter)
        for one in watched:
            self._by_watched[one].discard(waiter)
            if not self._by_watched[one]:
                del self._by_watched[one]
        if not self._all:
            self.on_last()

    def wake(self, changed: Collection[Watched] | None) -> None:
        """Wakes those who watch one of these; None: all subscribers."""
        if changed is None:
            woken = list(self._all)
        else:
            woken = [waiter for one in changed if one in self._by_watched for waiter in self._by_watched[one]]
        for waiter in woken:
            waiter.wake()

    @contextmanager
    def notify_after(self, session: AsyncSession) -> Generator[None]:
        """Wakes subscribers when the transaction ends, even if its outcome is unknown."""
        try:
            yield
        finally:
            if _KEY in session.info:
                self.wake(_pop_changed(session))


@asynccontextmanager
async def notify_in_transaction(session: AsyncSession, *, notify: bool) -> AsyncGenerator[None]:
    """Adds the NOTIFY, if there is one, to the transaction after its work. Forgets the marked accounts if the work fails."""
    try:
        yield
    except Exception:
        session.info.pop(_KEY, None)
        raise
    if notify and _KEY in session.info:
        await session.exec(select(func.pg_notify(CHANNEL, encode(_pop_changed(session)))))


def _pop_changed(session: AsyncSession) -> ChangedAccounts:
    changed: set[int] | None = session.info.pop(_KEY)
    return None if changed is None else frozenset(changed)
