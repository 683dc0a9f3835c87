"""Expanding series further as time goes on, so that what is ahead is known."""

from typing import NamedTuple

from core.instants import Instant
from db import calendars, series
from db.database import Database
from db.retries import retry_transaction
from db.series import DueSeries

from .recurring_events import SeriesWrite

#: series that one transaction expands
_MOST = 10


class ExpansionStep(NamedTuple):
    """What one transaction came to."""

    expanded: int
    #: the keys of series that cannot be expanded any further, with the reason
    failed: list[tuple[int, str]]
    #: where to go on from
    last: DueSeries


@retry_transaction
async def expand_some(db: Database, now: Instant, after: DueSeries | None) -> ExpansionStep | None:
    """Expands a few series of one calendar that are due, the first after that one. Returns None if none is."""
    async with db.read(None) as session:
        due = await series.next_due(session, now, after, _MOST)
    if not due:
        return None
    calendar = due[0].calendar_key
    expanded, failed = 0, list[tuple[int, str]]()
    async with db.write(None) as session:
        await calendars.lock_for_update(session, [calendar])
        for each in due:
            # Each pays for itself: many together are no reason to stop.
            try:
                expanded += await SeriesWrite(now).expand_further(session, calendar, each.event_id)
            except ValueError as error:
                failed.append((each.key, str(error)))
        if expanded:
            await calendars.set_known_until(session, [calendar])
            await calendars.bump_versions(session, [calendar])
    return ExpansionStep(expanded, failed, due[-1])
