"""How a command runs on the database, and how it ends when it cannot."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from core.errors import TimedOut
from db.database import Database
from db.database_urls import UNUSABLE, cause_of
from db.pooler import check_statements

from ..process.installation import database
from ..settings import Settings

T = TypeVar("T")


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Runs `work` on the database and returns its result. Exits with one line if the database cannot be used.

    Raises PoolerError.
    """

    async def run() -> T:
        db = database(settings)
        try:
            await check_statements(db)
            return await work(db)
        except UNUSABLE as error:
            stop(f"cannot use the database {db.shown_url}: {cause_of(error)}")
        except TimedOut:
            stop(f"cannot use the database {db.shown_url}: another process has locked what this would change")
        finally:
            await db.close()

    return asyncio.run(run())


def stop(words: str, status: int = 1) -> NoReturn:
    """Exits with a line on standard error."""
    print(f"openings: {words}", file=sys.stderr)
    raise SystemExit(status)
