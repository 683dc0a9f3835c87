"""One component of an item: an event, a series, or what takes place instead of an instance (VEVENT)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.calendar_sources import MAX_DATES
from core.errors import Problems
from core.instants import DAY, HOUR
from core.limits import DESCRIPTION_LENGTH, LOCATION_LENGTH, SUMMARY_LENGTH, URL_LENGTH
from core.recurrence_rules import Rule, parse_rule
from core.series import Length, Series, Start
from core.spans import Span
from core.urls import check_web_url

from .content import Component, Property
from .values import Time, Zones, length_between, read_duration, read_periods, read_time, read_times, text_of

_LISTS = frozenset({"RRULE", "RDATE", "EXDATE", "EXRULE", "ATTENDEE"})


class UnreadableEventError(ValueError):
    """The event cannot be read."""

    def __init__(self, why: str, line: str = "", span: Span | None = None, *, recurs: bool = False) -> None:
        super().__init__(why)
        self.why = why
        #: the line that cannot be read
        self.line = line
        #: what it covers at least, if its start and its end can be read
        self.span = span
        #: whether it is a series, which covers more
        self.recurs = recurs


@dataclass(frozen=True, slots=True)
class Details:
    """What an event says of itself, besides when it is."""

    summary: str
    description: str
    location: str | None
    url: str | None
    #: whether it blocks, unless the source says otherwise of all-day events
    opaque: bool
    tentative: bool
    cancelled: bool


@dataclass(frozen=True, slots=True)
class FileEvent:
    """An event of a file."""

    start: Time
    length: Length
    details: Details
    #: whether one of its times is in an unknown zone
    vague: bool
    sequence: int
    #: of which instance it takes the place, by the original start, and whether of all after it, too
    instead_of: Time | None = None
    following: bool = False
    rules: tuple[Rule, ...] = ()
    #: the rules as they are written
    rule_texts: tuple[str, ...] = ()
    dates: Mapping[Start, Length | None] = field(default_factory=dict[Start, Length | None])
    excluded: frozenset[Start] = frozenset()
    #: what could not be read of it, where it covers no less for that
    remark: UnreadableEventError | None = None

    @property
    def recurs(self) -> bool:
        """Whether it is a series."""
        return bool(self.rules or self.dates)

    def series(self) -> Series:
        """Returns it as a series, of a single instance if it does not recur, without what takes the place of instances."""
        return Series(self.start.start, self.start.zone, self.length, self.rules, self.dates, self.excluded)


class _Lines:
    """The lines of a component by name. Those that cannot be parsed are unreadable when they are asked for."""

    def __init__(self, component: Component) -> None:
        self.first: dict[str, Property] = {}
        self.lists: dict[str, list[Property]] = {name: [] for name in _LISTS}
        self.broken: str | None = None
        self.reading = ""
        try:
            for line in component.properties():
                if line.name in _LISTS:
                    self.lists[line.name].append(line)
                else:
                    self.first.setdefault(line.name, line)
        except ValueError:
            self._read_each(component)

    def _read_each(self, component: Component) -> None:
        for text in component.lines:
            try:
                [line] = Component("", [text]).properties()
            except ValueError:
                self.broken = self.broken or text
                continue
            if line.name in _LISTS:
                self.lists[line.name].append(line)
            else:
                self.first.setdefault(line.name, line)

    def get(self, name: str) -> Property | None:
        """Returns the line, which is being read from now on."""
        line = self.first.get(name)
        if line is not None:
            self.reading = line.line
        return line

    def all(self, name: str) -> list[Property]:
        """Returns the lines of this name."""
        return [line for line in self.lists[name] if line.value.strip()]

    @property
    def recurs(self) -> bool:
        return any(self.all(name) for name in ("RRULE", "RDATE"))


def read_event(component: Component, zones: Zones, email: str | None) -> FileEvent:
    """Reads an event. Raises UnreadableEventError."""
    lines = _Lines(component)
    try:
        event = _event(lines, zones, email)
    except (ValueError, OverflowError) as error:
        why = str(error) if isinstance(error, ValueError) else "is beyond every calendar"
        raise UnreadableEventError(why, lines.reading, _span(lines, zones), recurs=lines.recurs) from None
    if lines.broken is not None:
        span = _span(lines, zones)
        raise UnreadableEventError("is not a line of a calendar", lines.broken, span, recurs=lines.recurs)
    return event


def _event(lines: _Lines, zones: Zones, email: str | None) -> FileEvent:
    start, length, vague = _when(lines, zones)
    instead_of = read_time(line, zones) if (line := lines.get("RECURRENCE-ID")) is not None else None
    following = line is not None and line.parameters.get("RANGE", "").upper() == "THISANDFUTURE"
    rules = tuple(_rule(lines, line) for line in lines.all("RRULE"))
    dates = _dates(lines, zones)
    vague = vague or any(line.parameters.get("TZID") and _is_vague(line, zones) for line in lines.all("RDATE"))
    excluded, remark = _excluded(lines, zones)
    return FileEvent(
        start,
        length,
        _details(lines, email),
        vague,
        _number(lines.get("SEQUENCE")),
        instead_of,
        following,
        rules,
        tuple(line.value for line in lines.all("RRULE")),
        dates,
        excluded,
        remark,
    )


def _when(lines: _Lines, zones: Zones) -> tuple[Time, Length, bool]:
    """Returns the start and the length, and whether a zone is unknown."""
    line = lines.get("DTSTART")
    if line is None:
        raise ValueError("has no start (DTSTART)")
    start = read_time(line, zones)
    end = length = None
    if (line := lines.get("DTEND")) is not None and line.value.strip():
        end = read_time(line, zones)
        length = length_between(start, end)
    elif (line := lines.get("DURATION")) is not None and line.value.strip():
        length = read_duration(line.value)
    if not isinstance(start.start, int):  # all-day: whole days, one at least
        days = length.days + -(-length.seconds // DAY) if length is not None else 1
        length = Length(max(days, 1))
    vague = start.vague or (end is not None and end.vague)
    return start, length or Length(), vague


def _span(lines: _Lines, zones: Zones) -> Span | None:
    """Returns what an event covers that cannot be read as a whole, if its start and its end can be."""
    try:
        start = read_time(lines.first["DTSTART"], zones)
        if "DTEND" in lines.first:
            end = read_time(lines.first["DTEND"], zones)
            span, vague = Span(start.instant, end.instant), start.vague or end.vague
        else:
            start, length, vague = _when(lines, zones)
            span = Series(start.start, start.zone, length).first
    except (ValueError, LookupError, OverflowError):
        return None
    if span.end <= span.start:
        return None
    return widened(span) if vague else span


_EARLIER, _LATER = 14 * HOUR, 12 * HOUR


def widened(span: Span) -> Span:
    """Returns what a time may cover that was read in UTC and is in an unknown zone: clocks are up to 14 hours ahead."""
    return Span(span.start - _EARLIER, span.end + _LATER)


def _rule(lines: _Lines, line: Property) -> Rule:
    lines.reading = line.line
    return parse_rule(line.value)


def _is_vague(line: Property, zones: Zones) -> bool:
    return any(time.vague for time, _ in read_periods(line, zones))


def _dates(lines: _Lines, zones: Zones) -> dict[Start, Length | None]:
    dates: dict[Start, Length | None] = {}
    for line in lines.all("RDATE"):
        lines.reading = line.line
        for time, length in read_periods(line, zones):
            dates[time.start] = length
            if len(dates) > MAX_DATES:
                raise ValueError(f"lists more than {MAX_DATES:,} dates")
    return dates


def _excluded(lines: _Lines, zones: Zones) -> tuple[frozenset[Start], UnreadableEventError | None]:
    """Returns the starts that are left out. What cannot be read of them leaves out nothing, and is remarked."""
    excluded: set[Start] = set()
    remark = None
    for line in lines.all("EXDATE"):
        try:
            excluded.update(time.start for time in read_times(line, zones) if not time.vague or _alike(line, lines))
        except (ValueError, OverflowError) as error:
            remark = remark or UnreadableEventError(str(error), line.line)
    for line in lines.all("EXRULE"):
        remark = remark or UnreadableEventError("is a rule of exceptions, which is not read", line.line)
    if len(excluded) > MAX_DATES:
        return frozenset(), UnreadableEventError(f"lists more than {MAX_DATES:,} dates")
    return frozenset(excluded), remark


def _alike(line: Property, lines: _Lines) -> bool:
    """Whether a line names the same zone as the start."""
    return line.parameters.get("TZID") == lines.first["DTSTART"].parameters.get("TZID")


def _details(lines: _Lines, email: str | None) -> Details:
    status = _word(lines, "STATUS")
    marked_free = _word(lines, "TRANSP") == "TRANSPARENT" or _word(lines, "X-MICROSOFT-CDO-BUSYSTATUS") == "FREE"
    return Details(
        summary=text_of(lines.first.get("SUMMARY"), SUMMARY_LENGTH),
        description=text_of(lines.first.get("DESCRIPTION"), DESCRIPTION_LENGTH),
        location=text_of(lines.first.get("LOCATION"), LOCATION_LENGTH) or None,
        url=_url(lines.first.get("URL")),
        opaque=not marked_free and not _is_declined(lines, email),
        tentative=status == "TENTATIVE",
        cancelled=status == "CANCELLED",
    )


def _word(lines: _Lines, name: str) -> str:
    line = lines.first.get(name)
    return line.value.strip().upper() if line is not None else ""


def _is_declined(lines: _Lines, email: str | None) -> bool:
    """Whether the owner of the calendar does not take part."""
    if not email:
        return False
    address = email.casefold()
    return any(
        line.parameters.get("PARTSTAT", "").upper() == "DECLINED"
        and address == line.value.strip().casefold().removeprefix("mailto:")
        for line in lines.lists["ATTENDEE"]
    )


def _url(line: Property | None) -> str | None:
    if line is None or len(line.value) > URL_LENGTH:
        return None
    problems = Problems()
    url = line.value.strip()
    return url if check_web_url(url, (), problems) is not None else None


def _number(line: Property | None) -> int:
    text = line.value.strip() if line is not None else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
