"""Calendars elsewhere, as a booking needs them: fetched if that was long ago, and said to be unknown if they are."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import ceil
from typing import TypeVar

from core.instants import MINUTE, Instant
from core.member_statuses import CalendarNotKnown
from db import source_states
from db.busy_time import BusyTime
from db.retries import retry_transaction
from db.source_states import SourceState

from .context import Context
from .facts import LoadedFacts, reader_of
from .member_statuses import load_member_statuses

T = TypeVar("T")

FRESH_FOR = 5 * MINUTE
"""A source that was fetched longer ago is fetched before a booking."""

PATIENCE = 3
"""Seconds that a booking waits for fetches, all in all."""

_PAUSE = 30
"""Seconds after a fetch that failed, in which no booking begins another."""


class CalendarsNotKnownError(Exception):
    """What is to be booked would be possible if all calendars were known. It undoes the transaction."""

    def __init__(self, subs: Sequence[str], loaded: LoadedFacts) -> None:
        super().__init__()
        self.subs, self.loaded = subs, loaded


async def or_not_known(ctx: Context, deciding: Awaitable[T]) -> T | CalendarNotKnown:
    """Returns the decision, or how far the calendars can be relied on if it fails for that alone."""
    try:
        return await deciding
    except CalendarsNotKnownError as error:
        return CalendarNotKnown(await retry_transaction(load_member_statuses)(ctx, error.subs, error.loaded, None))


async def refreshed(ctx: Context, loaded: Iterable[LoadedFacts]) -> Context | None:
    """Fetches the sources of the calendars in these facts that were not fetched for long, all at once.

    Returns the context for loading the facts again, with the present time; None if nothing had to be fetched. Without
    sources among the calendars it costs nothing, and one statement with them.
    """
    keys = {key for each in loaded for key in _elsewhere(each.busy)}
    if not keys:
        return None
    sources = await source_states.of_calendars(reader_of(ctx, None, ctx.client_key), keys)
    due = [source.key for source in sources.values() if _should_be_fetched(source, ctx.now)]
    if not due:
        return None
    begun = asyncio.get_running_loop().time()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await ctx.fetch_sources(due)
    ctx.connections.clear()  # further statements must see what another process has fetched
    return replace(ctx, now=ctx.now + ceil(asyncio.get_running_loop().time() - begun))


def _elsewhere(busy: Mapping[int, BusyTime]) -> Iterable[int]:
    return (key for key, each in busy.items() if each.unknown_at is not None)


def _should_be_fetched(source: SourceState, now: Instant) -> bool:
    synced_at = source.sync.synced_at
    if synced_at is not None and now - synced_at < FRESH_FOR and not source.sync.refused:
        return False
    if source.tried_at is None:
        return True
    since = now - source.tried_at
    if source.is_fetched:  # joined, unless another booking has waited for it in vain; a fetch takes a minute at most
        return not PATIENCE < since < MINUTE
    return since >= _PAUSE or not (source.is_failing or source.sync.refused)
