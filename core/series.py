"""Series: events that recur, and the time that their instances cover.

A series is expanded within a window, on the clock of its zone (RFC 5545 section 3.8.5): the starts of its rules and its
further dates, without those that are excluded, and each override instead of the instance that it is of. The first start
is always an instance, whether or not a rule gives it.

A length is local days and then exact seconds, so that an all-day event ends at a midnight, and an hour stays an hour in
the night when clocks change. An override of all following instances moves them by the difference on the wall clock and
gives them its length. So a series is cut into parts with a shift and a length each, and a part is expanded in the window
that its shift leads back to. The cost depends on the window, however long ago the series began (`recurrence`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from .instants import DAY, LATEST, Instant
from .offsets import instants_of, offset_at
from .recurrence import is_over, looked_at, starts
from .recurrence_rules import Rule
from .spans import Span
from .zones import ZoneInfo

MAX_INSTANCES = 5_000
"""Instances of a series in a window."""

#: starts that are looked at in the time that a date of a line takes
_DATE_COST = 20

_EPOCH_DAY = date(1970, 1, 1)
_NEVER = -(1 << 62)

Start: TypeAlias = Instant | date
"""An instant, or the date of an all-day event."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long an instance is: local days, then exact seconds."""

    days: int = 0
    seconds: int = 0

    @property
    def at_most(self) -> int:
        """Seconds that it never exceeds, whatever clocks do."""
        return (self.days + 1) * DAY + self.seconds


@dataclass(frozen=True, slots=True)
class Override:
    """What takes place instead of an instance. None for its start: nothing."""

    start: Start | None
    length: Length = Length()
    #: whether the instances after it move by the same difference and get its length, or do not take place either
    following: bool = False


class Instance(NamedTuple):
    """An instance of a series. `original` is its start before it was overridden, by which it is named."""

    original: Start
    start: Start
    span: Span
    #: the original of the override of all following instances that moves it too
    follows: Start | None = None


class _Part(NamedTuple):
    """The originals in `[since, before)`, how far they are moved, and how long they are; in wall-clock seconds."""

    since: int
    before: int
    shift: int
    length: Length
    #: the original of the override that it begins with
    begins: Start | None = None


class _Original(NamedTuple):
    """The start of an instance before overrides: as it is named, on the wall, and the length that it has by itself."""

    start: Start
    wall: int
    length: Length | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """An event that recurs. Of an instant that is given for an all-day series, its local date counts."""

    #: of the first instance. A date: all instances are all-day.
    start: Start
    zone: ZoneInfo
    length: Length
    rules: tuple[Rule, ...] = ()
    #: further starts (RDATE), with their lengths where they have one of their own
    dates: Mapping[Start, Length | None] = field(default_factory=dict[Start, Length | None])
    #: starts that are left out (EXDATE). A date leaves out all starts on that local day.
    excluded: frozenset[Start] = frozenset()
    #: by the original start
    overrides: Mapping[Start, Override] = field(default_factory=dict[Start, Override])

    @property
    def all_day(self) -> bool:
        """Whether instances last from midnight to midnight."""
        return isinstance(self.start, date)

    @property
    def first(self) -> Span:
        """The time that the first instance covers, whatever takes its place."""
        return self._span(self.start, self.length)

    def instances(self, window: Span, most: int = MAX_INSTANCES) -> list[Instance]:
        """Returns the instances that meet the window, in the order of their starts.

        Raises ValueError, with a message for the caller, for more than `most`, and for a rule that costs too much to
        expand.
        """
        found: list[Instance] = []
        for each in self._everywhere(window):
            if each.span.start < window.end and window.start < each.span.end:
                found.append(each)
                if len(found) > most:
                    raise ValueError(f"has more than {most:,} instances in {(window.end - window.start) // DAY} days")
        return sorted(found, key=lambda each: each.span)

    def is_over(self, instant: Instant) -> bool:
        """Whether no instance starts at or after the instant. Also False where that costs too much to find out."""
        parts = self._parts()
        wall = instant - DAY - max(part.shift for part in parts)
        behind = max(part.before for part in parts)
        moved = (override.start for override in self.overrides.values() if override.start is not None)
        if any(self._span(start, Length()).start >= instant for start in moved):
            return False
        if any(wall <= self._wall(start) < behind for start in (self.start, *self.dates)):
            return False
        try:
            return wall >= behind or all(
                is_over(rule, self._wall(self.start), wall, all_day=self.all_day) for rule in self.rules
            )
        except ValueError:
            return False

    def _everywhere(self, window: Span) -> Iterator[Instance]:
        """Yields the instances that meet the window, and others around it."""
        for original, override in self.overrides.items():
            if override.start is not None:
                span = self._span(override.start, override.length)
                yield Instance(self._name(original), override.start, span, original if override.following else None)
        overridden = set(map(self._name, self.overrides))
        for part in self._parts():
            since, before = self._bounds(part, window)
            yield from self._moved(
                [each for each in self._originals(since, before) if each.start not in overridden], part
            )

    def cost(self, window: Span) -> int:
        """Returns how many starts are looked at, at most, to find the instances that meet the window.

        A date that is given or left out counts for several: it is read, and brought onto the clock of a zone by itself.
        """
        first = self._wall(self.start)
        bounds = [self._bounds(part, window) for part in self._parts()]
        dates = len(bounds) * (len(self.dates) + len(self.excluded)) * _DATE_COST
        return dates + sum(
            looked_at(rule, first, *each, all_day=self.all_day) for each in bounds for rule in self.rules
        )

    def _bounds(self, part: _Part, window: Span) -> tuple[int, int]:
        """Returns the bounds of the originals of a part that can meet the window."""
        # No clock is a day ahead of UTC or behind it.
        longest = max(length.at_most for length in (part.length, *self.dates.values()) if length is not None)
        since = max(part.since, window.start - DAY - longest - part.shift)
        return since, min(part.before, window.end + DAY - part.shift)

    def _parts(self) -> list[_Part]:
        """Returns the parts that the overrides of all following instances cut the series into."""
        following = ((original, override) for original, override in self.overrides.items() if override.following)
        cuts = sorted(
            [(self._wall(original), original, override) for original, override in following], key=itemgetter(0)
        )
        bounds = [*(wall for wall, _, _ in cuts), LATEST]
        parts = [_Part(_NEVER, bounds[0], 0, self.length)]
        for (wall, original, override), behind in zip(cuts, bounds[1:], strict=True):
            if override.start is not None:
                parts.append(_Part(wall, behind, self._wall(override.start) - wall, override.length, original))
        return parts

    def _originals(self, since: int, before: int) -> Iterable[_Original]:
        """Returns the starts on the wall in `[since, before)`, each once, without those that are excluded."""
        first = self._wall(self.start)
        originals = {self.start: _Original(self.start, first)} if since <= first < before else {}
        for rule in self.rules:
            walls = list(starts(rule, first, since, before, all_day=self.all_day))
            last = rule.until.instant if rule.until is not None and not self.all_day else None
            for start, wall in zip(self._names(walls), walls, strict=True):
                if wall != first and (last is None or start <= last):  # pyright: ignore[reportOperatorIssue]: both are instants
                    originals[start] = _Original(start, wall)
        for start, length in self.dates.items():
            if since <= (wall := self._wall(start)) < before:
                originals[self._name(start)] = _Original(self._name(start), wall, length)
        for start in self.excluded:
            originals.pop(self._name(start), None)
        days = {self._wall(day) for day in self.excluded if isinstance(day, date)}
        return [each for each in originals.values() if each.wall // DAY * DAY not in days]

    def _moved(self, originals: list[_Original], part: _Part) -> Iterator[Instance]:
        """Yields the instances of these originals in a part."""
        originals = sorted(originals, key=lambda each: each.wall)
        walls = [each.wall + part.shift for each in originals]
        starts = self._names(walls) if part.shift else [each.start for each in originals]
        for original, start in zip(originals, starts, strict=True):
            yield Instance(original.start, start, self._span(start, original.length or part.length), part.begins)

    def _span(self, start: Start, length: Length) -> Span:
        """Returns the time that an instance covers."""
        wall = self._wall(start)
        [begins] = instants_of([wall], self.zone) if isinstance(start, date) else [start]
        if not length.days:
            return Span(begins, begins + length.seconds)
        [ends] = instants_of([wall + length.days * DAY], self.zone)
        return Span(begins, ends + length.seconds)

    def _wall(self, start: Start) -> int:
        """Returns what clocks show at the start, in seconds; of an all-day series, the midnight before."""
        if isinstance(start, date):
            return (start - _EPOCH_DAY).days * DAY
        wall = start + offset_at(self.zone, start)
        return wall // DAY * DAY if self.all_day else wall

    def _names(self, walls: list[int]) -> list[Start]:
        """Returns the starts at these times on the wall, which are in order."""
        if self.all_day:
            return [_EPOCH_DAY + timedelta(seconds=wall) for wall in walls]
        return list(instants_of(walls, self.zone))

    def _name(self, start: Start) -> Start:
        """Returns the start in the form that originals of the series have."""
        if isinstance(start, date) == self.all_day:
            return start
        return self._names([self._wall(start)])[0]
