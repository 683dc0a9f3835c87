"""Executable pictures: a drawing of calendars and of the expected availability.

    09:00 every 30 minutes
    periods of 60 minutes, 1 of alice bob
    query   ############
    alice   ####....####
    bob     ....####..##
    =bob    ####....##..
    =alice  ....####....

The first line gives the time of the first cell, on 2027-01-19 in UTC, and the length of each cell. The lines before the
first row are the clauses of the query, separated by commas; names are separated by spaces:

    periods of 60 minutes               or `slots of …`, `overlapping slots of …`: the only required clause
    starting every 30 minutes           the grid of the starts
    15 past                             moves the grid by so many minutes
    on the clock of Europe/Paris        the zone of the grid; the default is UTC
    all of alice bob, 1 of red blue     the groups; the default is one group that requires all members of the drawing
    buffer 15 before 10 after           either half may be left out
    bob buffer 30 after                 a member's own buffer
    bob ignores tentative
    workshop takes 3                    the capacity of a member: it is busy where so many events overlap
    at most 5

Then follow the rows, all of the same width. A dot is an empty cell, and a run of equal marks is one span; spans that touch
are drawn with `#` and `=` in turn. Spans that overlap are drawn in several rows with the same label.

    query          ######..####    query periods
    asked          #.#.........    query slots: each mark is a start
    alice          ..##..??....    events; ? marks a tentative one
    alice only     ########....    the available periods that the query gives a member
    alice hours    ....########    the working hours of the member
    alice limit    ####........    the days in which the member has as many bookings as it may have
    alice known    ########....    the time until which the member's events are known
    =alice bob     ####==##....    the answer: three openings, and the names of those who are free in the order of the answer

A row `=` of dots is an empty answer.

The product draws its pictures in the same way (`core/picture.py`), with one more line on top that gives the day and the
zone, so that the time of the first cell is the local one:

    Tuesday 2027-01-19 in Europe/Paris (UTC+01:00)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from core.durations import NO_TIME, Buffer, Duration
from core.instants import MINUTE, Instant, format_instant, parse_instant
from core.limits import Limits
from core.periods import Period
from core.picture import Canvas, Drawn, Row, clauses
from core.picture import text as draw_text
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.solver import Facts, Opening, solve
from core.spans import Busy, Span, SpanSet
from core.zones import ZoneInfo

MIDNIGHT = parse_instant("2027-01-19T00:00:00Z")

_DAY = re.compile(r"\w+ (\d{4}-\d\d-\d\d) in \S+ \(UTC([+-]\d\d:\d\d)\)")
_CLOCK = re.compile(r"(\d\d):(\d\d) every (\d+) minutes?")
_ROW = re.compile(r"(?P<label>\S.*?)\s+(?P<cells>[#=?.]+)")
_FORMAT = re.compile(r"(periods|slots|overlapping slots) of (\d+) minutes?")
_INTERVAL = re.compile(r"starting every (\d+) minutes?")
_OFFSET = re.compile(r"(\d+) past")
_ZONE = re.compile(r"on the clock of (\S+)")
_GROUP = re.compile(r"(all|\d+) of (\w+(?: \w+)*)")
_BUFFER = re.compile(r"(?:(\w+) )?buffer(?: (\d+) before)?(?: (\d+) after)?")
_TENTATIVE = re.compile(r"(\w+) ignores tentative")
_CAPACITY = re.compile(r"(\w+) takes (\d+)")
_SUFFIX = re.compile(r" (only|hours|limit|known)$")
_MOST = re.compile(r"at most (\d+)")


class InvalidPicture(ValueError):
    """The drawing itself is wrong, so that it cannot be compared with an answer."""


@dataclass
class Clauses:
    """The clauses between the first line and the first row."""

    response_format: ResponseFormat | None = None
    duration: Duration = NO_TIME
    interval: Duration | None = None
    offset: Duration | None = None
    tzid: str | None = None
    groups: list[tuple[str, list[str]]] = field(default_factory=list)
    buffers: dict[str | None, Buffer] = field(default_factory=dict)
    ignoring_tentative: set[str] = field(default_factory=set)
    capacities: dict[str, int] = field(default_factory=dict)
    max_results: int = 20

    def add(self, clause: str) -> None:
        if match := _FORMAT.fullmatch(clause):
            self.response_format = ResponseFormat(match[1].replace(" ", "_"))
            self.duration = Duration(minutes=int(match[2]))
        elif match := _INTERVAL.fullmatch(clause):
            self.interval = Duration(minutes=int(match[1]))
        elif match := _OFFSET.fullmatch(clause):
            self.offset = Duration(minutes=int(match[1]))
        elif match := _ZONE.fullmatch(clause):
            self.tzid = match[1]
        elif match := _GROUP.fullmatch(clause):
            self.groups.append((match[1], match[2].split()))
        elif match := _BUFFER.fullmatch(clause):
            before, after = (Duration(minutes=int(minutes or 0)) for minutes in match.groups()[1:])
            self.buffers[match[1]] = Buffer(before, after)
        elif match := _TENTATIVE.fullmatch(clause):
            self.ignoring_tentative.add(match[1])
        elif match := _CAPACITY.fullmatch(clause):
            self.capacities[match[1]] = int(match[2])
        elif match := _MOST.fullmatch(clause):
            self.max_results = int(match[1])
        else:
            raise InvalidPicture(f"no clause and no row: {clause!r}")


@dataclass(frozen=True)
class Rows:
    """The rows of a drawing, with the time of the first cell and the length of a cell."""

    start: Instant
    cell: int
    drawn: Sequence[tuple[str, str]]

    @property
    def canvas(self) -> Canvas:
        return Canvas(self.start, self.cell, len(self.drawn[0][1]))

    def runs(self, label: str, marks: str = "#=") -> list[Span]:
        """The spans in all rows with this label, one for each run of equal marks."""
        return sorted(span for name, cells in self.drawn if name == label for span in self._runs(cells, marks))

    def _runs(self, cells: str, marks: str) -> Iterator[Span]:
        at = self.start
        for mark, run in groupby(cells):
            end = at + self.cell * len(list(run))
            if mark in marks:
                yield Span(at, end)
            at = end

    def starts(self, label: str) -> list[Instant]:
        """The time of each mark in the rows with this label."""
        return [start for span in self.runs(label) for start in range(span.start, span.end, self.cell)]

    def has(self, label: str) -> bool:
        return any(name == label for name, _ in self.drawn)

    def labels(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.drawn))


@dataclass(frozen=True)
class Picture:
    """A parsed drawing: the query, the facts of the calendars, and the expected answer."""

    head: str
    rows: Rows
    query: AvailabilityQuery
    busy: dict[str, list[Span]]
    tentative: dict[str, list[Span]]
    hours: dict[str, SpanSet | None]
    capacities: dict[str, int]
    limits: dict[str, SpanSet | None]
    known_until: dict[str, Instant | None]
    answer: list[Opening]

    def facts(self) -> list[list[Facts]]:
        """The facts of the calendars in the order of the query's groups and members."""
        return [[self._facts(member) for member in group.members] for group in self.query.participants]

    def _facts(self, member: Member) -> Facts:
        busy, tentative = self.busy[member.sub], self.tentative[member.sub]
        blocking = [*busy] if member.ignore_tentative else [*busy, *tentative]
        capacity, limit = self.capacities.get(member.sub, 1), self.limits[member.sub]
        known_until = self.known_until[member.sub]
        return Facts(Busy.of(blocking), self.hours[member.sub], capacity, limit, known_until=known_until)

    def compare(self, found: Sequence[Opening]) -> str:
        """An empty text if the answer is the expected one; otherwise both answers, drawn, and their differences."""
        if list(found) == self.answer:
            return ""
        lines = ["this is not the answer that is drawn", "", *_indented(self.head.splitlines())]
        lines += ["drawn", *_indented(self.draw(self.answer)), "found", *_indented(self.draw(found))]
        lines += [f"not found: {_describe(opening)}" for opening in self.answer if opening not in found]
        lines += [f"not drawn: {_describe(opening)}" for opening in found if opening not in self.answer]
        if sorted(found) == self.answer:
            lines.append(f"not in time order: {', '.join(map(_describe, found))}")
        return "\n".join(lines)

    def draw(self, openings: Iterable[Opening]) -> list[str]:
        """Draws the openings as rows; those whose bounds lie within a cell are left out."""
        canvas = self.rows.canvas
        whole = [each for each in openings if not any((bound - canvas.start) % canvas.cell for bound in each[:2])]
        drawn = canvas.draw_openings(sorted(whole), {name: name for name in self.busy}) if whole else []
        widest = max(len(label) for label, _ in self.rows.drawn)
        return [f"{label:{widest}}  {cells}" for label, cells in drawn] or ["(nothing)"]


def redrawn(picture: Picture) -> str:
    """What was read from a picture, as the product draws it."""
    rows = picture.rows
    names = {name: name for name in picture.busy}
    drawn = rows.canvas.draw(_row(rows, label) for label in rows.labels() if label[0] != "=")
    drawn += rows.canvas.draw_openings(picture.answer, names)
    said = [clauses(picture.query, names), *(f"{name} takes {most}" for name, most in picture.capacities.items())]
    return draw_text(rows.canvas, ZoneInfo("Etc/UTC"), ", ".join(said), drawn)


def _row(rows: Rows, label: str) -> Row:
    if label == "asked":
        return Row(label, [Drawn(start, start + MINUTE, "|") for start in rows.starts(label)])
    firm, tentative = rows.runs(label), rows.runs(label, "?")
    return Row(label, sorted([*(Drawn(*span) for span in firm), *(Drawn(*span, "?") for span in tentative)]))


def normalized(text: str) -> str:
    """The text of a picture without indentation, with one line of clauses and with two spaces behind the longest label."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [match for line in lines if (match := _ROW.fullmatch(line))]
    drawn = [(" ".join(match["label"].split()), match["cells"]) for match in rows]
    widest = max(len(label) for label, _ in drawn)
    head = ", ".join(line.rstrip(",") for line in lines[1 : len(lines) - len(rows)])
    return "\n".join([lines[0], head, *(f"{label:{widest}}  {cells}" for label, cells in drawn)])


def span_set(cells: str) -> SpanSet:
    """A set from a drawing such as `.##.#`, in which each cell is a second."""
    return SpanSet.of((at, at + 1) for at, mark in enumerate(cells) if mark == "#")


def check_picture(text: str) -> None:
    """Fails, showing both answers, unless the solver's answer is the expected one.

    Fails as well if what the product draws of it says anything else.
    """
    __tracebackhide__ = True
    picture = parse_picture(text)
    drawn = redrawn(picture)
    again = parse_picture(drawn)
    assert redrawn(again) == drawn
    assert (again.query, again.facts(), again.answer) == (picture.query, picture.facts(), picture.answer), drawn
    if difference := picture.compare(solve(picture.query, picture.facts())):
        raise AssertionError(difference)


def parse_picture(text: str) -> Picture:
    """Parses a drawing. Raises InvalidPicture if it is inconsistent."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    midnight = MIDNIGHT
    if day := _DAY.fullmatch(lines[0]):
        midnight = parse_instant(f"{day[1]}T00:00:00{day[2]}")
        lines = lines[1:]
    clock = _CLOCK.fullmatch(lines[0])
    if clock is None:
        raise InvalidPicture(f"the first line must read like `09:00 every 30 minutes`, not {lines[0]!r}")
    hours, minutes, cell = map(int, clock.groups())
    first_row = next((index for index, line in enumerate(lines) if _ROW.fullmatch(line)), len(lines))
    ask = Clauses()
    for clause in ",".join(line.rstrip(",") for line in lines[1:first_row]).split(","):
        ask.add(clause.strip())
    rows = Rows(midnight + (60 * hours + minutes) * MINUTE, cell * MINUTE, list(_read_rows(lines[first_row:])))
    members = _members(ask, rows)
    return Picture(
        head="\n".join(line for line in lines if not line.startswith("=")),
        rows=rows,
        query=_checked(_query(ask, rows, members)),
        busy={name: rows.runs(name) for name in members},
        tentative={name: rows.runs(name, "?") for name in members},
        hours={name: _set(rows, f"{name} hours") for name in members},
        limits={name: _set(rows, f"{name} limit") for name in members},
        known_until={name: _known_until(rows, f"{name} known") for name in members},
        capacities=ask.capacities,
        answer=_answer(rows, members),
    )


def _read_rows(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    width = None
    for line in lines:
        match = _ROW.fullmatch(line)
        if match is None:
            raise InvalidPicture(f"not a row: {line!r}")
        if width not in (None, len(match["cells"])):
            raise InvalidPicture(f"not as wide as the row above: {line!r}")
        width = len(match["cells"])
        yield " ".join(match["label"].split()), match["cells"]


def _members(ask: Clauses, rows: Rows) -> dict[str, Member]:
    """The members with a row, in the order of their rows."""
    drawn = [label for label in rows.labels() if label not in ("query", "asked") and label[0] != "="]
    names = [label for label in drawn if " " not in label]
    if strange := [label for label in drawn if _SUFFIX.sub("", label) not in names]:
        raise InvalidPicture(f"no rows of a member: {', '.join(strange)}")
    asked = {name for _, group in ask.groups for name in group} or set(names)
    if asked != set(names) or not {*ask.buffers, *ask.ignoring_tentative, *ask.capacities} <= {None, *names}:
        raise InvalidPicture(f"drawn are {', '.join(names)}, but others are asked about")
    return {name: _member(ask, rows, name) for name in names}


def _member(ask: Clauses, rows: Rows, name: str) -> Member:
    own = [Period(*span) for span in rows.runs(f"{name} only")] if rows.has(f"{name} only") else None
    buffer, ignoring = ask.buffers.get(name), name in ask.ignoring_tentative
    return Member(name, available_periods=own, buffer=buffer, ignore_tentative=ignoring)


def _set(rows: Rows, label: str) -> SpanSet | None:
    return SpanSet.of(rows.runs(label)) if rows.has(label) else None


def _known_until(rows: Rows, label: str) -> Instant | None:
    if not rows.has(label):
        return None
    spans = rows.runs(label)
    return spans[-1].end if spans else rows.start


def _query(ask: Clauses, rows: Rows, members: dict[str, Member]) -> AvailabilityQuery:
    if ask.response_format is None:
        raise InvalidPicture("needs a clause such as `periods of 60 minutes`")
    groups = ask.groups or [("all", list(members))]
    return AvailabilityQuery(
        participants=[
            Group([members[name] for name in names], "all" if required == "all" else int(required))
            for required, names in groups
        ],
        required_duration=ask.duration,
        query_periods=[Period(*span) for span in rows.runs("query")] if rows.has("query") else None,
        query_slots=rows.starts("asked") if rows.has("asked") else None,
        buffer=ask.buffers.get(None, Buffer()),
        start_interval=ask.interval,
        start_offset=ask.offset,
        start_interval_tzid=ask.tzid,
        response_format=ask.response_format,
        max_results=ask.max_results,
    )


def _checked(query: AvailabilityQuery) -> AvailabilityQuery:
    if problems := query.check(MIDNIGHT - MINUTE, Limits()):
        raise InvalidPicture(f"no query that would be answered: {problems}")
    return query


def _answer(rows: Rows, members: dict[str, Member]) -> list[Opening]:
    labels = [label for label in rows.labels() if label[0] == "="]
    if not labels:
        raise InvalidPicture("has no answer: draw a row `=` of dots if nothing is found")
    openings = [Opening(*span, tuple(label[1:].split())) for label in labels for span in rows.runs(label)]
    if strange := {name for opening in openings for name in opening.participants} - set(members):
        raise InvalidPicture(f"in the answer, but not drawn: {', '.join(sorted(strange))}")
    return sorted(openings)


def _describe(opening: Opening) -> str:
    start, end = format_instant(opening.start)[11:16], format_instant(opening.end)[11:16]
    return f"{start} to {end} {' '.join(opening.participants)}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
