"""Events that recur: upserting and deleting them, whole or some of their instances."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple, TypeAlias

from core.errors import Key, NotFound, Path, Problem, Problems, Unprocessable
from core.events import EventDraft
from core.instants import DAY, Instant, Unreadable
from core.limits import MAX_REQUEST_RECURRENCE
from core.recurring_events import (
    KNOWN_DAYS,
    MAX_CUTS,
    MAX_MOVED,
    MAX_REQUEST_INSTANCES,
    ExpansionBudget,
    RecurringEvent,
    due_before,
    window_of,
)
from core.series import MAX_INSTANCES, Start
from core.spans import Span
from db import series
from db.database import Session

#: Starts that are looked at in a few milliseconds, and characters of lines that are read in less. What costs more is
#: expanded in a thread.
_AT_ONCE, _LINES_AT_ONCE = 5_000, 4_000

_Instances: TypeAlias = Mapping[Start, EventDraft]
PlacedDraft: TypeAlias = tuple[Path, EventDraft]
"""A checked draft with a zone, and its place in the request."""


class _Known(NamedTuple):
    """A stored series, with its instances by now."""

    event: RecurringEvent
    instances: _Instances
    window: Span


class MovedInstance(NamedTuple):
    """An instance that was changed by itself, and whether it did not take place before."""

    start: Start
    created: bool


class SeriesWrite:
    """Writes series of locked calendars in the transaction of one request, which may cost so much together."""

    def __init__(self, now: Instant) -> None:
        self._now = now
        self._budget = ExpansionBudget()
        self._expanded: dict[str, _Instances] = {}

    async def expand(self, drafts: Sequence[PlacedDraft], problems: Problems) -> None:
        """Expands events that are to be upserted, before anything is locked. Reports those that cannot be."""
        for path, draft in drafts:
            try:
                self._expanded[draft.event_id] = await self._expand(RecurringEvent(draft), window_of(self._now))
            except ValueError as error:
                problems.add((*path, "recurrence"), Key.INVALID, str(error))

    async def upsert(self, session: Session, calendar: int, path: Path, draft: EventDraft) -> bool:
        """Creates or replaces an event that was expanded before. Returns whether it is new.

        Changes of single instances that it still has stay. Raises Unprocessable for the event of a booking.
        """
        if await series.is_booked(session, calendar, draft.event_id, self._now):
            words = "is not possible for the event of a booking: give another event id, or delete the event before"
            raise Unprocessable.of((*path, "recurrence"), Key.CONFLICT, words)
        before = await series.find(session, calendar, draft.event_id, self._now)
        instances = self._expanded[draft.event_id]
        window = window_of(self._now, before.expanded_until if before is not None else None)
        after = RecurringEvent(draft)
        if window != window_of(self._now):
            instances = await self._expanded_at(path, after, window)
        if before is not None and before.event.moved:
            after = before.event.replaced_by(draft, instances.keys())
            instances = await self._expanded_at(path, after, window)
        created = await series.put(session, calendar, draft, self._now)
        await series.store(session, calendar, after, instances, window, self._now)
        return created

    async def move(self, session: Session, calendar: int, drafts: Sequence[PlacedDraft]) -> list[MovedInstance]:
        """Changes single instances of one event."""
        [event_id] = {draft.event_id for _, draft in drafts}
        known = await self._find(session, calendar, event_id, drafts[0][0])
        originals = [_require_known(known, draft.recurrence_id, path) for path, draft in drafts]
        after = known.event.with_moved(
            {each: _in_zone_of(known.event, each, draft) for each, (_, draft) in zip(originals, drafts, strict=True)}
        )
        await self._store(session, calendar, drafts[0][0], after, known.window)
        return [MovedInstance(each, each not in known.instances) for each in originals]

    async def follow(self, session: Session, calendar: int, path: Path, draft: EventDraft) -> tuple[bool, Start]:
        """Changes an instance and all following ones; one with recurrence lines splits the series.

        Returns whether the instance did not take place before, and by which original it is named now.
        """
        known = await self._find(session, calendar, draft.event_id, path)
        original = _require_known(known, draft.recurrence_id, path)
        draft = _in_zone_of(known.event, original, draft)
        named = original
        if draft.recurrence is None:
            _check_follows(known.event.series_at(original), draft, path)
            after = known.event.with_following(original, draft)
        else:
            assert not isinstance(draft.start, Unreadable)  # it was checked
            after, named = known.event.with_split(original, replace(draft, recurrence_id=None)), draft.start
        _check_place(known, original, draft, path)
        if named not in await self._store(session, calendar, path, after, known.window):
            raise Unprocessable.of((*path, "recurrence"), Key.INVALID, "leaves out the start of the event itself")
        return original not in known.instances, named

    async def delete(
        self, session: Session, calendar: int, event_id: str, recurrence_id: Start | Unreadable, *, following: bool
    ) -> bool:
        """Deletes an instance, or with all following ones. Returns whether there was one that took place."""
        known = await self._find(session, calendar, event_id, ())
        original = _require_known(known, recurrence_id, ())
        event = known.event
        after = event.with_split(original, None) if following else event.with_moved({original: None})
        return len(await self._store(session, calendar, (), after, known.window)) < len(known.instances)

    async def expand_further(self, session: Session, calendar: int, event_id: str) -> bool:
        """Stores the instances that an event has in the time that has to be known by now. Returns whether that was due.

        Raises ValueError if it has too many by now, or costs too much.
        """
        stored = await series.find(session, calendar, event_id, self._now)
        if stored is None or stored.expanded_until is None or stored.expanded_until >= due_before(self._now):
            return False
        window = window_of(self._now, stored.expanded_until)
        instances = await self._expand(stored.event, window, most=MAX_REQUEST_INSTANCES)
        await series.store(session, calendar, stored.event, instances, window, self._now)
        return True

    async def _find(self, session: Session, calendar: int, event_id: str, path: Path) -> _Known:
        """Returns an event that recurs. Raises NotFound."""
        stored = await series.find(session, calendar, event_id, self._now)
        if stored is None:
            words = "is not an event that recurs, so it has no instances"
            raise NotFound(problems=[Problem((*path, "event_id"), Key.UNKNOWN, words)])
        window = window_of(self._now, stored.expanded_until)
        return _Known(stored.event, await self._expanded_at(path, stored.event, window), window)

    async def _store(
        self, session: Session, calendar: int, path: Path, after: RecurringEvent, window: Span
    ) -> _Instances:
        """Stores an event after a change of some instances. Returns those that it has then."""
        _check_changes(after, path)
        instances = await self._expanded_at(path, after, window)
        await series.store(session, calendar, after, instances, window, self._now)
        return instances

    async def _expanded_at(self, path: Path, event: RecurringEvent, window: Span) -> _Instances:
        try:
            return await self._expand(event, window)
        except ValueError as error:
            raise Unprocessable.of((*path, "recurrence"), Key.INVALID, str(error)) from None

    async def _expand(self, event: RecurringEvent, window: Span, most: int = MAX_INSTANCES) -> _Instances:
        if sum(map(len, event.draft.recurrence or ())) <= _LINES_AT_ONCE and event.cost(window) <= _AT_ONCE:
            return self._budget.expand(event, window, most)
        return await asyncio.to_thread(self._budget.expand, event, window, most)


def _require_known(known: _Known, recurrence_id: Start | Unreadable | None, path: Path) -> Start:
    """Returns the original start of an instance. Raises NotFound."""
    if isinstance(recurrence_id, int | date) and (
        recurrence_id in known.instances or recurrence_id in known.event.moved
    ):
        return recurrence_id
    words = (
        f"is not the start of an instance as the series gives it, from {KNOWN_DAYS} days ago to {KNOWN_DAYS} days ahead"
    )
    raise NotFound(problems=[Problem((*path, "recurrence_id"), Key.UNKNOWN, words)])


def _in_zone_of(event: RecurringEvent, original: Start, draft: EventDraft) -> EventDraft:
    """Returns the draft of an instance, in the zone of its series unless it has one."""
    return draft if draft.tzid is not None else replace(draft, tzid=event.series_at(original).zone)


def _check_follows(before: EventDraft, draft: EventDraft, path: Path) -> None:
    """Checks that instances can be moved by the difference to a draft. Raises Unprocessable."""
    problems = Problems()
    if isinstance(before.start, date) != isinstance(draft.start, date):
        words = "must be a date if the series has dates, and a time if it has times: give recurrence to change that"
        problems.add((*path, "start"), Key.INVALID, words)
    if before.zone != draft.zone:
        words = f"must be that of the series, {before.zone}: give recurrence to change it"
        problems.add((*path, "tzid"), Key.INVALID, words)
    problems.raise_if_any()


def _check_place(known: _Known, original: Start, draft: EventDraft, path: Path) -> None:
    """Checks that what goes on from an instance begins where it can be stored and named. Raises Unprocessable."""
    span = draft.span()
    if not (known.window.start < span.end and span.start < known.window.end - DAY):
        words = f"must lie between {KNOWN_DAYS} days ago and {KNOWN_DAYS} days ahead"
        raise Unprocessable.of((*path, "start"), Key.INVALID, words)
    last = known.event.last_before(original, [*known.instances, *known.event.moved])
    if draft.recurrence is not None and last is not None and span.start <= last:
        raise Unprocessable.of((*path, "start"), Key.INVALID, "must be after the instance before, which stays")


def _check_changes(event: RecurringEvent, path: Path) -> None:
    """Checks the number of changes of a series. Raises Unprocessable."""
    if len(event.moved) > MAX_MOVED:
        words = (
            f"cannot be changed by itself: {MAX_MOVED:,} instances of the series are already. Upsert the series anew"
        )
        raise Unprocessable.of((*path, "recurrence_id"), Key.TOO_MANY, words)
    if len(event.following) + len(event.splits) > MAX_CUTS:
        words = f"cannot be changed with all following ones: that was done {MAX_CUTS} times. Upsert the series anew"
        raise Unprocessable.of((*path, "recurrence_id"), Key.TOO_MANY, words)


def check_names_instance(
    recurrence_id: object | None, path: Path, problems: Problems, *, this_and_following: bool
) -> None:
    """Reports a request for following instances that does not say which one they follow."""
    if this_and_following and recurrence_id is None:
        problems.add((*path, "recurrence_id"), Key.REQUIRED, "must say which instance this_and_following is about")


def check_recurrence_length(drafts: Sequence[EventDraft], problems: Problems) -> None:
    """Reports recurrence lines of one request that are too long together. Raises Unprocessable: nothing else is read."""
    if sum(len(line) for draft in drafts for line in draft.recurrence or ()) > MAX_REQUEST_RECURRENCE:
        words = f"have more than {MAX_REQUEST_RECURRENCE:,} characters of recurrence lines together: send fewer at once"
        problems.add(("events",), Key.TOO_LONG, words)
        problems.raise_if_any()


def check_recurs_whole(draft: EventDraft, path: Path, problems: Problems) -> None:
    """Reports a single instance with recurrence lines."""
    if draft.recurrence is not None and draft.recurrence_id is not None:
        words = "cannot be given for one instance: that is possible with this_and_following, or without recurrence_id"
        problems.add((*path, "recurrence"), Key.CONFLICT, words)
