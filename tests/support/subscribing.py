"""Subscribers of accounts, and subscriptions to availability in this process, without a connection."""

import asyncio
from typing import Any, TypeVar

from core.durations import Duration
from core.instants import parse_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from db.database import Database
from resolvers.cache import VersionedCache
from resolvers.context import Context, LiveContext
from server.http import auth

from .api import Account, Api
from .waiting import TIMEOUT

C = TypeVar("C", bound=Context)


class Watched:
    """Subscribes to some accounts, and records whether it was woken."""

    def __init__(self, db: Database, *watched: Any) -> None:
        self._changes = db.subscribers
        self._waiting = db.subscribers.subscribe(watched)
        self._watches = bool(watched)
        self._is_polled = db.dialect == "postgresql" and not db.is_postgresql

    async def __aenter__(self) -> "Watched":
        self.waiter = self._waiting.__enter__()
        # The first subscriber starts the listener, which wakes all of them once; and where versions are polled for, the
        # first look wakes each: wait for that first.
        if len(self._changes) == 1 or (self._is_polled and self._watches):
            assert await self.woken()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._waiting.__exit__(*error)

    async def woken(self, within: float = TIMEOUT) -> bool:
        """Whether it is woken within so many seconds; then it handles the change, and can be woken again."""
        began = asyncio.get_running_loop().time()
        await self.waiter.wait(within)
        told = asyncio.get_running_loop().time() - began < within
        async with self.waiter.throttled():
            return told


async def context(api: Api, whose: Account, made: list[Context] | None = None) -> LiveContext:
    """The context of a subscription by this account; those that it evaluates with are added to `made`."""
    evaluated: list[Context] = [] if made is None else made

    def asking(kind: type[C], **more: Any) -> C:
        return kind(api.db, auth.caller(f"Bearer {whose.token}"), api.now, Limits(), VersionedCache(0), **more)

    def refresh() -> Context:
        evaluated.append(asking(Context))
        return evaluated[-1]

    return asking(LiveContext, refresh=refresh)


def meeting(whose: Account) -> AvailabilityQuery:
    """A query for one hour with an account, on a day in January."""
    day = Period(parse_instant("2027-01-19T09:00:00Z"), parse_instant("2027-01-19T17:00:00Z"))
    return AvailabilityQuery([Group([Member(whose.sub)])], Duration(minutes=60), query_periods=[day])
