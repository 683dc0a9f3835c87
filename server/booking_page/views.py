"""The page of a link in each of its states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from starlette.responses import Response

from core.instants import Instant, format_instant
from core.real_time_scheduling import Completed, Disabled, Link
from core.solver import Opening
from core.zones import local_time, todays_name

from .days import Month, weeks
from .meeting import Meeting
from .parameters import address
from .rendering import html
from .wording import WEEKDAYS, Formatter, RegionalFormat, duration
from .zones import regions

_NOON, _EVENING = 12, 17

#: fragment of the page where the times are
_TIMES = "#times"


@dataclass(frozen=True, slots=True)
class PageContext:
    """A link, and how to show it to this visitor."""

    link: Link
    wording: Formatter
    now: Instant
    #: whether the visitor has chosen the zone
    chosen_zone: bool

    @classmethod
    def at(cls, link: Link, tzid: str | None, language: str, now: Instant) -> "PageContext":
        """The context of a request. Without a chosen zone, it is the zone of the booking, or of the page."""
        state, request = link.state, link.request
        own = state.visitor_tzid if isinstance(state, Completed) else request.page_tzid
        return cls(
            link,
            Formatter(tzid or todays_name(own), RegionalFormat.of(language, request.hour_format)),
            now,
            tzid is not None,
        )

    @property
    def tzid(self) -> str:
        return self.wording.tzid

    @property
    def can_tell(self) -> bool:
        """Whether the application wants to know that no time suits."""
        return self.link.request.callback_urls.no_times_suitable_url is not None

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Renders a page of this link."""
        values = {"guessed_zone": None, "meeting": Meeting.of(self.link), "tzid": self.tzid, **values}
        return html(template, status=status, leads_to=self.link.request.redirect_urls.completed_url, **values)

    @property
    def notice(self) -> str | None:
        """How long before its start a meeting must be booked, if the link asks for that."""
        return duration(self.link.request.minimum_notice.seconds) or None

    @property
    def guessed_zone(self) -> str | None:
        """The shown zone if the visitor has not chosen it: the browser may know a better one."""
        return None if self.chosen_zone else self.tzid

    def start(self, opening: Opening) -> str:
        """The address at which a meeting is confirmed."""
        return self.address_of(opening.start)

    def address_of(self, start: Instant) -> str:
        """The address at which a meeting with this start is confirmed."""
        return address(tz=self.tzid, start=start)


class When(NamedTuple):
    """The time of a meeting, as text for the visitor."""

    day: str
    times: str
    clock: str

    @classmethod
    def of(cls, visit: PageContext, start: Instant, end: Instant) -> "When":
        wording = visit.wording
        day = wording.whole_day(wording.date_of(start))
        return cls(day, wording.span(start, end), wording.clock(wording.offset(start)))


class Cell(NamedTuple):
    """A day of the calendar. Its address is None if it has no times."""

    number: int
    name: str
    address: str | None
    shown: bool
    today: bool


class Time(NamedTuple):
    """A time to choose, with its offset if another one reads the same."""

    time: str
    offset: str
    address: str


def choose(visit: PageContext, month: Month, wanted: date | None) -> Response:
    """The days of a month, and the times of one of them."""
    wording = visit.wording
    offsets = {wording.offset(opening.start) for opening in month.shown}
    return visit.page(
        "choose.html",
        guessed_zone=visit.guessed_zone,
        month=wording.month(month.first),
        weekdays=_weekdays(wording.regional),
        weeks=_cells(visit, month),
        earlier=_elsewhere(visit, month.earlier, month.first, "Earlier days"),
        later=_elsewhere(visit, month.later, month.first, "Later days"),
        gone=wording.day(wanted) if wanted is not None and wanted != month.day else None,
        day=wording.whole_day(month.day) if month.day is not None else None,
        times=_times(visit, month.shown),
        clock=wording.clock(offsets.pop()) if len(offsets) == 1 else f"{wording.clock()}. Clocks change on this day.",
        kept={"day": wanted, "from": month.begin},
        regions=regions(visit.tzid),
        can_tell=visit.can_tell,
    )


def nothing_left(visit: PageContext) -> Response:
    """The page of a link that has no times."""
    return visit.page("nothing_left.html", notice=visit.notice)


def confirm(visit: PageContext, opening: Opening) -> Response:
    """Asks the visitor to confirm the chosen time."""
    day = visit.wording.date_of(opening.start)
    return visit.page(
        "confirm.html",
        guessed_zone=visit.guessed_zone,
        start=format_instant(opening.start),
        moment=visit.wording.moment(opening.start),
        back=address(tz=visit.tzid, day=day) + _TIMES,
        when=When.of(visit, opening.start, opening.end),
    )


def taken(visit: PageContext, start: Instant, others: Sequence[Opening], status: int) -> Response:
    """Says that the chosen time is no longer free, or too soon, and offers others."""
    wording, day = visit.wording, visit.wording.date_of(start)
    gone, *written = wording.apart((start, *(opening.start for opening in others)), wording.moment)
    return visit.page(
        "taken.html",
        status=status,
        gone=" ".join(gone).strip(),
        others=[Time(*words, visit.start(opening)) for words, opening in zip(written, others, strict=True)],
        all=address(tz=visit.tzid, day=day) + _TIMES,
        clock=wording.clock(),
        notice=visit.notice if visit.now < start < visit.link.request.earliest(visit.now) else None,
    )


def not_known(visit: PageContext, start: Instant | None = None, status: int = 200) -> Response:
    """Says that nobody can tell at present whether the chosen time is free, or whether any time is."""
    wording = visit.wording
    return visit.page(
        "not_known.html",
        status=status,
        chosen=wording.moment(start) if start is not None else None,
        again=visit.address_of(start) if start is not None else None,
        all=address(tz=visit.tzid) + (_TIMES if start is not None else ""),
    )


def done(visit: PageContext, state: Completed, file: str) -> Response:
    """Says what was booked and where it is now, with a file for the visitor's own calendar; or that it was cancelled."""
    page = "cancelled.html" if state.is_cancelled else "done.html"
    return visit.page(page, file=file, when=When.of(visit, state.start, state.end))


def disabled(visit: PageContext, state: Disabled) -> Response:
    """The page of a link that its application has disabled."""
    return visit.page("disabled.html", message=state.display_message.strip())


def feedback_sent(visit: PageContext) -> Response:
    """Says that the application has been notified that no time suits."""
    return visit.page("told.html", back=address(tz=visit.tzid))


def _weekdays(regional: RegionalFormat) -> Sequence[str]:
    return (*WEEKDAYS[-1:], *WEEKDAYS[:-1]) if regional.sunday_first else WEEKDAYS


def _cells(visit: PageContext, month: Month) -> list[list[Cell | None]]:
    rows = weeks(month.first, sunday_first=visit.wording.regional.sunday_first)
    return [[_cell(visit, month, day) if day is not None else None for day in row] for row in rows]


def _cell(visit: PageContext, month: Month, day: date) -> Cell:
    meetings = month.meetings.get(day, ())
    many = "1 time" if len(meetings) == 1 else f"{len(meetings)} times"
    name = f"{visit.wording.day(day)}, {many}"
    to = address(tz=visit.tzid, day=day, since=month.begin) + _TIMES if meetings else None
    return Cell(day.day, name, to, day == month.day, day == visit.wording.date_of(visit.now))


def _elsewhere(visit: PageContext, since: date | None, first: date, here: str) -> tuple[str, str] | None:
    """The label and the address of a link to another month, or to other days of this one."""
    if since is None:
        return None
    name = visit.wording.month(since) if since.replace(day=1) != first else here
    return name, address(tz=visit.tzid, since=since)


def _times(visit: PageContext, meetings: Sequence[Opening]) -> Mapping[str, Sequence[Time]]:
    """The times of a day, by part of the day."""
    parts: dict[str, list[Time]] = {}
    written = visit.wording.apart((opening.start for opening in meetings), visit.wording.time)
    for opening, (time, offset) in zip(meetings, written, strict=True):
        hour = local_time(opening.start, visit.wording.zone).hour
        part = "Morning" if hour < _NOON else "Afternoon" if hour < _EVENING else "Evening"
        parts.setdefault(part, []).append(Time(time, offset, visit.start(opening)))
    return parts
