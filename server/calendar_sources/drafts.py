"""Items of a calendar file as events that an account gets for its own: once, and not as a calendar that is followed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from core.errors import Problems
from core.events import EventDraft, EventStatus, Location, Transparency
from core.zones import ZoneInfo

from .content import Check, components
from .events import FileEvent, UnreadableEventError, read_event
from .items import Reading, bounded, latest, name_of, zones_of


@dataclass(slots=True)
class Drafts:
    """What becomes of an item."""

    events: list[EventDraft] = field(default_factory=list[EventDraft])
    #: what could not be read of it, or not be taken over
    problems: list[UnreadableEventError] = field(default_factory=list[UnreadableEventError])


def read_drafts(uid: str, text: str, how: Reading, check: Check) -> Drafts:
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
    for event_id, event in _named(uid, found):
        try:
            drafts.events.append(_draft(event_id, event, how))
        except ValueError as error:
            drafts.problems.append(UnreadableEventError(str(error), recurs=event.recurs))
    return drafts


def _named(uid: str, found: Sequence[FileEvent]) -> Iterator[tuple[str, FileEvent]]:
    """Yields the events that take place with their ids."""
    masters = latest([event for event in found if event.instead_of is None])
    for event in masters[-1:]:
        if not event.details.cancelled:
            yield bounded(uid), event
    for event in found:
        if event.instead_of is not None and not event.details.cancelled:
            yield bounded(f"{uid}_{name_of(event.instead_of.start)}"), event


def _draft(event_id: str, event: FileEvent, how: Reading) -> EventDraft:
    """Returns the draft of a single event. Raises ValueError, with words that follow on an event."""
    if event.recurs:
        raise ValueError("recurs, and only single events are taken over")
    if event.vague:
        raise ValueError("is in a time zone that is not known")
    start, details = event.start.start, event.details
    end = start + timedelta(days=event.length.days) if isinstance(start, date) else event.series().first.end
    draft = EventDraft(
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
    problems = Problems()
    draft.check((), problems)
    for problem in problems:
        raise ValueError(f"has something that cannot be stored: {problem.path[-1]} {problem.description}")
    return draft
