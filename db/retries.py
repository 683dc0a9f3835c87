"""When the database does not do what it was asked: whose turn it is to try again.

Everything that a resolver does lies in one transaction, and every change that a caller can ask for may be made twice
(upserts, deletions, revocations; a second pair of tokens harms nobody). So the whole resolver can be run again whenever
the transaction came to nothing, and even when nobody can tell whether it did: when the connection broke at its end.
"""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 4
#: seconds before the second attempt; each one after waits twice as long, give or take a half
_PAUSE = 0.02

#: SQLSTATEs of a transaction that lost against another one: serialization failure, deadlock
_LOST = {"40001", "40P01"}
#: SQLSTATEs of a server that stops, starts, or has no room: admin and crash shutdown, starting up, too many connections
_AWAY = {"57P01", "57P02", "57P03", "53300"}
#: what SQLite says when somebody else holds the file
_LOCKED = ("database is locked", "database table is locked")


def is_lost_race(error: BaseException) -> bool:
    """Whether the transaction was undone because of another one, and would do well by itself."""
    return _sqlstate(error) in _LOST


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be reached just now, or has no connection to spare."""
    state = _sqlstate(error)
    if state in _AWAY or state.startswith("08") or is_locked(error):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    # What connecting ends with is no error of the server's: refused, timed out, no such socket, no such host. And
    # asyncpg says with an error of the interface that a connection was closed under it.
    return isinstance(error, PoolTimeout | OSError | asyncpg.InterfaceError)


def is_locked(error: BaseException) -> bool:
    """Whether another process holds the SQLite file."""
    driver_error = _of_driver(error)
    return isinstance(driver_error, sqlite3.Error) and any(words in str(driver_error) for words in _LOCKED)


def is_timeout(error: BaseException) -> bool:
    """Whether the caller has been kept waiting as long as is right: for a connection, for the file, for its turn."""
    return isinstance(error, TimeoutError | PoolTimeout) or is_locked(error)


def retry_transaction(resolver: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The resolver, run again a few times when its transaction lost a race, and once when its connection was gone.

    A connection that has been idle in the pool while the server was restarted is gone without anybody having noticed; a
    second one that is gone too means that the server is away, and then an answer soon is better than one late.
    """

    @wraps(resolver)
    async def again(*args: P.args, **kwargs: P.kwargs) -> T:
        pause = _PAUSE
        for attempt in range(1, ATTEMPTS):
            try:
                return await resolver(*args, **kwargs)
            except Exception as error:
                if not (is_lost_race(error) or (attempt == 1 and is_unavailable(error) and not is_timeout(error))):
                    raise
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause *= 2
        return await resolver(*args, **kwargs)

    return again


def _of_driver(error: BaseException) -> BaseException | None:
    """What the driver raised, be it wrapped by SQLAlchemy or not."""
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlstate(error: BaseException) -> str:
    driver_error = _of_driver(error)
    return getattr(driver_error, "sqlstate", None) or getattr(driver_error, "pgcode", None) or ""
