"""Busy time that a request will need, read together with its rights and versions: one trip to the database instead of two."""

from collections.abc import Sequence
from typing import Any

from core.instants import Instant
from db import busy_time
from db.access import AccessSnapshot, Row

from .cached_facts import put_busy
from .context import Context

#: Most instants of busy time that are read so, as far as they can be known before. More are read in the client's turn.
_MOST = 4_000


class ExpectedBusy:
    """The busy time of those calendars whose busy time was cached before, which they may no longer have."""

    def __init__(
        self, ctx: Context, subs: Sequence[str], window: tuple[Instant, Instant], *, fresh: bool = False
    ) -> None:
        """`window` is rounded. With `fresh`, rights and versions are those of the moment, whether or not others are cached."""
        self._ctx, self._subs, self._window, self._fresh = ctx, tuple(subs), window, fresh

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """Returns the rows of the statement for rights and versions. Caches the busy time that has changed."""
        ctx, connections = self._ctx, self._ctx.statements
        known = self._known()
        wider = busy_time.beside_access(statement, values, known, *self._window, ctx.now) if known else None
        rows, beside = await connections.fetch_wider(statement, values, wider, fresh=self._fresh)
        for key, (version, found) in busy_time.read_beside(beside, ctx.now).items():
            put_busy(ctx.cache, key, self._window, version, found)
        return rows

    def expect_again(self, access: AccessSnapshot) -> None:
        """Records whose calendars these are, for the next request about the same accounts."""
        calendars = tuple(access.versions)
        self._ctx.cache.put("calendars", self._subs, None, calendars, 8 * len(calendars))

    def _known(self) -> dict[int, int]:
        """Returns the versions of the cached busy time, by calendar key; -1 where it is not that of this instant."""
        cache, known, size = self._ctx.cache, dict[int, int](), 0
        for key in cache.get_unchecked("calendars", self._subs) or ():
            if (cached := cache.peek("busy", (key, *self._window))) is not None:
                version, busy = cached
                size += len(busy)
                known[key] = version if isinstance(version, int) and busy.is_current(self._ctx.now) else -1
        return known if size <= _MOST else {}
