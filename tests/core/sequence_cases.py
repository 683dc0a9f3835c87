"""Hypothesis strategies for random sequences, and their conversion to core values."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from core.durations import Duration
from core.instants import MINUTE, Instant, parse_instant
from core.query import Group
from core.sequenced_availability import Gap, SequencedQuery, SequenceStep
from core.solver import Facts
from tests.support.oracle import Person, Question, ticks
from tests.support.pictures import MIDNIGHT
from tests.support.sequence_oracle import Asked, Step

from .cases import facts_of, member_of, periods_of, person, spans, type_of_tick
from .local_clocks import CHANGES, DIVISORS, wall_minute

#: ticks in a query, by the number of its steps: the oracle tries all of their starts
WIDTHS = {1: 40, 2: 40, 3: 22, 4: 13}

gaps = st.tuples(st.sampled_from((0, 0, 0, 1, 2, 4)), st.sampled_from((None, None, 0, 0, 1, 3))).map(
    lambda gap: (gap[0], None if gap[1] is None else gap[0] + gap[1])
)


@st.composite
def step(draw: st.DrawFn, name: str, width: int, minutes: int, clock: tuple[int, ...] | None) -> Step:
    """A step of one or two groups, with members whose buffers are their own or the step's."""
    before, after = draw(gaps), draw(gaps)

    def member(sub: str) -> Person:
        drawn = replace(draw(person(sub)), busy=draw(spans(2, longest=5)))
        return drawn if draw(st.booleans()) else replace(drawn, before=before[0], after=after[0])

    people = [tuple(member(sub) for sub in draw(st.permutations("abc"))[: draw(st.sampled_from((1, 2)))])]
    grids = [each // minutes for each in DIVISORS if each % minutes == 0 and each // minutes <= 12]
    if clock is None:
        grids = [5 // minutes, 10 // minutes, 15 // minutes]
    interval = draw(st.none() | st.sampled_from([grid for grid in grids if grid] or [1]))
    question = Question(
        groups=tuple((draw(st.integers(1, len(group))), group) for group in people),
        duration=draw(st.sampled_from((1, 2, 3, 5))),
        window=ticks((0, width)) & draw(st.just(ticks((0, width))) | spans(2, least=1)),
        interval=interval,
        offset=draw(st.integers(0, interval - 1)) if interval else 0,
        clock=clock,
    )
    return Step(name, question, None, before, after)


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Asked, int, Instant, str | None]:
    """A query, the length of its tick in minutes, the instant of tick 0, and the zone of its clock."""
    minutes, count = draw(type_of_tick), draw(st.sampled_from((2, 3, 3, 1, 4)))
    tzid, change = draw(st.none() | st.sampled_from(CHANGES)) or (None, "")
    first, clock = MIDNIGHT, None
    if tzid is not None:
        first = parse_instant(change) - draw(st.integers(0, WIDTHS[count])) * minutes * MINUTE
        shown = [wall_minute(ZoneInfo(tzid), first + tick * minutes * MINUTE) for tick in range(100)]
        clock = tuple(minute // minutes for minute in shown)
    ordinals = draw(st.lists(st.none() | st.integers(-2, 9), min_size=count, max_size=count, unique_by=_rank))
    steps = [draw(step(f"s{place}", WIDTHS[count], minutes, clock)) for place in range(count)]
    ranked = tuple(replace(each, ordinal=ordinal) for each, ordinal in zip(steps, ordinals, strict=True))
    return Asked(ranked, draw(st.sampled_from((200, 20, 3, 1)))), minutes, first, tzid


def _rank(ordinal: int | None) -> object:
    return ordinal if ordinal is not None else object()  # there may be many without one


def to_sequenced(
    asked: Asked, minutes: int, midnight: Instant, tzid: str | None
) -> tuple[SequencedQuery, list[list[list[Facts]]]]:
    """Converts it to a query, and the facts of each member. A step's window is its own periods."""
    width = max((max(each.question.window, default=0) for each in asked.steps), default=0) + 1
    query = SequencedQuery(
        query_periods=periods_of(ticks((0, width)), minutes, midnight),
        sequence=[_step(each, minutes, midnight, tzid) for each in asked.steps],
        max_results=asked.most,
    )
    facts = [
        [[facts_of(each, minutes, midnight) for each in people] for _, people in one.question.groups]
        for one in asked.steps
    ]
    return query, facts


def _step(each: Step, minutes: int, midnight: Instant, tzid: str | None) -> SequenceStep:
    question = each.question

    def duration(count: int | None) -> Duration | None:
        return Duration(minutes=count * minutes) if count is not None else None

    def member(who: Person):
        made = member_of(who, minutes, midnight)
        own = (who.before, who.after) != (each.before[0], each.after[0])
        return made if own else replace(made, buffer=None)

    return SequenceStep(
        each.name,
        [Group([member(who) for who in people], needed) for needed, people in question.groups],
        Duration(minutes=question.duration * minutes),
        each.ordinal,
        Gap(duration(each.before[0]) if each.before[0] else None, duration(each.before[1])),
        Gap(duration(each.after[0]) if each.after[0] else None, duration(each.after[1])),
        duration(question.interval),
        tzid if question.interval is not None else None,
        duration(question.offset) if question.offset else None,
        query_periods=periods_of(question.window, minutes, midnight),
    )
