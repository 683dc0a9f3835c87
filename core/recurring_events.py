"""Events that recur: what callers have said of one, and the instances that follow from that.

A caller upserts an event with recurrence lines, and may then change a single instance, or an instance and all that
follow it. What was said is stored, and instances are derived from it: all changes are values here, and whatever is
done, the stored instances are brought to what `instances` returns (`db.series`). So it makes no difference in which
steps the stored instances got there, and expanding further never brings back what was deleted.

An instance is named by its *original*: its start by the lines alone, before any change. There are three changes.

* One instance is replaced by a draft, or deleted. It is named by its original as before.
* An instance and those after it are moved by the same difference on the wall clock, and take everything else from the
  draft (RANGE=THISANDFUTURE of RFC 5545). All are named by their originals as before.
* The series is split: it ends before an instance, and a draft with recurrence lines of its own goes on from there, or
  nothing does. What recurs from there on is named by its starts.

A split cuts the series into stretches, of which each is a `Series`; changes of following instances are overrides in it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from .errors import Problems
from .events import EventDraft
from .instants import DAY, Instant, Unreadable
from .recurrence_lines import Recurrence, read_recurrence
from .series import MAX_INSTANCES, Instance, Length, Override, Series, Start
from .spans import Span
from .zones import ZoneInfo, local_midnight

KNOWN_DAYS = 400
"""Days ahead for which all instances of all series are stored, and days back."""

_EXPANDED_DAYS = KNOWN_DAYS + 30
#: a series is expanded further some days before it has to be
_SPARE_DAYS = 7

MAX_COST = 2_000_000
"""Starts that are looked at to expand the series of one request: about two seconds of a processor."""

MAX_REQUEST_INSTANCES = 20_000
"""Instances of all series of one request."""

MAX_MOVED = 5_000
"""Single instances of a series that may be changed or deleted."""

MAX_CUTS = 50
"""Instances of a series from which on something is changed."""


def window_of(now: Instant, expanded_until: Instant | None = None) -> Span:
    """Returns the time in which instances are stored, at an instant. It never ends before it did."""
    return Span(now - KNOWN_DAYS * DAY, max((now // DAY + _EXPANDED_DAYS) * DAY, expanded_until or 0))


def due_before(now: Instant) -> Instant:
    """Returns the instant such that a series which is expanded up to an earlier one is due to be expanded further."""
    return now + (KNOWN_DAYS + _SPARE_DAYS) * DAY


class _Stretch(NamedTuple):
    """A series up to the split that ends it."""

    series: Series
    draft: EventDraft
    #: of the changes of an instance and those after it, by original
    following: Mapping[Start, EventDraft]


@dataclass(frozen=True, slots=True)
class RecurringEvent:
    """An event that recurs, with all changes of it. Drafts are checked and have a zone."""

    #: has recurrence lines
    draft: EventDraft
    #: single instances that were changed, by original. None: deleted
    moved: Mapping[Start, EventDraft | None] = field(default_factory=dict[Start, EventDraft | None])
    #: by the original from which on it holds
    following: Mapping[Start, EventDraft] = field(default_factory=dict[Start, EventDraft])
    #: by the original from which on it holds. None: nothing takes place from there on
    splits: Mapping[Start, EventDraft | None] = field(default_factory=dict[Start, EventDraft | None])

    def instances(self, window: Span, most: int = MAX_INSTANCES) -> dict[Start, EventDraft]:
        """Returns the instances that end after the window's start and start before its end, by original.

        Those that were changed by themselves are among them wherever they are. Raises ValueError, with a message for the
        caller, for more than `most`, and for a PERIOD that ends before it starts.
        """
        found: dict[Start, EventDraft] = {}
        for stretch in self._stretches():
            for each in stretch.series.instances(window, most):
                draft = stretch.draft if each.follows is None else stretch.following[each.follows]
                found[each.original] = _placed(draft, each)
        for original, draft in self.moved.items():
            found.pop(original, None)
            if draft is not None:
                found[original] = draft
        if len(found) > most:
            raise ValueError(f"has more than {most:,} instances in {(window.end - window.start) // DAY} days")
        return found

    def cost(self, window: Span) -> int:
        """Returns how many starts are looked at, at most, to find the instances in a window."""
        return sum(stretch.series.cost(window) for stretch in self._stretches())

    def is_over(self, instant: Instant) -> bool:
        """Whether no instance starts at or after the instant, except those that were changed by themselves."""
        return all(stretch.series.is_over(instant) for stretch in self._stretches())

    def replaced_by(self, draft: EventDraft, originals: Collection[Start]) -> "RecurringEvent":
        """Returns the event after an upsert of the whole of it, which by itself has instances with these originals.

        Changes of single instances that it still has stay; all others are dropped.
        """
        moved = {each: moved for each, moved in self.moved.items() if each in originals}
        return RecurringEvent(draft, moved)

    def with_moved(self, drafts: Mapping[Start, EventDraft | None]) -> "RecurringEvent":
        """Returns the event after changes of single instances, by original. None: deleted."""
        return replace(self, moved={**self.moved, **drafts})

    def with_following(self, original: Start, draft: EventDraft) -> "RecurringEvent":
        """Returns the event after a change of an instance and those after it, up to where it is split.

        Those of them that were changed by themselves stay as they are.
        """
        at = self._at(original)
        behind = min((each for each, _, _ in self._borders() if each > at), default=None)
        following = {
            each: before
            for each, before in self.following.items()
            if self._at(each) < at or (behind is not None and self._at(each) >= behind)
        }
        moved = {each: before for each, before in self.moved.items() if each != original}
        return replace(self, moved=moved, following={**following, original: draft})

    def with_split(self, original: Start, draft: EventDraft | None) -> "RecurringEvent":
        """Returns the event after it was split before an instance, or with None after it was ended there."""
        at = self._at(original)
        splits = {each: before for border, each, before in self._borders() if border < at}
        start = draft.start if draft is not None else original
        if isinstance(start, date) == isinstance(original, date) and self._at(start) < at:
            # What goes on may have an instance of this name itself, at which it may be split in turn.
            original = start  # pyright: ignore[reportAssignmentType]: drafts are checked
        return replace(
            self,
            moved={each: before for each, before in self.moved.items() if self._at(each) < at},
            following={each: before for each, before in self.following.items() if self._at(each) < at},
            splits={**splits, original: draft},
        )

    def last_before(self, original: Start, originals: Collection[Start]) -> Instant | None:
        """Returns the last of these originals before another one, as an instant. What a split goes on with starts later."""
        at = self._at(original)
        return max((each for each in map(self._at, originals) if each < at), default=None)

    def series_at(self, original: Start) -> EventDraft:
        """Returns the draft with the recurrence lines that an instance follows from."""
        at = self._at(original)
        split = [(self._at(each.start), each) for each in self.splits.values() if each is not None]
        return max(((begins, each) for begins, each in split if begins <= at), default=(0, self.draft), key=_first)[1]

    def _stretches(self) -> list[_Stretch]:
        borders = self._borders()
        since, found = None, list[_Stretch]()
        ends = [*((border, end) for border, end, _ in borders), (None, None)]
        for draft, (behind, end) in zip((self.draft, *(draft for _, _, draft in borders)), ends, strict=True):
            if draft is not None:
                following = {
                    original: change
                    for original, change in self.following.items()
                    if (since is None or self._at(original) >= since)
                    and (behind is None or self._at(original) < behind)
                }
                found.append(_Stretch(_series(draft, following, end), draft, following))
            since = behind
        return found

    def _borders(self) -> list[tuple[Instant, Start, EventDraft | None]]:
        """Returns the splits in order, each with the instant before which all originals are of the stretch before it.

        What goes on may start before the instance that the split is at, though after the instance before that.
        """
        found: list[tuple[Instant, Start, EventDraft | None]] = []
        for original, draft in self.splits.items():
            at = self._at(original)
            found.append((at if draft is None else min(at, self._at(draft.start)), original, draft))
        return sorted(found, key=itemgetter(0))

    def _at(self, start: Start | Unreadable) -> Instant:
        """Returns the instant of a start, for comparison of dates and instants."""
        assert not isinstance(start, Unreadable)  # drafts are checked
        return local_midnight(start, ZoneInfo(self.draft.zone)) if isinstance(start, date) else start


def length_of(draft: EventDraft) -> Length:
    """Returns the length of the instances of a checked draft: whole days, or exact seconds."""
    start, end = draft.start, draft.end
    if isinstance(start, date) and isinstance(end, date):
        return Length(days=(end - start).days)
    span = draft.span()
    return Length(seconds=span.end - span.start)


@lru_cache(maxsize=4)  # a series is made several times for one change
def _recurrence(lines: tuple[str, ...], *, all_day: bool) -> Recurrence:
    recurrence = read_recurrence(lines, (), Problems(), all_day=all_day)
    assert recurrence is not None  # they are checked
    return recurrence


def _series(draft: EventDraft, following: Mapping[Start, EventDraft], end: Start | None) -> Series:
    """Returns the series of a draft. Raises ValueError for a PERIOD that ends before it starts."""
    start = draft.start
    assert not isinstance(start, Unreadable)  # it is checked
    series = _recurrence(draft.recurrence or (), all_day=isinstance(start, date)).series(
        start, ZoneInfo(draft.zone), length_of(draft)
    )
    overrides = {original: _override(change) for original, change in following.items()}
    if end is not None:
        overrides[end] = Override(None, following=True)
    return replace(series, overrides=overrides)


def _override(draft: EventDraft) -> Override:
    assert not isinstance(draft.start, Unreadable)  # it is checked
    return Override(draft.start, length_of(draft), following=True)


def _placed(draft: EventDraft, instance: Instance) -> EventDraft:
    """Returns the draft of an instance."""
    end = instance.span.end
    if isinstance(instance.start, date):
        assert isinstance(draft.start, date)  # so are all instances then
        assert isinstance(draft.end, date)
        end = instance.start + (draft.end - draft.start)
    return replace(draft, start=instance.start, end=end, recurrence=None, recurrence_id=instance.original)


def _first(pair: tuple[Instant, EventDraft]) -> Instant:
    return pair[0]


@dataclass(slots=True)
class ExpansionBudget:
    """What the series of one request may still cost together."""

    cost: int = MAX_COST
    instances: int = MAX_REQUEST_INSTANCES

    def expand(self, event: RecurringEvent, window: Span, most: int = MAX_INSTANCES) -> dict[Start, EventDraft]:
        """Returns the instances of an event as `RecurringEvent.instances` does, and pays for them.

        Raises ValueError, with a message for the caller, as well for what costs too much.
        """
        cost = event.cost(window)
        if cost > MAX_COST:
            raise ValueError("costs too much to expand: let it begin later, or change it at fewer places")
        if cost > self.cost:
            raise ValueError("costs too much to expand together with the others of this request: send fewer at once")
        self.cost -= cost
        found = event.instances(window, most)
        self.instances -= len(found)
        if self.instances < 0:
            words = f"of this request have more than {MAX_REQUEST_INSTANCES:,} instances: send fewer at once"
            raise ValueError(f"and the others {words}")
        return found
