"""Busy time of calendars: few lists of numbers, as queries read thousands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from core.events import EventStatus, Transparency
from core.instants import Instant
from core.spans import Bounds, Busy

from . import access
from .booking_lists import BookedEvent
from .drivers.base import Row, Statements, WiderStatement, renumbered
from .drivers.dialects import POSTGRESQL, Dialect


@dataclass(frozen=True, slots=True)
class BusyTime:
    """Busy time of a calendar: of all events, and of those that are not tentative, with holds in both.

    And how far it is known.
    """

    everything: Busy
    firm: Busy
    #: the instant that it was read for; before, there may have been holds that have ended since
    read_for: Instant
    #: when the first of the holds ends that it contains, or it is no longer known; from then on this is not the
    #: calendar's busy time. It is past for a calendar that was not known when it was read, and may be by now
    lapses_at: Instant | None = None
    #: from when on it is not known; None: it is known for ever
    known_until: Instant | None = None
    #: of a calendar elsewhere: from when on nothing of it is known, unless it is fetched before
    unknown_at: Instant | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it is of a calendar elsewhere of which nothing is known at the instant that it was read for."""
        return self.unknown_at is not None and self.unknown_at <= self.read_for

    def without(self, some: "BusyTime") -> "BusyTime":
        """Returns the busy time without some of its events."""
        firm = self.firm.without(some.firm)
        everything = firm if self.everything is self.firm else self.everything.without(some.everything)
        return replace(self, everything=everything, firm=firm)

    def is_current(self, now: Instant) -> bool:
        """Whether no hold has ended, and all is as known, between the instant that it was read for and this one."""
        return self.read_for <= now and (self.lapses_at is None or now < self.lapses_at)

    def __len__(self) -> int:
        """Number of instants stored; the size of a cache entry."""
        return 2 * len(self.everything.starts) + (2 * len(self.firm.starts) if self.firm is not self.everything else 0)


async def busy(
    statements: Statements, versions: Mapping[int, int], start: Instant, end: Instant, now: Instant
) -> dict[int, BusyTime]:
    """Returns the busy time of calendars between two instants, by key, without holds that have ended.

    `versions` has the expected version of each calendar, by key. A calendar whose version has changed
    is left out.
    """
    dialect = statements.dialect
    rows = await statements.fetch_many(_busy(dialect), dialect.array_param([*versions]), start, end, now)
    return _current(dialect, rows, versions, now)


def beside_access(
    statement: str, values: Row, known: Mapping[int, int], start: Instant, end: Instant, now: Instant
) -> WiderStatement:
    """Returns a statement that reads the rows of `access`, and the busy time of calendars between two instants beside them.

    `statement` is that of `access`. `known` has the versions of these calendars whose busy time is known, by key; those that
    still have this version are left out. For PostgreSQL.
    """
    keys, versions = POSTGRESQL.array_param([*known]), POSTGRESQL.array_param([*known.values()])
    return WiderStatement(_beside_access(statement), (*values, keys, start, end, now, versions), access.COLUMNS)


def read_beside(rows: Iterable[Row], now: Instant) -> dict[int, tuple[int, BusyTime]]:
    """Returns the version and the busy time of each calendar that such a statement has read, by key."""
    found: dict[int, tuple[int, BusyTime]] = {}
    for key, version, lapses_at, known_until, unknown_at, *bounds in (row[access.COLUMNS :] for row in rows):
        if key is not None:
            lists = map(POSTGRESQL.read_array, bounds)
            found[key] = version, _busy_time(now, lapses_at, known_until, unknown_at, *lists)
    return found


async def busy_of(
    statements: Statements,
    versions: Mapping[int, int],
    start: Instant,
    end: Instant,
    now: Instant,
    *,
    event_ids: Sequence[str],
    event_uids: Sequence[str],
) -> dict[int, BusyTime]:
    """As `busy`, but only of the events with one of these ids or uids."""
    dialect = statements.dialect
    keys, ids, uids = (dialect.array_param(each) for each in ([*versions], event_ids, event_uids))
    rows = await statements.fetch_many(_busy_of(dialect), keys, start, end, now, ids, uids)
    return _current(dialect, rows, versions, now)


def of_events(events: Iterable[BookedEvent], start: Instant, end: Instant, now: Instant) -> dict[int, BusyTime]:
    """As `busy_of`, of events that were read already: only the calendars that have one of them."""
    spans: dict[int, tuple[list[Bounds], list[Bounds]]] = {}
    for each in events:
        span, draft = each.event.span, each.event.draft
        blocks = draft.transparency is Transparency.OPAQUE and not each.event.deleted
        if blocks and span.end > start and span.start < end:
            is_firm = draft.status is not EventStatus.TENTATIVE or each.lapses_at is not None
            spans.setdefault(each.calendar_key, ([], []))[0 if is_firm else 1].append(span)
    return {
        key: _busy_time(now, None, None, None, *_bounds(firm), *_bounds(tentative))
        for key, (firm, tentative) in spans.items()
    }


def _bounds(spans: Sequence[Bounds]) -> tuple[list[int], list[int]]:
    return [start for start, _ in spans], [end for _, end in spans]


def _current(
    dialect: Dialect, rows: Iterable[Sequence[Any]], versions: Mapping[int, int], now: Instant
) -> dict[int, BusyTime]:
    return {
        key: _busy_time(now, lapses_at, known_until, unknown_at, *map(dialect.read_array, bounds))
        for key, version, lapses_at, known_until, unknown_at, *bounds in rows
        if version == versions[key]
    }


@cache
def _busy_of(dialect: Dialect) -> str:
    read = "SELECT key, calendar_key, blocks, starts_at, ends_at, status, lapses_at FROM events"
    by_id = f"{read} WHERE calendar_key {dialect.in_array(1, 'bigint')} AND event_id {dialect.in_array(5, 'text')}"
    by_uid = f"{read} WHERE event_uid {dialect.in_array(6, 'text')}"
    return _busy(dialect, f"({by_id} UNION {by_uid}) AS events")


@cache
def _beside_access(statement: str) -> str:
    names = [f"column_{number}" for number in range(access.COLUMNS)]
    *_, key, version = names
    # OFFSET 0 keeps the planner from reading events of calendars that have not changed.
    busy = f"""
SELECT calendars.key, version, read.lapses_at, known_until, unknown_at, {", ".join(_LISTS)}
FROM (
    SELECT calendars.*
    FROM unnest($1::bigint[], $5::bigint[]) AS known(key, version)
    JOIN calendars ON calendars.key = known.key AND calendars.version <> known.version
    OFFSET 0
) AS calendars
CROSS JOIN LATERAL (
    SELECT min(lapses_at), {_lists(POSTGRESQL)} FROM events WHERE calendar_key = calendars.key AND {_IN_WINDOW}
) AS read(lapses_at, {", ".join(_LISTS)})
"""
    return f"""
SELECT {", ".join(names)}, busy.*
FROM (SELECT *, row_number() OVER () AS place FROM ({statement}) AS found({", ".join(names)})) AS found
LEFT JOIN ({renumbered(busy, access.VALUES)}) AS busy ON busy.key = {key} AND busy.version = {version}
ORDER BY place
"""


@cache
def _busy(dialect: Dialect, events: str = "events") -> str:
    return f"""
SELECT calendars.key, calendars.version, min(lapses_at), known_until, unknown_at, {_lists(dialect)}
FROM calendars LEFT JOIN {events} ON calendar_key = calendars.key AND {_IN_WINDOW}
WHERE calendars.key {dialect.in_array(1, "bigint")}
GROUP BY calendars.key
"""


_LISTS = ("firm_starts", "firm_ends", "tentative_starts", "tentative_ends")


def _lists(dialect: Dialect) -> str:
    """SQL for the starts and the ends of firm events, and of tentative ones, of a calendar."""
    firm = f"status <> '{EventStatus.TENTATIVE.value}' OR lapses_at IS NOT NULL"  # a hold is tentative, and blocks
    tentative = f"status = '{EventStatus.TENTATIVE.value}' AND lapses_at IS NULL"
    conditions = (firm, tentative)
    return ", ".join(dialect.array_agg(column, each) for each in conditions for column in ("starts_at", "ends_at"))


# Must be `blocks = TRUE`: with `blocks` alone SQLite does not recognise that its index covers the query.
_IN_WINDOW = "blocks = TRUE AND ends_at > $2 AND starts_at < $3 AND (lapses_at IS NULL OR lapses_at > $4)"


def _busy_time(
    now: Instant,
    lapses_at: Instant | None,
    known_until: Instant | None,
    unknown_at: Instant | None,
    starts: list[int],
    ends: list[int],
    tentative_starts: list[int],
    tentative_ends: list[int],
) -> BusyTime:
    everything = firm = Busy(sorted(starts), sorted(ends))
    if tentative_starts:
        everything = Busy.merged([firm, Busy(sorted(tentative_starts), sorted(tentative_ends))])
    if unknown_at is None:
        return BusyTime(everything, firm, now, lapses_at, known_until)
    lapses_at = min(lapses_at, unknown_at) if lapses_at is not None else unknown_at
    if unknown_at <= now:
        known_until = min(known_until, unknown_at) if known_until is not None else unknown_at
    return BusyTime(everything, firm, now, lapses_at, known_until, unknown_at)
