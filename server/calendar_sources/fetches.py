"""Fetches of calendar sources: every process claims due ones, downloads and reads them, and writes what they say.

    claimed ── a calendar ─────────→ its events are written; due again in a quarter of an hour
       ├────── the same again ─────→ nothing is written but that it is known
       ├────── anything else ──────→ what is busy stays so; due again later, in six hours at most
       ├────── no thread ──────────→ due again soon: nothing was attempted
       ├────── shutdown ───────────→ due at once, for another process or the next one
       └────── killed ─────────────→ due again when the claim has expired

Whatever a fetch comes to, its series are expanded up to the horizon of the day.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from core.calendar_sources import FETCH_INTERVAL, StoredItem, horizon, wait_after_failures
from core.errors import TimedOut
from core.instants import Instant
from db import source_fetches
from db.database import Database
from db.drivers.fair_queue import FairQueue
from db.drivers.keyed_locks import calendar_lock
from db.encryption import WrongKeyError
from db.retries import is_unavailable, retry_transaction
from db.source_fetches import Change, ClaimedSource, GoodFetch

from ..observability import metrics
from ..outgoing.resolver import NoThreadError
from .content import NotACalendarError
from .download import Downloaded, Downloads, FetchError
from .items import Reading
from .reading import Outcome, digest_of, read_file, roll

log = logging.getLogger("openings")

LEASE = 120
"""Seconds that a claim lasts: longer than a download, reading and the transactions, or another process would fetch it too."""

AT_ONCE = 16
"""Sources that one process fetches concurrently."""

READ_AT_ONCE = 2
"""Files that one process reads concurrently, each of another client: reading takes the processor from requests."""

INTERVAL = 2.0
"""Seconds between polls for sources that are due."""

#: seconds until a source is due again that found no thread, or no slot
_POSTPONED = 5
#: seconds between looks at whether another process has fetched what is waited for
_LOOK = 0.1
#: clients whose last turn is remembered
_MOST_TURNS = 10_000
#: minimum seconds between polls, after due sources have been claimed
_BREATH = 0.05
#: seconds before the loop retries after an error: at first, and at most
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
#: seconds that fetches have to finish at shutdown
_GRACE = 2.0


class SourceFetches:
    """Fetches the calendar sources of all accounts, in one process."""

    def __init__(
        self,
        db: Database,
        downloads: Downloads,
        clock: Callable[[], Instant],
        *,
        lease: int = LEASE,
        interval: float = INTERVAL,
        grace: float = _GRACE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._downloads = downloads
        self._clock = clock
        self._lease = lease
        self._interval = interval
        self._grace = grace
        self._jitter = jitter
        self._slots = FairQueue(AT_ONCE, lease / 4, most=source_fetches.OF_CLIENT, name="source")
        self._threads = FairQueue(READ_AT_ONCE, lease / 4, most=1, name="source")
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._claimed: dict[int, ClaimedSource] = {}
        #: the number of each client's last turn, the latest last
        self._turns: dict[int, int] = {}
        self._claims = 0
        self._wake = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Fetches due sources during the block. At its end, those under way have `grace` seconds to finish."""
        loop = asyncio.create_task(self._run())
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.wait({loop})
            await self._stop()

    async def fetch(self, keys: Collection[int]) -> None:
        """Fetches sources now, due or not, and joins fetches under way, also of other processes.

        Returns when each was tried; those of revoked accounts are not. A caller that is cancelled stops no fetch.
        """
        others = [key for key in keys if key not in self._in_flight]
        for source in await self._claim_these(others) if others else ():
            self._start(source)
        own = [task for key in keys if (task := self._in_flight.get(key)) is not None]
        if own:
            await asyncio.wait(own)
        elsewhere = [key for key in others if key not in self._in_flight]
        while elsewhere and (elsewhere := [*await self._under_way(elsewhere)]):
            await asyncio.sleep(_LOOK)

    async def _under_way(self, keys: Collection[int]) -> set[int]:
        return await source_fetches.under_way(self._db.driver, keys, self._clock())

    async def _run(self) -> None:
        pause = _PAUSE
        while True:
            try:
                await self._pause(await self._fetch_due())
                pause = _PAUSE
            except Exception as error:
                _log_error(error)
                await self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _fetch_due(self) -> float:
        """Starts fetching due sources, up to the limit. Returns the seconds until the next poll."""
        free = AT_ONCE - len(self._in_flight)
        if free <= 0:
            return self._interval  # the end of a fetch wakes the loop
        wait = await self._wait(-1)
        if wait <= 0:
            now = self._clock()
            claimed = await self._claim_due(free)
            for source in claimed:
                self._start(source)
            if not claimed:  # others of the same client or host are under way; their end wakes the loop
                wait = await self._wait(now)
        return min(max(wait, _BREATH), self._interval)

    async def _wait(self, after: Instant) -> float:
        """Seconds until a source is due that is due later than `after`; negative if it is due already."""
        due_at = await source_fetches.next_due(self._db.driver, after)
        return due_at - self._clock() if due_at is not None else self._interval

    @retry_transaction
    async def _claim_due(self, most: int) -> list[ClaimedSource]:
        now = self._clock()
        async with self._db.write(None) as session:
            claimed = await source_fetches.claim_due(session, now, now + self._lease, most, self._turns)
        self._claims += 1
        for source in claimed:
            self._turns.pop(source.client_key, None)
            self._turns[source.client_key] = self._claims
        while len(self._turns) > _MOST_TURNS:
            del self._turns[next(iter(self._turns))]
        return claimed

    @retry_transaction
    async def _claim_these(self, keys: Collection[int]) -> list[ClaimedSource]:
        now = self._clock()
        async with self._db.write(None) as session:
            return await source_fetches.claim(session, keys, now, now + self._lease)

    def _start(self, source: ClaimedSource) -> None:
        task = asyncio.create_task(self._fetch(source))
        self._in_flight[source.key] = task
        self._claimed[source.key] = source
        task.add_done_callback(lambda task: self._ended(source.key, task))

    def _ended(self, key: int, task: asyncio.Task[None]) -> None:
        if self._in_flight.get(key) is task:
            del self._in_flight[key], self._claimed[key]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log_error(error)  # the outcome is not recorded: it is fetched again when the claim expires

    async def _fetch(self, source: ClaimedSource) -> None:
        try:
            async with self._slots.slot(source.client_key):
                await self._fetch_in_turn(source)
        except (NoThreadError, TimedOut):
            metrics.count_fetch("postponed")
            await self._release(source, self._clock() + _POSTPONED)

    async def _fetch_in_turn(self, source: ClaimedSource) -> None:
        try:
            await self._read(source, await self._download(source))
        except (FetchError, NotACalendarError) as error:
            await self._record_failure(source, error)

    async def _download(self, source: ClaimedSource) -> Downloaded:
        try:
            url = self._db.encryption.open(source.sealed_url)
        except WrongKeyError:
            raise FetchError("its URL is encrypted with another key of this installation: give it again") from None
        return await self._downloads.get(
            source.client_key, url, self._clock(), etag=source.etag, last_modified=source.last_modified
        )

    @retry_transaction
    async def _items(self, source: ClaimedSource) -> dict[str, StoredItem]:
        async with self._db.read(source.client_key) as session:
            return await source_fetches.items(session, source)

    async def _read(self, source: ClaimedSource, downloaded: Downloaded) -> None:
        """Reads a downloaded file and records what it says. Raises NotACalendarError."""
        now = self._clock()
        how = _reading(source, now)
        digest = digest_of(downloaded.body) if downloaded.body is not None else source.body_digest
        if downloaded.body is not None and (digest != source.body_digest or how.digest != source.expanded_for):
            trusted, stored = source.state.synced_at is None, await self._items(source)
            async with self._threads.slot(source.client_key):
                outcome = await asyncio.to_thread(
                    read_file, downloaded.body, stored, how, source.expanded_for, now, trusted=trusted
                )
        elif how.digest != source.expanded_for:
            outcome = await self._roll(source, how)
        else:
            outcome = None
        await self._record_success(source, downloaded, digest, outcome, how, now)

    async def _roll(self, source: ClaimedSource, how: Reading) -> Outcome:
        stored = await self._items(source)
        async with self._threads.slot(source.client_key):
            return await asyncio.to_thread(roll, stored, how)

    @retry_transaction
    async def _record_success(
        self,
        source: ClaimedSource,
        downloaded: Downloaded,
        digest: str | None,
        outcome: Outcome | None,
        how: Reading,
        now: Instant,
    ) -> None:
        is_read = outcome is not None and outcome.unreadable is not None
        doubtful = outcome is not None and outcome.doubtful
        good = GoodFetch(
            incomplete=outcome.incomplete if outcome is not None and is_read else source.state.incomplete,
            unreadable=outcome.unreadable if outcome is not None else None,
            remark=outcome.problem if outcome is not None and is_read else source.remark,
            # What is doubted has to be said again.
            etag=None if doubtful else downloaded.etag,
            last_modified=None if doubtful else downloaded.last_modified,
            body_digest=None if doubtful else digest,
            due_at=now + FETCH_INTERVAL,
        )
        async with self._db.write(source.client_key, [_lock(source)]) as session:
            await source_fetches.record_success(session, source, good, _change(outcome, how), now)
        metrics.count_fetch("fetched")
        _log(logging.INFO, "fetched", source)

    async def _record_failure(self, source: ClaimedSource, error: Exception) -> None:
        now = self._clock()
        how = _reading(source, now)
        outcome = None
        if how.digest != source.expanded_for and source.expanded_for is not None:
            with suppress(NotACalendarError):  # what is stored stays
                outcome = await self._roll(source, how)
        await self._write_failure(source, outcome, how, error, now)

    @retry_transaction
    async def _write_failure(
        self, source: ClaimedSource, outcome: Outcome | None, how: Reading, error: Exception, now: Instant
    ) -> None:
        wait = wait_after_failures(source.attempts + 1)
        retry_after, refused = (error.retry_after, error.refused) if isinstance(error, FetchError) else (0, False)
        # A part of it at random, so that sources of one server that failed do not come back together.
        due_at = now + max(retry_after, wait - int(wait / 4 * self._jitter()))
        async with self._db.write(source.client_key, [_lock(source)]) as session:
            change = _change(outcome, how)
            await source_fetches.record_failure(session, source, _words(error), change, now, due_at, refused=refused)
        # Not why: that may quote the file.
        metrics.count_fetch("failed")
        _log(logging.WARNING, f"failed; next in {due_at - now} s", source)

    @retry_transaction
    async def _release(self, source: ClaimedSource, due_at: Instant) -> None:
        async with self._db.write(source.client_key) as session:
            await source_fetches.release(session, source, due_at)

    async def _stop(self) -> None:
        """Waits for fetches under way, then cancels and releases the rest.

        If the database is unavailable, they are due again when their claims expire.
        """
        if self._in_flight:
            await asyncio.wait([*self._in_flight.values()], timeout=self._grace)
        left, claimed = [*self._in_flight.values()], [*self._claimed.values()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self._grace)
            with suppress(Exception):
                async with asyncio.timeout(self._grace):
                    for source in claimed:
                        await self._release(source, self._clock())


def _reading(source: ClaimedSource, now: Instant) -> Reading:
    return Reading(horizon(now), source.tzid, source.email, source.all_day)


def _change(outcome: Outcome | None, how: Reading) -> Change | None:
    if outcome is None:
        return None
    until = how.window.end if outcome.is_open else None
    return Change(outcome.events, how.window.start, outcome.items, outcome.deleted, how.digest, until)


def _lock(source: ClaimedSource) -> tuple[str, int, str]:
    return calendar_lock(source.account_key, source.calendar_id)


def _words(error: Exception) -> str:
    words = str(error)
    return f"The file {words}." if isinstance(error, NotACalendarError) else f"{words[:1].upper()}{words[1:]}."


def _log(level: int, words: str, source: ClaimedSource) -> None:
    """Logs what became of a source, by its key: its id is the account's, and its URL is a secret."""
    log.log(level, "calendar source %d: %s", source.key, words, extra={"facts": {"source": source.key}})


def _log_error(error: BaseException) -> None:
    """Logs an error outside a fetch: one line if the database is unavailable, else with the traceback."""
    words = "calendar sources are not being fetched: %s"
    if isinstance(error, Exception) and is_unavailable(error):
        log.warning(words, type(error).__name__)
    else:
        log.error(words, type(error).__name__, exc_info=error)
