"""An item of a calendar file: the events that all components with its UID are together.

Reading an item never fails: what can be read of it is among its events, and what cannot covers its start to its end where
those can be read, and is counted.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256

from core.calendar_sources import AllDayEvents, SourceEvent
from core.instants import DAY, LATEST, Instant, format_instant
from core.limits import EXTERNAL_ID_LENGTH
from core.series import Instance, Override, Start
from core.spans import Span
from core.zones import ZoneInfo, local_time

from .content import Check, Component, components
from .events import Details, FileEvent, UnreadableEventError, read_event, widened
from .values import Zones
from .zones import described_zone, named_zone

_EPOCH_DAY = date(1970, 1, 1)
_UTC = ZoneInfo("Etc/UTC")
_NAMELESS = Details("", "", None, None, opaque=True, tentative=False, cancelled=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """How items are read: what their events depend on besides what they say."""

    #: in which series are expanded
    window: Span
    #: of times without a zone, in files that name none
    tzid: str
    #: of the account, who may have declined
    email: str | None
    all_day: AllDayEvents

    @property
    def digest(self) -> str:
        """Differs if the same items may have other events."""
        return sha256(repr((_VERSION, self.window, self.tzid, self.email, self.all_day)).encode()).hexdigest()


#: changes whenever the same items are read in another way
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Item:
    """What an item says."""

    events: Sequence[SourceEvent]
    #: whether it goes on behind the window
    is_open: bool
    #: why something of it cannot be read; None: everything can
    problem: UnreadableEventError | None = None
    #: whether some of it cannot be placed
    incomplete: bool = False
    #: whether all of it counts, so that what it said before no longer does
    whole: bool = True

    def ends_at(self) -> Instant:
        """When its last event ends; never, for one that goes on behind the window."""
        return LATEST if self.is_open else max((event.ends_at for event in self.events), default=0)


def read_item(uid: str, text: str, how: Reading, check: Check) -> Item:
    """Reads an item from its text."""
    check()
    calendar = components(text, check)
    zones = zones_of(calendar, how)
    found: list[FileEvent] = []
    broken: list[UnreadableEventError] = []
    for component in calendar.inner:
        if component.name == "VEVENT":
            try:
                found.append(read_event(component, zones, how.email))
            except UnreadableEventError as error:
                broken.append(error)
    return _Expansion(uid, how, broken).item(found)


class _Expansion:
    """Expands the events of an item."""

    def __init__(self, uid: str, how: Reading, broken: list[UnreadableEventError]) -> None:
        self.uid = uid
        self.how = how
        self.broken = broken
        self.events: dict[str, SourceEvent] = {}
        self.is_open = False

    def item(self, found: Sequence[FileEvent]) -> Item:
        """Returns the item that these events are, together with what could not be read."""
        masters = latest([event for event in found if event.instead_of is None])
        overrides = [event for event in found if event.instead_of is not None]
        for master in masters:
            if not master.details.cancelled and (master.recurs or overrides):
                overrides = self._add_series(master, overrides)
            elif not master.details.cancelled:
                self._add_single(master)
        for event in overrides:
            if not event.details.cancelled:
                self._add_single(event)
        remarks = [event.remark for event in found if event.remark is not None]
        for number, error in enumerate(self.broken):
            if error.span is not None and error.span.end > self.how.window.start:
                # Its id is no other event's: those end with a date.
                self._add(f"unreadable_{number}", error.span, None, self.how.tzid, _NAMELESS)
        incomplete = any(error.span is None or error.recurs for error in self.broken)
        problem = next(iter([*self.broken, *remarks]), None)
        return Item(list(self.events.values()), self.is_open, problem, incomplete, whole=not self.broken)

    def _add_series(self, master: FileEvent, overrides: Sequence[FileEvent]) -> list[FileEvent]:
        """Adds a series. Returns the overrides that are of none of its instances."""
        own, others = by_original(master, overrides)
        changes = {original: _override(event) for original, event in own.items()}
        series = replace(master.series(), overrides=changes)
        vague = master.vague or any(event.vague for event in own.values())
        window = self.how.window if master.recurs else Span(self.how.window.start, LATEST)
        try:
            instances = series.instances(Span(window.start - DAY, window.end + DAY) if vague else window)
        except (ValueError, OverflowError) as error:
            self.broken.append(UnreadableEventError(str(error), span=_first_span(master), recurs=True))
            return [*others, *own.values()]
        self.is_open = self.is_open or not series.is_over(window.end)
        following = sorted((original for original, event in own.items() if event.following), key=_order)
        for instance in instances:
            changed = instance.original if instance.original in own else _last(following, instance)
            source = own[changed] if changed is not None else master
            self._add_instance(instance, source, master.start.zone, vague=vague)
        return others

    def _add_single(self, event: FileEvent) -> None:
        """Adds an event by itself, also one that is instead of an instance of no series."""
        series = event.series()
        original = event.instead_of.start if event.instead_of is not None else series.start
        if series.first.end > self.how.window.start - DAY:
            instance = Instance(original, series.start, series.first)
            self._add_instance(instance, event, event.start.zone, vague=event.vague)

    def _add_instance(self, instance: Instance, source: FileEvent, zone: ZoneInfo, *, vague: bool) -> None:
        if instance.span.end > instance.span.start:
            span = widened(instance.span) if vague else instance.span
            days = (instance.start, _day(span.end, zone)) if isinstance(instance.start, date) and not vague else None
            tzid = zone.key if isinstance(zone, ZoneInfo) else self.how.tzid  # pyright: ignore[reportUnnecessaryIsInstance]: a DescribedZone is none
            self._add(name_of(instance.original), span, days, tzid, source.details)

    def _add(self, suffix: str, span: Span, days: tuple[date, date] | None, tzid: str, details: Details) -> None:
        event_id = unique = bounded(f"{self.uid}_{suffix}")
        number = 1
        while unique in self.events:
            number += 1
            unique = bounded(f"{event_id}_{number}")
        opaque = details.opaque
        if days is not None and self.how.all_day is not AllDayEvents.AS_MARKED:
            opaque = self.how.all_day is AllDayEvents.BLOCK
        start_date, end_date = days or (None, None)
        self.events[unique] = SourceEvent(
            unique,
            span.start,
            span.end,
            start_date,
            end_date,
            tzid,
            details.summary,
            details.description,
            details.location,
            details.url,
            opaque,
            details.tentative,
        )


def zones_of(calendar: Component, how: Reading) -> Zones:
    """Returns the zones of the text of an item."""
    described = {
        line.value.strip(): component.text
        for component in calendar.inner
        if component.name == "VTIMEZONE"
        for line in component.properties()
        if line.name == "TZID"
    }

    def find(name: str) -> ZoneInfo | None:
        zone = named_zone(name)
        if zone is None and (text := described.get(name.strip().strip('"'))) is not None:
            zone = _described(text, how.window)
        return zone

    own = next((find(line.value) for line in calendar.properties() if line.name == "X-WR-TIMEZONE"), None)
    return Zones(find, own or ZoneInfo(how.tzid), _UTC)


@lru_cache(maxsize=256)
def _described(text: str, window: Span) -> ZoneInfo | None:
    """Returns the zone of a VTIMEZONE; None for one that cannot be read. Most items of a file have the same."""
    try:
        [zone] = components(f"BEGIN:VCALENDAR\n{text}\nEND:VCALENDAR", _never).inner
        return described_zone(zone, window.start, window.end)
    except (ValueError, OverflowError):
        return None


def _never() -> None:
    """Does not look at the clock."""


def latest(masters: Sequence[FileEvent]) -> list[FileEvent]:
    """Returns those with the highest sequence number: the others are what they replace."""
    highest = max((event.sequence for event in masters), default=0)
    return [event for event in masters if event.sequence == highest]


def by_original(master: FileEvent, overrides: Sequence[FileEvent]) -> tuple[dict[Start, FileEvent], list[FileEvent]]:
    """Returns the overrides of the series by the original start, and those that cannot be of one of its instances."""
    own: dict[Start, FileEvent] = {}
    others: list[FileEvent] = []
    all_day = isinstance(master.start.start, date)
    for event in sorted(overrides, key=lambda event: -event.sequence):
        assert event.instead_of is not None
        original = event.instead_of.start
        if all_day and not isinstance(original, date):
            # The day that the file says, unless it says it in UTC.
            zone = event.instead_of.zone
            original = _day(original, master.start.zone if zone == _UTC else zone)
        if isinstance(original, date) != all_day or (
            original in own and own[original].sequence == event.sequence and own[original] != event
        ):
            others.append(event)
        elif original not in own:
            if isinstance(event.start.start, date) != all_day and not event.following:
                # It is on its own clock: a day in a series of hours, or the other way round.
                others.append(event)
                event = replace(event, details=replace(event.details, cancelled=True))
            own[original] = event
    return own, others


def _override(event: FileEvent) -> Override:
    if event.details.cancelled:
        return Override(None, following=event.following)
    return Override(event.start.start, event.length, event.following)


def _last(following: Sequence[Start], instance: Instance) -> Start | None:
    """Returns the last of these starts that is not after the instance's."""
    at = bisect_right(following, _order(instance.original), key=_order)
    return following[at - 1] if at else None


def _order(start: Start) -> int:
    """Orders the original starts of a series, which are all instants or all dates."""
    return (start - _EPOCH_DAY).days * DAY if isinstance(start, date) else start


def _first_span(master: FileEvent) -> Span | None:
    """Returns what the first instance of a series covers."""
    span = master.series().first
    if span.end == span.start:
        return None
    return widened(span) if master.vague else span


def _day(instant: Instant, zone: ZoneInfo) -> date:
    return local_time(instant, zone).date()


def name_of(original: Start) -> str:
    """20270119T090000Z or 20270119"""
    if isinstance(original, date):
        return f"{original:%Y%m%d}"
    return format_instant(original).replace("-", "").replace(":", "")


def bounded(event_id: str) -> str:
    return event_id if len(event_id) <= EXTERNAL_ID_LENGTH else sha256(event_id.encode()).hexdigest()
