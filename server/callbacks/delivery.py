"""Delivering callbacks: as long as a process runs, it sends what is due, and notes what came of it.

    claimed ── 2xx ─────────────→ delivered, and gone
       ├────── anything else ───→ due again later, or given up after three days
       ├────── told to stop ────→ due at once, for another process or the next one
       └────── killed ──────────→ due again when the claim has run out

An application may be told twice: when it was told and the process that has told it ended before it could note so. It
knows the second time by the delivery id.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from core.callbacks import signature, wait_after
from core.instants import DAY, HOUR, Instant
from db import callbacks
from db.callbacks import Claimed
from db.database import Database
from db.encryption import WrongKeyError
from db.retries import is_unavailable, retry_transaction

from ..observability import metrics
from .http_client import DeliveryError, HTTPClient, redacted

log = logging.getLogger("openings")

LEASE = 30
"""Seconds that a claim holds: longer than an attempt with all that belongs to it, or others would send it beside us."""

AT_ONCE = 8
"""Callbacks that one process sends at the same time."""

KEPT = 30 * DAY
"""How long one that was given up is kept, from when it was written."""

INTERVAL = 5.0
"""Seconds between two looks for what other processes have written, and for what they have left behind."""

#: seconds between two looks at least, when what was due has just been claimed
_BREATH = 0.05
#: seconds after which the loop goes on when the database does not answer: at first, and at most
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
#: seconds that callbacks under way have to end in when the process is told to stop
_GRACE = 2.0

_USER_AGENT = f"Openings/{version('openings')}"


class Deliveries:
    """What one process does for callbacks."""

    def __init__(
        self,
        db: Database,
        outgoing: HTTPClient,
        clock: Callable[[], Instant],
        *,
        lease: int = LEASE,
        at_once: int = AT_ONCE,
        interval: float = INTERVAL,
        grace: float = _GRACE,
    ) -> None:
        self._db = db
        self._outgoing = outgoing
        self._clock = clock
        self._lease = lease
        self._at_once = at_once
        self._interval = interval
        self._grace = grace
        self._under_way: dict[asyncio.Task[None], Claimed] = {}
        self._purged_at: Instant | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Callbacks are delivered as long as the block lasts; what is under way at its end has a moment more."""
        loop = asyncio.create_task(self._run())
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.wait({loop})
            await self._stop()

    async def _run(self) -> None:
        pause = _PAUSE
        while True:
            try:
                await self._db.outbox.wait(await self._deliver_due())
                pause = _PAUSE
            except Exception as error:
                _log_error(error)
                await self._db.outbox.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _deliver_due(self) -> float:
        """Takes up what is due, as far as there is room; seconds until there may be more."""
        await self._purge()
        room = self._at_once - len(self._under_way)
        if room == 0:
            return self._interval  # whoever ends wakes us
        due_at = await callbacks.next_due(self._db.driver)
        wait = due_at - self._clock() if due_at is not None else self._interval
        if wait <= 0:
            for callback in await self._claim(room):
                self._start(callback)
        return min(max(wait, _BREATH), self._interval)

    @retry_transaction
    async def _claim(self, most: int) -> list[Claimed]:
        now = self._clock()
        async with self._db.write() as session:
            return await callbacks.claim(session, now, now + self._lease, most)

    def _start(self, callback: Claimed) -> None:
        task = asyncio.create_task(self._deliver(callback))
        self._under_way[task] = callback
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._db.outbox.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log_error(error)  # nobody has noted what came of it: it is sent again when the claim has run out

    async def _deliver(self, callback: Claimed) -> None:
        try:
            await self._send(callback)
        except DeliveryError as error:
            await self._record_failure(callback, str(error))
        except Exception as error:
            _log_error(error)
            await self._record_failure(callback, f"a fault of ours: {type(error).__name__}")
        else:
            await self._record_success(callback)

    async def _send(self, callback: Claimed) -> None:
        """One attempt. Raises DeliveryError."""
        body = callback.body.encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": _USER_AGENT,
            "Cronofy-HMAC-SHA256": signature(self._secret(callback), body),
            "Openings-Delivery-Id": callback.delivery_id,
        }
        await self._outgoing.post(callback.url, headers, body)

    def _secret(self, callback: Claimed) -> str:
        """What it is signed with. Raises DeliveryError."""
        cure = f"openings client secret {callback.client_id} makes a new one"
        if callback.sealed_secret is None:
            raise DeliveryError(f"the client's secret is from before callbacks were signed: {cure}")
        try:
            return self._db.encryption.open(callback.sealed_secret)
        except WrongKeyError:
            words = "the client's secret was sealed with another key than the installation has now"
            raise DeliveryError(f"{words}: give it that one again, or {cure}") from None

    @retry_transaction
    async def _record_success(self, callback: Claimed) -> None:
        async with self._db.write() as session:
            await callbacks.record_success(session, callback)
        metrics.count_callback("delivered")
        _log(logging.INFO, "has arrived", callback)

    @retry_transaction
    async def _record_failure(self, callback: Claimed, why: str) -> None:
        wait = wait_after(callback.attempts)
        due_at = self._clock() + wait if wait is not None else None
        async with self._db.write() as session:
            await callbacks.record_failure(session, callback, why, due_at)
        if wait is not None:
            metrics.count_callback("failed")
            _log(logging.WARNING, "has not arrived: %(reason)s; next in %(wait)d s", callback, reason=why, wait=wait)
        else:
            metrics.count_callback("given_up")
            _log(logging.ERROR, "has not arrived: %(reason)s; given up", callback, reason=why)

    async def _purge(self) -> None:
        """Once an hour."""
        now = self._clock()
        if self._purged_at is None or now >= self._purged_at + HOUR:
            async with self._db.write() as session:
                await callbacks.purge(session, now - KEPT)
            self._purged_at = now

    async def _stop(self) -> None:
        """Lets those under way end, or gives them back; with a database that does not answer, they are due again anyway."""
        if self._under_way:
            await asyncio.wait([*self._under_way], timeout=self._grace)
        left = dict(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait([*left], timeout=self._grace)
            with suppress(Exception):
                async with asyncio.timeout(self._grace), self._db.write() as session:
                    await callbacks.release(session, left.values(), self._clock())


def _log(level: int, words: str, callback: Claimed, **more: object) -> None:
    facts = {"delivery_id": callback.delivery_id, "attempt": callback.attempts, "to": redacted(callback.url), **more}
    log.log(level, f"callback %(delivery_id)s, attempt %(attempt)d to %(to)s, {words}", facts, extra={"facts": facts})


def _log_error(error: BaseException) -> None:
    """Logs what keeps callbacks from being delivered: in a line when it is the database's, with all there is when it is ours."""
    words = "callbacks are not delivered just now: %s"
    if isinstance(error, Exception) and is_unavailable(error):
        log.warning(words, type(error).__name__)
    else:
        log.error(words, type(error).__name__, exc_info=error)
