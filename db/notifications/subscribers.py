"""Who waits for which account to change, and how a transaction says which accounts it has touched.

Whatever changes what an availability query may find (events, rules, stored periods, what an account grants, its tokens)
says so with `touch` in its own transaction. When that is committed, whoever waits for one of the accounts is woken. On
SQLite the process tells itself, once the commit has returned; on PostgreSQL the transaction carries a NOTIFY, which is
sent exactly when it is committed, to every process and this one alike. `watching.py` listens.

Being woken means no more than: look again. Nobody may rely on being woken once for each change, or only for changes.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

CHANNEL = "openings_changes"
"""What PostgreSQL calls the line that all processes listen on."""

PAUSE = 0.04
"""Seconds between two looks of one waiter at least: of many changes in quick succession, all but the last are skipped."""

#: looks at the same time in one process: however many wait, queries find the processor and the pool as good as free
_CONCURRENT = 2

#: A NOTIFY carries less than 8,000 bytes. Who has touched more accounts than this says "everybody".
_MAX_NAMED = 300
_ALL = "*"

ChangedAccounts: TypeAlias = frozenset[int] | None
"""Keys of accounts; None: everybody may have changed."""

_KEY = "openings.touched"


def mark_changed(session: AsyncSession, *account_keys: int) -> None:
    """Says that the transaction changes what can be found out about these accounts."""
    touched: set[int] | None = session.info.setdefault(_KEY, set[int]())
    if touched is not None:
        touched.update(account_keys)


def mark_all_changed(session: AsyncSession) -> None:
    """Says that the transaction may change what can be found out about any account."""
    session.info[_KEY] = None


def encode(touched: ChangedAccounts) -> str:
    """What a NOTIFY says."""
    if touched is None or len(touched) > _MAX_NAMED:
        return _ALL
    return " ".join(map(str, sorted(touched)))


def decode(payload: str) -> ChangedAccounts:
    """What a NOTIFY said. One that cannot be read, which a newer version may have sent, is about everybody."""
    try:
        return frozenset(map(int, payload.split()))
    except ValueError:
        return None


class Waiter:
    """Somebody who has looked at some accounts, and wants to look again when one of them is touched."""

    def __init__(self, looks: asyncio.Semaphore) -> None:
        self._slots = looks
        self._touched = asyncio.Event()
        self._last_run = -PAUSE

    def wake(self) -> None:
        self._touched.set()

    async def wait(self, seconds: float) -> None:
        """Comes back when one of the accounts was touched, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._touched.wait()

    @asynccontextmanager
    async def throttled(self) -> AsyncGenerator[None]:
        """The time for a look: not too soon after the one before, and with only so many others at it."""
        await asyncio.sleep(self._last_run + PAUSE - asyncio.get_running_loop().time())
        async with self._slots:
            self._touched.clear()  # whoever is woken from here on looks once more
            yield
        self._last_run = asyncio.get_running_loop().time()


class Subscribers:
    """Everybody in this process who waits for an account to change."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._by_account: defaultdict[int, set[Waiter]] = defaultdict(set)
        self._all: set[Waiter] = set()
        #: called when somebody begins to wait where nobody did, and when the last one is gone
        self.on_first: Callable[[], None] = lambda: None
        self.on_last: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._all)

    @contextmanager
    def subscribe(self, account_keys: Collection[int]) -> Generator[Waiter]:
        """Somebody who waits for these accounts, as long as the block lasts."""
        waiter = Waiter(self._slots)
        self._all.add(waiter)
        for key in account_keys:
            self._by_account[key].add(waiter)
        if len(self._all) == 1:
            self.on_first()
        try:
            yield waiter
        finally:
            self._forget(waiter, account_keys)

    def _forget(self, waiter: Waiter, account_keys: Iterable[int]) -> None:
        self._all.discard(waiter)
        for key in account_keys:
            self._by_account[key].discard(waiter)
            if not self._by_account[key]:
                del self._by_account[key]
        if not self._all:
            self.on_last()

    def wake(self, touched: ChangedAccounts) -> None:
        """Wakes whoever waits for one of these accounts."""
        if touched is None:
            woken = list(self._all)
        else:
            woken = [waiter for key in touched if key in self._by_account for waiter in self._by_account[key]]
        for waiter in woken:
            waiter.wake()

    @contextmanager
    def notify_after(self, session: AsyncSession) -> Generator[None]:
        """Around a transaction: tells what it has touched when it is over, be it that nobody knows how it ended."""
        try:
            yield
        finally:
            if _KEY in session.info:
                self.wake(_pop_changed(session))


@asynccontextmanager
async def notify_in_transaction(session: AsyncSession) -> AsyncGenerator[None]:
    """Inside a transaction, around its work: what was touched goes with it, and is forgotten if the work fails."""
    try:
        yield
    except Exception:
        session.info.pop(_KEY, None)
        raise
    if _KEY in session.info and session.get_bind().dialect.name == "postgresql":
        await session.exec(select(func.pg_notify(CHANNEL, encode(_pop_changed(session)))))


def _pop_changed(session: AsyncSession) -> ChangedAccounts:
    touched: set[int] | None = session.info.pop(_KEY)
    return None if touched is None else frozenset(touched)
