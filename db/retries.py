"""Which database errors are retried, and how.

A resolver does everything in one transaction, and every change that a caller can request may be made
twice (upserts, deletions, revocations; a second pair of tokens does no harm). So the whole resolver can
be run again whenever its transaction was rolled back, and even when its outcome is unknown because the
connection broke at the commit.
"""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from functools import wraps
from itertools import count
from typing import ParamSpec, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import TimedOut

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 8
"""Of a transaction that lost a race. Databases without row locks that wait lose many where PostgreSQL loses none."""

#: seconds before the second attempt, ±50 % at random; double with each further one, up to the longest
_PAUSE, _LONGEST_PAUSE = 0.02, 0.32

#: SQLSTATEs of a transaction that lost a race: serialization failure, deadlock
_LOST = {"40001", "40P01"}
#: SQLSTATE of a write to a server that only reads: a standby, or a primary that has become one
_READ_ONLY = "25006"
#: SQLSTATEs of an unavailable server: admin and crash shutdown, starting up, too many connections, full disk; and of a
#: commit of which a distributed database does not know what became
_AWAY = {"57P01", "57P02", "57P03", "53300", "53100", "40003", _READ_ONLY}
#: SQLSTATE of a statement that has waited for a lock for too long
_LOCK_TIMEOUT = "55P03"
#: SQLSTATEs of what exists already: a row with this key, a table of this name
_DUPLICATE = {"23505", "42P07"}
#: SQLSTATE of a division by zero
_ZERO_DIVISION = "22012"
#: SQLite's messages when another connection has locked the file
_LOCKED = ("database is locked", "database table is locked")


def is_lost_race(error: BaseException) -> bool:
    """Whether the transaction was rolled back because of a concurrent one, and is worth a retry."""
    return _sqlstate(error) in _LOST


def is_duplicate(error: BaseException) -> bool:
    """Whether a row was not inserted, or a table not created, because there is another one of the same key or name."""
    if _sqlstate(error) in _DUPLICATE:
        return True
    code = getattr(_driver_error(error), "sqlite_errorcode", None)
    return code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def is_contradicted(error: BaseException) -> bool:
    """Whether a statement has undone itself, by dividing by zero, because it could not write all that it was to write."""
    return _sqlstate(error) == _ZERO_DIVISION


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be reached or cannot be written to at present, or has no free connection."""
    state = _sqlstate(error)
    if state in _AWAY or state.startswith("08") or is_lock_timeout(error) or _is_full(error):
        return True
    # A failure to connect (refused, timed out, no such socket, no such host) is an OSError, not an error of the
    # server. asyncpg raises InterfaceError when a connection was closed during use, and InternalClientError when it
    # ends in the middle of an answer, and when no host can be written to.
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.driver_exception, asyncpg.InternalClientError)
    return isinstance(error, TimedOut | PoolTimeout | OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def is_locked(error: BaseException) -> bool:
    """Whether another connection has locked the SQLite file."""
    driver_error = _driver_error(error)
    return isinstance(driver_error, sqlite3.Error) and any(words in str(driver_error) for words in _LOCKED)


def is_lock_timeout(error: BaseException) -> bool:
    """Whether another process has held a lock for too long: on rows, or on the SQLite file."""
    return is_locked(error) or _sqlstate(error) == _LOCK_TIMEOUT


def _is_full(error: BaseException) -> bool:
    """Whether the disk of the SQLite file is full."""
    driver_error = _driver_error(error)
    return (
        isinstance(driver_error, sqlite3.Error)
        and getattr(driver_error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    )


def is_timeout(error: BaseException) -> bool:
    """Whether a timeout has passed: for a connection or for a lock, of this process or of another."""
    return isinstance(error, TimedOut | TimeoutError | PoolTimeout) or is_lock_timeout(error)


def retry_transaction(resolver: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Retries a resolver a few times after a lost race, and once after a lost connection. Raises TimedOut
    when it has waited for a lock of another process for too long.

    A connection that was idle in the pool while the server restarted is found dead only when it is
    used. If the next one fails as well, the server is down, and an error soon is better than an error
    late.
    """

    @wraps(resolver)
    async def retrying(*args: P.args, **kwargs: P.kwargs) -> T:
        pause, has_reconnected = _PAUSE, False
        for attempt in count(1):
            try:
                return await resolver(*args, **kwargs)
            except Exception as error:
                if is_lock_timeout(error):
                    raise TimedOut(waited_for="another process") from error
                lost_connection = not has_reconnected and is_unavailable(error) and not is_timeout(error)
                if attempt == ATTEMPTS or not (is_lost_race(error) or lost_connection):
                    raise
                has_reconnected |= lost_connection
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError

    return retrying


def cause_of(error: BaseException) -> str:
    """The name of the driver's error, for log lines."""
    return type(_driver_error(error) or error).__name__


def _driver_error(error: BaseException) -> BaseException | None:
    """Returns the driver's error, unwrapped from SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) else error


def is_read_only(error: BaseException) -> bool:
    """Whether the server only reads: a connection that was opened before a failover may lead to the wrong one."""
    return _sqlstate(error) == _READ_ONLY


def _sqlstate(error: BaseException) -> str:
    driver_error = _driver_error(error)
    return getattr(driver_error, "sqlstate", None) or getattr(driver_error, "pgcode", None) or ""
