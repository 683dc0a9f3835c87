"""Delivery of callbacks: every process claims due callbacks, sends them and records the outcome.

    claimed ── 2xx ─────────────→ delivered, and deleted
       ├────── anything else ───→ due again later, or given up after three days
       ├────── no thread ───────→ due again soon: nothing was attempted
       ├────── shutdown ────────→ due at once, for another process or the next one
       └────── killed ──────────→ due again when the claim has expired

A callback may be delivered twice, if the process ends after sending it and before recording that. The application
recognises the second by its delivery id.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from core.callbacks import signature, wait_after
from core.instants import Instant
from db import callbacks
from db.callbacks import Claimed
from db.database import Database
from db.encryption import WrongKeyError
from db.retries import is_unavailable, retry_transaction

from ..observability import metrics
from ..outgoing.http_client import HTTPClient, OutgoingError, redacted
from ..outgoing.resolver import NoThreadError

log = logging.getLogger("openings")

LEASE = 30
"""Seconds that a claim lasts: longer than an attempt and its transactions, or another process would send it too."""

AT_ONCE = 32
"""Callbacks that one process sends concurrently."""

INTERVAL = 5.0
"""Seconds between polls for callbacks that other processes have written or left behind."""

#: seconds until a callback is due again that found no thread to resolve its host
_POSTPONED = 5
#: clients whose last turn is remembered
_MOST_TURNS = 10_000
#: minimum seconds between polls, after due callbacks have been claimed
_BREATH = 0.05
#: seconds before the loop retries after an error: at first, and at most
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
#: seconds that callbacks in flight have to finish at shutdown
_GRACE = 2.0

_USER_AGENT = f"Openings/{version('openings')}"


class Deliveries:
    """Delivers callbacks in one process."""

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
        self._in_flight: dict[asyncio.Task[None], Claimed] = {}
        #: the number of each client's last turn, the latest last
        self._turns: dict[int, int] = {}
        self._claims = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Delivers callbacks during the block. At its end, those in flight have `grace` seconds to finish."""
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
        """Starts due callbacks, up to the limit. Returns the seconds until the next poll."""
        free = self._at_once - len(self._in_flight)
        if free == 0:
            return self._interval  # the end of a delivery wakes the loop
        wait = await self._wait(-1)
        if wait <= 0:
            now = self._clock()
            claimed = await self._claim(free)
            for callback in claimed:
                self._start(callback)
            if not claimed:  # others of the same client or host are in flight; their end wakes the loop
                wait = await self._wait(now)
        return min(max(wait, _BREATH), self._interval)

    async def _wait(self, after: Instant) -> float:
        """Seconds until a callback is due that is due later than `after`; negative if it is due already."""
        due_at = await callbacks.next_due(self._db.driver, after)
        return due_at - self._clock() if due_at is not None else self._interval

    @retry_transaction
    async def _claim(self, most: int) -> list[Claimed]:
        now = self._clock()
        async with self._db.write() as session:
            claimed = await callbacks.claim(session, now, now + self._lease, most, self._turns)
        self._note_turns(claimed)
        return claimed

    def _note_turns(self, claimed: Sequence[Claimed]) -> None:
        self._claims += 1
        for callback in claimed:
            self._turns.pop(callback.client_key, None)
            self._turns[callback.client_key] = self._claims
        while len(self._turns) > _MOST_TURNS:
            del self._turns[next(iter(self._turns))]

    def _start(self, callback: Claimed) -> None:
        task = asyncio.create_task(self._deliver(callback))
        self._in_flight[task] = callback
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._db.outbox.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log_error(error)  # the outcome is not recorded: it is sent again when the claim expires

    async def _deliver(self, callback: Claimed) -> None:
        try:
            await self._send(callback)
        except NoThreadError:
            await self._postpone(callback)
        except OutgoingError as error:
            await self._record_failure(callback, str(error))
        except Exception as error:
            _log_error(error)
            await self._record_failure(callback, f"internal error: {type(error).__name__}")
        else:
            await self._record_success(callback)

    async def _send(self, callback: Claimed) -> None:
        """Makes one attempt. Raises OutgoingError."""
        body = callback.body.encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": _USER_AGENT,
            "Cronofy-HMAC-SHA256": signature(self._secret(callback), body),
            "Openings-Delivery-Id": callback.delivery_id,
        }
        await self._outgoing.post(callback.client_key, callback.url, headers, body)

    def _secret(self, callback: Claimed) -> str:
        """The client secret that signs the callback. Raises OutgoingError if it cannot be read."""
        cure = f"openings client secret {callback.client_id} makes a new one"
        if callback.sealed_secret is None:
            raise OutgoingError(f"the client's secret is from before callbacks were signed: {cure}")
        try:
            return self._db.encryption.open(callback.sealed_secret)
        except WrongKeyError:
            words = "the client's secret is encrypted with a different key from the installation's current one"
            raise OutgoingError(f"{words}: restore that key, or {cure}") from None

    @retry_transaction
    async def _record_success(self, callback: Claimed) -> None:
        async with self._db.write() as session:
            await callbacks.record_success(session, callback)
        metrics.count_callback("delivered")
        _log(logging.INFO, "delivered", callback)

    @retry_transaction
    async def _record_failure(self, callback: Claimed, why: str) -> None:
        wait = wait_after(callback.attempts)
        now = self._clock()
        due_at = now + wait if wait is not None else None
        async with self._db.write() as session:
            await callbacks.record_failure(session, callback, why, now, due_at)
        if wait is not None:
            metrics.count_callback("failed")
            _log(logging.WARNING, "failed: %(reason)s; next in %(wait)d s", callback, reason=why, wait=wait)
        else:
            metrics.count_callback("given_up")
            _log(logging.ERROR, "failed: %(reason)s; given up", callback, reason=why)

    async def _postpone(self, callback: Claimed) -> None:
        await self._release([callback], self._clock() + _POSTPONED)
        metrics.count_callback("postponed")
        words = "postponed: names of this client take long to resolve; next in %(wait)d s"
        _log(logging.INFO, words, callback, wait=_POSTPONED)

    async def _stop(self) -> None:
        """Waits for callbacks in flight, then cancels and releases the rest.

        If the database is unavailable, they are due again when their claims expire.
        """
        if self._in_flight:
            await asyncio.wait([*self._in_flight], timeout=self._grace)
        left = dict(self._in_flight)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait([*left], timeout=self._grace)
            with suppress(Exception):
                async with asyncio.timeout(self._grace):
                    await self._release(left.values(), self._clock())

    @retry_transaction
    async def _release(self, claimed: Collection[Claimed], due_at: Instant) -> None:
        async with self._db.write() as session:
            await callbacks.release(session, claimed, due_at)


def _log(level: int, words: str, callback: Claimed, **more: object) -> None:
    facts = {"delivery_id": callback.delivery_id, "attempt": callback.attempts, "to": redacted(callback.url), **more}
    log.log(level, f"callback %(delivery_id)s, attempt %(attempt)d to %(to)s, {words}", facts, extra={"facts": facts})


def _log_error(error: BaseException) -> None:
    """Logs an error outside a delivery: one line if the database is unavailable, else with the traceback."""
    words = "callbacks are not being delivered: %s"
    if isinstance(error, Exception) and is_unavailable(error):
        log.warning(words, type(error).__name__)
    else:
        log.error(words, type(error).__name__, exc_info=error)
