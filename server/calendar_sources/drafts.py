"""Items of a calendar file as events that an account gets for its own: once, and not as a calendar that is followed.

A series is taken over with its rules. Its instances that were changed or cancelled are so here, too; one of them that lies
too far away is left out of the series, and becomes an event by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from core.errors import Problems
from core.events import EventDraft, EventStatus, Location, Transparency
from core.instants import Instant
from core.recurring_events import ExpansionBudget, RecurringEvent, window_of
from core.series import Length, Start
from core.zones import ZoneInfo

from ..icalendar.lines import moment
from .content import Check, components
from .events import FileEvent, UnreadableEventError, read_event
from .items import Reading, bounded, by_original, latest, name_of, zones_of

#: dates in a line
_DATES = 100


@dataclass(slots=True)
class Drafts:
    """What becomes of an item."""

    #: single events, or a series before its instances that were changed
    events: list[EventDraft] = field(default_factory=list[EventDraft])
    #: what could not be read of it, or not be taken over
    problems: list[UnreadableEventError] = field(default_factory=list[UnreadableEventError])

    @property
    def is_series(self) -> bool:
        """Whether it has an event that recurs."""
        return any(draft.recurrence is not None for draft in self.events)


def read_drafts(uid: str, text: str, how: Reading, now: Instant, check: Check) -> Drafts:
    """Reads an item. What is cancelled becomes nothing."""
    calendar = components(text, check)
    zones = zones_of(calendar, how)
    drafts = Drafts()
    found: list[FileEvent] = []
    for component in calendar.inner:
        if component.name == "VEVENT":
            try:
                found.append(read_event(component, zones, how.email))
            except UnreadableEventError as error:
                drafts.problems.append(error)
    drafts.problems += [event.remark for event in found if event.remark is not None]
    masters = latest([event for event in found if event.instead_of is None])[-1:]
    overrides = [event for event in found if event.instead_of is not None]
    for master in masters:
        if master.details.cancelled:
            continue
        if master.recurs:
            own, overrides = by_original(master, overrides)
            overrides += _add_series(drafts, bounded(uid), master, own, how, now)
        else:
            _add(drafts, bounded(uid), master, how)
    for event in overrides:
        if event.instead_of is not None and not event.details.cancelled:
            _add(drafts, bounded(f"{uid}_{name_of(event.instead_of.start)}"), event, how)
    return drafts


def _add(drafts: Drafts, event_id: str, event: FileEvent, how: Reading, original: Start | None = None) -> None:
    """Adds a single event, or with an original an instance of a series, or a problem."""
    try:
        drafts.events.append(_checked(replace(_draft(event_id, event, how), recurrence_id=original)))
    except ValueError as error:
        drafts.problems.append(UnreadableEventError(str(error)))


def _add_series(
    drafts: Drafts, event_id: str, master: FileEvent, own: dict[Start, FileEvent], how: Reading, now: Instant
) -> list[FileEvent]:
    """Adds a series with its changed instances, or a problem. Returns those that become events by themselves."""
    try:
        draft = _draft(event_id, master, how)
        if not isinstance(master.start.zone, ZoneInfo):  # pyright: ignore[reportUnnecessaryIsInstance]: a DescribedZone is none
            raise ValueError("recurs in a time zone without a name of IANA's")
        if any(event.following for event in own.values()):
            raise ValueError("changes all following instances of a series at once, which is not taken over")
        series = RecurringEvent(replace(draft, recurrence=(*_rules(master), *_dates(master))))
        instances = ExpansionBudget().expand(series, window_of(now))
        apart = {each for each, event in own.items() if event.details.cancelled or each not in instances}
        lines = (*_rules(master), *_dates(master), *_excluded({*master.excluded, *apart}))
        drafts.events.append(_checked(replace(draft, recurrence=lines)))
    except ValueError as error:
        drafts.problems.append(UnreadableEventError(str(error), recurs=True))
        return []
    for original, event in own.items():
        if original not in apart:
            _add(drafts, event_id, event, how, original)
    return [own[original] for original in apart]


def _draft(event_id: str, event: FileEvent, how: Reading) -> EventDraft:
    """Returns the draft of an event. Raises ValueError, with words that follow on an event."""
    if event.vague:
        raise ValueError("is in a time zone that is not known")
    start, details = event.start.start, event.details
    end = start + timedelta(days=event.length.days) if isinstance(start, date) else event.series().first.end
    return EventDraft(
        event_id,
        details.summary,
        start,
        end,
        description=details.description,
        tzid=event.start.zone.key if isinstance(event.start.zone, ZoneInfo) else how.tzid,  # pyright: ignore[reportUnnecessaryIsInstance]: a DescribedZone is none
        location=Location(details.location) if details.location else None,
        url=details.url,
        transparency=Transparency.OPAQUE if details.opaque else Transparency.TRANSPARENT,
        status=EventStatus.TENTATIVE if details.tentative else EventStatus.CONFIRMED,
    )


def _checked(draft: EventDraft) -> EventDraft:
    """Returns the draft. Raises ValueError if it cannot be stored."""
    problems = Problems()
    draft.check((), problems)
    for problem in problems:
        named = next((part for part in reversed(problem.path) if isinstance(part, str)), "")
        raise ValueError(f"has something that cannot be stored: {named} {problem.description}")
    return draft


def _rules(event: FileEvent) -> Iterator[str]:
    return (f"RRULE:{text.strip()}" for text in event.rule_texts)


def _dates(event: FileEvent) -> Iterator[str]:
    """Yields the lines of further starts."""
    plain = [start for start, length in event.dates.items() if length is None]
    yield from _lists("RDATE", plain)
    for start, length in event.dates.items():
        if length is not None and not isinstance(start, date):
            yield f"RDATE;VALUE=PERIOD:{moment(start)}/{_duration(length)}"
    yield from _lists("RDATE", [start for start, length in event.dates.items() if length and isinstance(start, date)])


def _excluded(starts: set[Start]) -> Iterator[str]:
    return _lists("EXDATE", sorted(starts, key=str))


def _lists(name: str, starts: Sequence[Start]) -> Iterator[str]:
    days = [f"{start:%Y%m%d}" for start in starts if isinstance(start, date)]
    times = [moment(start) for start in starts if not isinstance(start, date)]
    for head, texts in ((f"{name};VALUE=DATE", days), (name, times)):
        for first in range(0, len(texts), _DATES):
            yield f"{head}:{','.join(texts[first : first + _DATES])}"


def _duration(length: Length) -> str:
    return f"P{length.days}DT{length.seconds}S"
