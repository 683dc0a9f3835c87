"""Random queries to explain, and their conversion to core values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from core.candidates import KnownFacts
from core.durations import Buffer, Duration
from core.instants import DAY, Instant, parse_instant
from core.limits import START_INTERVALS
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.relaxations import LATER
from core.solver import Facts
from core.spans import Busy, SpanSet
from tests.support.explanation_oracle import TICKS_A_MINUTE, Ask, Happening, Person, Ticks
from tests.support.pictures import MIDNIGHT

T = TypeVar("T")

#: minutes of the window, of the time after it, and of the time around both that events may lie in
WIDTH, LATER_WIDTH, AROUND = 60, 30, 20
NAMES = ("alice", "bob", "carol", "dave")

#: zones of grids, and the instant of tick 0: half an hour before clocks change, or a usual day
ZONES = (
    ("Asia/Kathmandu", MIDNIGHT),
    ("Europe/Paris", parse_instant("2027-03-28T00:30:00Z")),
    ("Europe/Paris", parse_instant("2027-10-31T00:30:00Z")),
    ("Australia/Lord_Howe", parse_instant("2027-04-03T14:30:00Z")),
)


@dataclass(frozen=True)
class Case(Ask):
    """A question, with the zone of its grid, and the instant of tick 0."""

    tzid: str | None = None
    begin: Instant = MIDNIGHT

    def at(self, tick: int) -> Instant:
        """The instant of a tick. Without a zone tick 0 lies on every grid."""
        return self.begin + tick * 60 // TICKS_A_MINUTE

    def tick_of(self, instant: Instant) -> int:
        tick, rest = divmod((instant - self.begin) * TICKS_A_MINUTE, 60)
        assert not rest
        return tick


class Drawn:
    """Choices that are read off a string of bytes, which is quicker to draw and to shrink than each choice by itself."""

    def __init__(self, data: bytes) -> None:
        self._rest = iter(data)

    def number(self, most: int) -> int:
        """From 0 up to `most`, excluded."""
        return next(self._rest, 0) % most

    def one(self, of: Sequence[T]) -> T:
        return of[self.number(len(of))]


def asks(**fixed: Any) -> st.SearchStrategy[Case]:
    """Queries with every feature, or with some of them fixed."""
    return st.binary(min_size=160, max_size=160).map(lambda data: _ask(Drawn(data), fixed))


def _ask(drawn: Drawn, fixed: dict[str, Any]) -> Case:
    step = drawn.one((5, 1))  # bounds on five minutes often coincide
    groups = tuple(_group(drawn, step) for _ in range(drawn.one((1, 2, 1, 2, 3))))
    duration = drawn.one((10, 15, 5, 7, 20, 1, 30))
    asked = None
    if drawn.number(6) == 5:
        asked = tuple(_ticks(step * drawn.number(WIDTH // step)) for _ in range(1 + drawn.number(6)))
        window = _minutes(*((start // TICKS_A_MINUTE, start // TICKS_A_MINUTE + duration) for start in asked))
    else:
        window = _spans(drawn, step, least=1) if drawn.number(4) == 3 else _minutes((0, WIDTH))
    end = max(window) // TICKS_A_MINUTE + 1
    interval = drawn.one((None, *START_INTERVALS))
    tzid, begin = drawn.one(ZONES) if interval is not None and drawn.number(3) == 2 else (None, MIDNIGHT)
    if tzid is not None:
        interval = drawn.one((20, 45, 90, 60))
    case = Case(
        groups=groups,
        duration=_ticks(duration),
        window=window,
        asked=asked,
        interval=_ticks(interval) if interval is not None else None,
        offset=_ticks(drawn.number(interval)) if interval is not None and drawn.number(3) == 2 else 0,
        clock=_clock(tzid, begin) if tzid is not None else None,
        format=drawn.one(tuple(ResponseFormat)).value,
        most=drawn.one((20, 3, 200, 1)),
        later=_minutes((end, end + LATER_WIDTH)) if drawn.number(2) else frozenset(),
        tzid=tzid,
        begin=begin,
    )
    return replace(case, **fixed)


@cache
def _clock(tzid: str, begin: Instant) -> tuple[int, ...]:
    """The time of day that clocks show at each tick that a start may lie at, in ticks."""
    ticks = range(_ticks(2 * WIDTH + LATER_WIDTH + AROUND))
    shown = [
        datetime.fromtimestamp(begin + tick * 60 / TICKS_A_MINUTE, UTC).astimezone(ZoneInfo(tzid)) for tick in ticks
    ]
    return tuple(_ticks(60 * at.hour + at.minute) + at.second * TICKS_A_MINUTE // 60 for at in shown)


def _group(drawn: Drawn, step: int) -> tuple[int, tuple[Person, ...]]:
    first, size = drawn.number(len(NAMES)), drawn.one((2, 1, 3, 4))
    people = tuple(_person(drawn, NAMES[(first + n) % len(NAMES)], step) for n in range(size))
    return drawn.one((size, size, 1, max(size - 1, 1))), people


def _person(drawn: Drawn, name: str, step: int) -> Person:
    before, after = drawn.one(((0, 0), (0, 0), (5, 0), (0, 3), (2, 4)))
    return Person(
        name,
        events=tuple(_event(drawn, step) for _ in range(drawn.one((2, 1, 3, 0, 5, 8)))),
        own=_spans(drawn, step, least=1) if drawn.number(4) == 3 else None,
        hours=_spans(drawn, step) if drawn.number(3) == 2 else None,
        before=_ticks(before),
        after=_ticks(after),
        ignores_tentative=drawn.number(4) == 3,
        capacity=drawn.one((1, 1, 1, 2, 3)),
        limited=_spans(drawn, step) if drawn.number(4) == 3 else frozenset(),
        known_until=_ticks(step * drawn.number((WIDTH + LATER_WIDTH) // step)) if drawn.number(4) == 3 else None,
    )


def _event(drawn: Drawn, step: int) -> Happening:
    start = step * drawn.number((AROUND + WIDTH + LATER_WIDTH) // step) - AROUND
    length = step * (1 + drawn.number(30 // step))
    return Happening(_ticks(start), _ticks(start + length), tentative=drawn.number(4) == 3)


def _spans(drawn: Drawn, step: int, least: int = 0) -> Ticks:
    spans: list[tuple[int, int]] = []
    for _ in range(least + drawn.number(3)):
        start = step * drawn.number((WIDTH + LATER_WIDTH - 10) // step)
        spans.append((start, start + step * (1 + drawn.number(50 // step))))
    return _minutes(*spans)


def _ticks(minutes: int) -> int:
    return minutes * TICKS_A_MINUTE


def _minutes(*spans: tuple[int, int]) -> Ticks:
    return frozenset(tick for start, end in spans for tick in range(_ticks(start), _ticks(end)))


# --- as core values


def to_core(ask: Case) -> tuple[AvailabilityQuery, KnownFacts]:
    """Converts a question. After its later time nobody is free, so that brute force need not look there."""
    never = [(ask.at(max(ask.later) + 1), ask.at(max(ask.window) + 1) + LATER + DAY)] if ask.later else []
    people = [members for _, members in ask.groups]
    query = AvailabilityQuery(
        participants=[Group([_member(ask, each) for each in members], needed) for needed, members in ask.groups],
        required_duration=Duration(minutes=ask.duration // TICKS_A_MINUTE),
        query_periods=_periods(ask, ask.window) if ask.asked is None else None,
        query_slots=[ask.at(tick) for tick in ask.asked] if ask.asked is not None else None,
        start_interval=Duration(minutes=ask.interval // TICKS_A_MINUTE) if ask.interval is not None else None,
        start_interval_tzid=ask.tzid,
        start_offset=Duration(minutes=ask.offset // TICKS_A_MINUTE) if ask.offset else None,
        response_format=ResponseFormat(ask.format),
        max_results=ask.most,
    )
    known = KnownFacts(
        facts=[[_facts(ask, each, ()) for each in members] for members in people],
        firm=[[_firm(ask, each) for each in members] for members in people],
        later=[[_facts(ask, each, never * each.capacity) for each in members] for members in people]
        if ask.later
        else None,
    )
    return query, known


def _member(ask: Case, each: Person) -> Member:
    buffer = Buffer(Duration(minutes=each.before // TICKS_A_MINUTE), Duration(minutes=each.after // TICKS_A_MINUTE))
    own = _periods(ask, each.own) if each.own is not None else None
    return Member(each.name, available_periods=own, buffer=buffer, ignore_tentative=each.ignores_tentative)


def _facts(ask: Case, each: Person, more: Iterable[tuple[Instant, Instant]]) -> Facts:
    hours = (
        SpanSet.of((ask.at(start), ask.at(end)) for start, end in _runs(each.hours)) if each.hours is not None else None
    )
    limited = SpanSet.of((ask.at(start), ask.at(end)) for start, end in _runs(each.limited)) if each.limited else None
    known = ask.at(each.known_until) if each.known_until is not None else None
    busy = Busy.of([*_bounds(ask, each.blocking()), *more])
    return Facts(busy, hours, each.capacity, limited, known_until=known)


def _firm(ask: Case, each: Person) -> Busy | None:
    if each.ignores_tentative or not any(event.tentative for event in each.events):
        return None
    return Busy.of(_bounds(ask, (event for event in each.events if not event.tentative)))


def _bounds(ask: Case, events: Iterable[Happening]) -> list[tuple[Instant, Instant]]:
    return [(ask.at(event.start), ask.at(event.end)) for event in events]


def _periods(ask: Case, covered: Ticks) -> list[Period]:
    return [Period(ask.at(start), ask.at(end)) for start, end in _runs(covered)]


def _runs(covered: Ticks) -> list[tuple[int, int]]:
    runs = [
        [tick for _, tick in run]
        for _, run in groupby(enumerate(sorted(covered)), key=lambda numbered: numbered[1] - numbered[0])
    ]
    return [(run[0], run[-1] + 1) for run in runs]
