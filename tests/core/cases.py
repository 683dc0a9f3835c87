"""Hypothesis strategies for random queries, and their conversion to core values."""

from hypothesis import strategies as st

from core.durations import Buffer, Duration
from core.instants import MINUTE, Instant
from core.limits import START_INTERVALS
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.solver import Facts
from core.spans import Busy, SpanSet
from tests.support.oracle import Person, Question, Ticks, ticks
from tests.support.pictures import MIDNIGHT

#: ticks in a query; the oracle tries pairs of them
WIDTH = 48
NAMES = ("alice", "bob", "carol", "dave")

type_of_tick = st.sampled_from((1, 5))
"""Minutes per tick: fine enough for starts off every grid, or coarse enough for whole hours."""


def spans(most: int, *, longest: int = WIDTH, least: int = 0) -> st.SearchStrategy[Ticks]:
    """Ticks covered by a few spans. Drawn from two bytes per span: drawing integers would take longer than the laws."""
    return st.binary(min_size=2 * least, max_size=2 * most).map(
        lambda drawn: ticks(
            *(
                (start % WIDTH, start % WIDTH + 1 + length % longest)
                for start, length in zip(drawn[::2], drawn[1::2], strict=False)
            )
        )
    )


def events(most: int, longest: int) -> st.SearchStrategy[tuple[Ticks, ...]]:
    """The ticks of each of a few events, which may overlap."""
    return st.binary(max_size=2 * most).map(
        lambda drawn: tuple(
            ticks((start % WIDTH, start % WIDTH + 1 + length % longest))
            for start, length in zip(drawn[::2], drawn[1::2], strict=False)
        )
    )


@st.composite
def person(draw: st.DrawFn, name: str) -> Person:
    before, after = draw(st.sampled_from([(0, 0), (0, 0), (2, 0), (0, 3), (1, 2)]))
    capacity = draw(st.sampled_from((1, 1, 2, 3)))
    single = draw(events(8, longest=20)) if capacity > 1 else ()
    busy = draw(spans(5, longest=12)) if capacity == 1 else frozenset[int]().union(*single)
    own = draw(st.none() | st.none() | spans(3, least=1))
    hours = draw(st.none() | st.none() | spans(3))
    limited = draw(st.just(frozenset[int]()) | st.just(frozenset[int]()) | spans(2, longest=12))
    known_until = draw(st.none() | st.none() | st.integers(-2, WIDTH + 2))
    return Person(name, busy, own, hours, before, after, capacity, single, limited, known_until)


@st.composite
def group(draw: st.DrawFn) -> tuple[int, tuple[Person, ...]]:
    names = draw(st.permutations(NAMES))[: draw(st.sampled_from((2, 3, 4, 1)))]
    needed = min(draw(st.sampled_from((1, 1, 2, 3, 4))), len(names))
    return needed, tuple(draw(person(name)) for name in names)


@st.composite
def questions(draw: st.DrawFn, formats: tuple[str, ...] = tuple(ResponseFormat)) -> tuple[Question, int]:
    """A query, and the length of its tick in minutes."""
    minutes = draw(type_of_tick)
    grids = [interval // minutes for interval in START_INTERVALS]
    question = Question(
        groups=tuple(draw(st.lists(group(), min_size=1, max_size=2))),
        duration=draw(st.sampled_from((2, 1, 3, 5, 9))),
        window=draw(st.just(ticks((0, WIDTH))) | spans(3, least=1)),
        interval=draw(st.none() | st.sampled_from(grids)),
        format=draw(st.sampled_from(formats)),
        most=draw(st.sampled_from((200, 20, 3, 1))),
    )
    return question, minutes


@st.composite
def questions_about_slots(draw: st.DrawFn) -> tuple[Question, int]:
    """As `questions`, but about given starts."""
    question, minutes = draw(questions())
    asked = draw(st.lists(st.integers(0, WIDTH), min_size=1, max_size=10))
    fields = {name: getattr(question, name) for name in ("groups", "duration", "interval", "format", "most")}
    return Question(asked=tuple(asked), **fields), minutes


def to_core(
    question: Question, minutes: int, *, midnight: Instant = MIDNIGHT, tzid: str | None = None
) -> tuple[AvailabilityQuery, list[list[Facts]]]:
    """Converts a question to a query, and the facts of each member. Tick 0 is at `midnight`."""
    query = AvailabilityQuery(
        participants=[
            Group([member_of(each, minutes, midnight) for each in people], needed) for needed, people in question.groups
        ],
        required_duration=Duration(minutes=question.duration * minutes),
        query_periods=periods_of(question.window, minutes, midnight) if question.asked is None else None,
        query_slots=[at(tick, minutes, midnight) for tick in question.asked] if question.asked is not None else None,
        start_interval=Duration(minutes=question.interval * minutes) if question.interval is not None else None,
        start_interval_tzid=tzid,
        start_offset=Duration(minutes=question.offset * minutes) if question.offset else None,
        response_format=ResponseFormat(question.format),
        max_results=question.most,
    )
    return query, [[facts_of(each, minutes, midnight) for each in people] for _, people in question.groups]


def at(tick: int, minutes: int, midnight: Instant = MIDNIGHT) -> Instant:
    """The instant at which a tick begins. Midnight lies on every grid, as tick 0 does."""
    return midnight + tick * minutes * MINUTE


def member_of(each: Person, minutes: int, midnight: Instant) -> Member:
    buffer = Buffer(Duration(minutes=each.before * minutes), Duration(minutes=each.after * minutes))
    own = periods_of(each.own, minutes, midnight) if each.own is not None else None
    return Member(each.name, available_periods=own, buffer=buffer)


def facts_of(each: Person, minutes: int, midnight: Instant) -> Facts:
    hours = SpanSet.of(_each(each.hours, minutes, midnight)) if each.hours is not None else None
    limited = SpanSet.of(_each(each.limited, minutes, midnight)) if each.limited else None
    known = at(each.known_until, minutes, midnight) if each.known_until is not None else None
    if each.capacity == 1:
        busy = Busy.of(_each(each.busy, minutes, midnight))
        return Facts(busy, hours, limit_reached=limited, known_until=known)
    single = [(at(min(event), minutes, midnight), at(max(event) + 1, minutes, midnight)) for event in each.events]
    return Facts(Busy.of(single), hours, each.capacity, limited, known_until=known)


def periods_of(covered: Ticks, minutes: int, midnight: Instant) -> list[Period]:
    return [Period(start, end) for start, end in _each(covered, minutes, midnight)]


def _each(covered: Ticks, minutes: int, midnight: Instant) -> list[tuple[Instant, Instant]]:
    """One span per tick, unsorted: merging them is the core's job."""
    return [(at(tick, minutes, midnight), at(tick + 1, minutes, midnight)) for tick in covered]
