"""Pictures: a query, what is known about its members, and its answer as rows of text.

    Tuesday 2027-01-19 in Europe/Paris (UTC+01:00)
    09:00 every 30 minutes
    periods of 60 minutes, 1 of Ada Bob
    query      ############
    Ada        ####....####
    Bob hours  ..########..
    =Bob       ..########..

A picture has a block for each local day that the query searches. It begins with the time of the first cell and the length
of a cell; the first block also says what the query asks for. A run of equal marks is one span; spans that touch are drawn
with `#` and `=` in turn, tentative events with `?`. A span that overlaps another one has a row of its own. Where bounds lie
within a cell, the whole cell is marked.

The tests and the documentation draw their examples in the same way, and read them back (`tests/support/pictures.py`).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from .durations import Buffer
from .instants import DAY, MINUTE, Instant
from .query import AvailabilityQuery, Group, ResponseFormat
from .solver import Opening
from .spans import Bounds
from .zones import ZoneInfo, local_midnight, local_time

LEAST_WIDTH, MOST_WIDTH = 12, 288
"""Cells of a row: half a day of hours, and the five minutes of a whole day."""

LENGTH = 65_536
"""Maximum length of a picture, in characters. Days that do not fit are left out, and counted in its last line."""

#: room for the line that counts the days that are left out
_LAST_LINE = 40
#: lengths of a cell in minutes, each a divisor of a day
_CELLS = (60, 30, 15, 10, 5, 1)
_LONG_CELLS = (120, 180, 240, 360, 720, 1440)


class Drawn(NamedTuple):
    """A span, and the mark that it is drawn with: `#`, `?` for a tentative event, `|` for starts, each a cell of its own."""

    start: Instant
    end: Instant
    mark: str = "#"

    @property
    def bounds(self) -> Sequence[Instant]:
        """The instants that should lie between two cells."""
        return self[:1] if self.mark == "|" else self[:2]


@dataclass(frozen=True, slots=True)
class Row:
    """Spans in order of time, drawn under one label: in one row, or in more where they overlap."""

    label: str
    spans: Sequence[Drawn]
    #: whether spans may overlap
    overlapping: bool = False


@dataclass(frozen=True, slots=True)
class Canvas:
    """The time of the first cell, the length of a cell in seconds, and the number of cells."""

    start: Instant
    cell: int
    width: int

    @property
    def end(self) -> Instant:
        return self.start + self.cell * self.width

    def draw(self, rows: Iterable[Row]) -> list[tuple[str, str]]:
        """Returns the labels and the cells of all rows."""
        return [(label, "".join(cells)) for row in rows for label, cells in self._draw(row)]

    def draw_openings(self, openings: Iterable[Opening], names: Mapping[str, str]) -> list[tuple[str, str]]:
        """Returns rows with the names of those who are free. Those without an opening are an empty row."""
        drawn: list[tuple[str, list[str]]] = []
        for start, end, subs in openings:
            if start < self.end and end > self.start:
                label = f"={_listed([names[sub] for sub in subs])}"
                self._place([cells for other, cells in drawn if other == label] or [], Drawn(start, end), drawn, label)
        return [(label, "".join(cells)) for label, cells in drawn] or [("=", "." * self.width)]

    def _draw(self, row: Row) -> list[tuple[str, list[str]]]:
        drawn: list[tuple[str, list[str]]] = []
        for span in row.spans:
            if span.start < self.end and span.end > self.start:
                self._place([cells for _, cells in drawn], span, drawn, row.label)
        return drawn or [(row.label, ["."] * self.width)]

    def _place(self, rows: Iterable[list[str]], span: Drawn, drawn: list[tuple[str, list[str]]], label: str) -> None:
        """Marks the cells of a span in the first of the rows in which they are empty, or in a new one."""
        first = max((span.start - self.start) // self.cell, 0)
        last = first + 1 if span.mark == "|" else min(-(-(span.end - self.start) // self.cell), self.width)
        for cells in rows:
            if not "".join(cells[first : last + 1]).strip("."):
                break
        else:
            cells = ["."] * self.width
            drawn.append((label, cells))
        touches = first > 0 and cells[first - 1] == "#"
        mark = span.mark if span.mark != "#" else "=" if touches else "#"
        cells[first:last] = ("#" if mark == "|" else mark) * (last - first)


def text(canvas: Canvas, zone: ZoneInfo, head: str, rows: Sequence[tuple[str, str]]) -> str:
    """Returns a block: the time of the first cell, what the query asks for, and rows with aligned labels."""
    clock = f"{local_time(canvas.start, zone):%H:%M} every {_minutes(canvas.cell)}"
    widest = max(len(label) for label, _ in rows)
    lines = [clock, *([head] if head else []), *(f"{label:{widest}}  {cells}" for label, cells in rows)]
    return "\n".join(lines)


def clauses(query: AvailabilityQuery, names: Mapping[str, str]) -> str:
    """Returns what the query asks for, in the words of a picture. Names are by sub, in the order of the rows."""
    form = ResponseFormat.SLOTS if query.asked_starts is not None else query.response_format
    said = [f"{form.value.replace('_', ' ')} of {_minutes(query.duration)}"]
    if query.start_interval is not None:
        said.append(f"starting every {_minutes(query.start_interval.seconds)}")
        if query.start_offset is not None and query.start_offset.seconds:
            said.append(f"{query.start_offset.seconds // MINUTE} past")
        if query.start_interval_tzid is not None:
            said.append(f"on the clock of {query.start_interval_tzid}")
    subs = [member.sub for _, member in query.members()]
    if len(query.participants) > 1 or not query.participants[0].needs_all or subs != list(names):
        said += [_group(group, names) for group in query.participants]
    said += _buffer(query.buffer, "")
    for _, member in query.members():
        if member.buffer is not None:
            said += _buffer(member.buffer, f"{names[member.sub]} ") or [f"{names[member.sub]} buffer 0 before"]
    said += [f"{names[member.sub]} ignores tentative" for _, member in query.members() if member.ignore_tentative]
    if query.max_results != 20:
        said.append(f"at most {query.max_results}")
    return ", ".join(dict.fromkeys(said))


def _group(group: Group, names: Mapping[str, str]) -> str:
    required = "all" if group.needs_all else group.needed
    return f"{required} of {_listed([names[member.sub] for member in group.members])}"


def _buffer(buffer: Buffer, whose: str) -> list[str]:
    halves = [
        f" {length.seconds // MINUTE} {name}"
        for name, length in (("before", buffer.before), ("after", buffer.after))
        if length.seconds
    ]
    return [f"{whose}buffer{''.join(halves)}"] if halves else []


def _listed(names: Sequence[str]) -> str:
    """Returns names as a list: separated by spaces, unless one of them has a space itself."""
    return (", " if any(" " in name for name in names) else " ").join(names)


def _minutes(seconds: int) -> str:
    minutes = seconds // MINUTE
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn. Names are by sub."""

    query: AvailabilityQuery
    names: Mapping[str, str]
    rows: Sequence[Row]
    openings: Sequence[Opening]

    def draw(self, zone: ZoneInfo, width: int) -> str:
        """Returns the picture, with rows of at most `width` cells."""
        days = list(_days(self.query, zone))
        cell = self._cell(days, width, zone)
        head = clauses(self.query, self.names)
        blocks: list[str] = []
        left = LENGTH - _LAST_LINE
        for begin, end in days:
            block = self._block(_canvas(begin, end, cell, zone), zone, "" if blocks else head)
            left -= len(block) + 2
            if left < 0 and blocks:
                break
            blocks.append(block[: LENGTH - _LAST_LINE])
        if len(blocks) < len(days):
            more = len(days) - len(blocks)
            blocks.append(f"and {more} more day{'' if more == 1 else 's'}")
        return "\n\n".join(blocks)

    def _block(self, canvas: Canvas, zone: ZoneInfo, head: str) -> str:
        rows = canvas.draw(self._rows_within(canvas)) + canvas.draw_openings(self.openings, self.names)
        at = local_time(canvas.start, zone)
        offset = at.utcoffset() or timedelta()
        hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
        sign = "-" if offset < timedelta() else "+"
        title = f"{at:%A %Y-%m-%d} in {zone.key} (UTC{sign}{hours:02}:{minutes:02})"
        return f"{title}\n{text(canvas, zone, head, rows)}"

    def _rows_within(self, canvas: Canvas) -> Iterator[Row]:
        for row in self.rows:
            spans = row.spans if row.overlapping else _within(row.spans, canvas)
            yield Row(row.label, list(_merged(spans, canvas)))

    def _cell(self, days: Sequence[Bounds], width: int, zone: ZoneInfo) -> int:
        """Returns the longest cell in which no bound lies; or else the shortest of which there is room for a day."""
        longest = max(end - begin for begin, end in days)
        bounds = [bound for row in self.rows for span in row.spans for bound in span.bounds]
        bounds += [bound for opening in self.openings for bound in opening[:2]]
        for cell in (minutes * MINUTE for minutes in _CELLS):
            first = _canvas(*days[0], cell, zone).start
            if longest <= width * cell and all((bound - first) % cell == 0 for bound in bounds):
                return cell
        fitting = (minutes * MINUTE for minutes in sorted(_CELLS + _LONG_CELLS))
        return next((cell for cell in fitting if longest <= (width - 1) * cell), DAY)


def _days(query: AvailabilityQuery, zone: ZoneInfo) -> Iterator[Bounds]:
    """Yields, for each local day that the query searches, from when and until when it does."""
    day: Bounds | None = None
    until = 0
    for start, end in query.window():
        while start < end:
            if start >= until or day is None:
                if day is not None:
                    yield day
                until = local_midnight(local_time(start, zone).date() + timedelta(days=1), zone)
                day = (start, start)
            day = (day[0], min(end, until))
            start = max(day[1], start + 1)
    if day is not None:
        yield day


def _canvas(begin: Instant, end: Instant, cell: int, zone: ZoneInfo) -> Canvas:
    """Returns the canvas of a day: its first cell begins on the clock at a multiple of its length."""
    offset = (local_time(begin, zone).utcoffset() or timedelta()) // timedelta(seconds=1)
    start = (begin + offset) // cell * cell - offset
    return Canvas(start, cell, -(-(end - start) // cell))


def _within(spans: Sequence[Drawn], canvas: Canvas) -> Iterator[Drawn]:
    """Returns those of disjoint spans that can meet the canvas."""
    first, after = bisect_left(spans, (canvas.start,)), bisect_left(spans, (canvas.end,))
    return islice(spans, max(first - 1, 0), after)


def _merged(spans: Iterable[Drawn], canvas: Canvas) -> Iterator[Drawn]:
    """Yields the spans; those with a bound within one and the same cell are one, since a cell has one mark."""
    last: Drawn | None = None
    for span in spans:
        if last is None:
            last = span
            continue
        cell_of_end, rest = divmod(last.end - canvas.start, canvas.cell)
        if (
            rest
            and last.mark != "|"
            and last.end <= span.start
            and (span.start - canvas.start) // canvas.cell <= cell_of_end
        ):
            last = Drawn(last.start, span.end, last.mark if last.mark == span.mark else "#")
        else:
            yield last
            last = span
    if last is not None:
        yield last
