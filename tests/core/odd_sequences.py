"""Hypothesis strategies for sequences over days of events that start and end at odd seconds."""

from random import Random

from hypothesis import strategies as st

from core.durations import Duration
from core.instants import DAY, HOUR, MINUTE, Instant
from core.periods import Period
from core.query import Group, Member
from core.sequenced_availability import Gap, SequencedQuery, SequenceStep
from core.solver import Facts
from core.spans import Busy
from tests.support.pictures import MIDNIGHT

from .counted_work import Bounds


def gap(least: int | None, greatest: int | None) -> Gap:
    """A gap in minutes; the greatest on top of the least."""
    most = (least or 0) + greatest if greatest is not None else None
    return Gap(*(Duration(minutes=each) if each is not None else None for each in (least, most)))


gaps = st.builds(gap, st.sampled_from((None, None, 5)), st.sampled_from((None, 0, 0, 10, 60, 300)))


def blocks(chance: Random, until: Instant, needed: int) -> Bounds:
    """Busy time that leaves blocks of about as many seconds as are needed, mostly a few too short."""
    busy: Bounds = []
    start = MIDNIGHT
    while start < until:
        begins = start + needed - chance.choice((-1, 0, 1, 30, 600, 600, 900, 900))
        busy.append((begins, begins + chance.choice((1, 300, HOUR, 5 * HOUR)) + chance.randrange(100)))
        start = busy[-1][1]
    return busy


def scattered(chance: Random, until: Instant) -> Bounds:
    """Busy time at any seconds, up to some twenty times a day."""
    count = chance.choice((1, 5, 20)) * (until - MIDNIGHT) // DAY
    starts = [chance.randrange(MIDNIGHT, until) for _ in range(count)]
    return [(start, start + chance.randrange(60, 2 * HOUR)) for start in starts]


@st.composite
def odd_sequences(draw: st.DrawFn) -> tuple[SequencedQuery, list[list[list[Facts]]]]:
    """A query of four steps, most without ordinals, over a few days, and the facts of its members."""
    chance = draw(st.randoms(use_true_random=False))
    until = MIDNIGHT + draw(st.sampled_from((1, 3, 7))) * DAY
    minutes = draw(st.sampled_from(((60,) * 4, (25,) * 4, (60, 30, 60, 45), (7, 60, 25, 30))))
    ordinals = draw(st.sampled_from(((None,) * 4, (1, None, None, 0))))
    grids = draw(st.sampled_from(((None,) * 4, (None, 15, None, None), (15, 30, 15, 5))))
    together = draw(st.booleans())
    shared = blocks(chance, until, sum(minutes) * MINUTE)
    alike = draw(gaps)
    steps: list[SequenceStep] = []
    facts: list[list[list[Facts]]] = []
    for number in range(4):
        near = draw(st.just(alike) | gaps)
        steps.append(
            SequenceStep(
                str(number),
                [Group([Member("ada")])],
                Duration(minutes=minutes[number]),
                ordinals[number],
                near,
                near,
                Duration(minutes=grids[number]) if grids[number] is not None else None,
            )
        )
        busy = shared if together or draw(st.booleans()) else scattered(chance, until)
        facts.append([[Facts(Busy.of(busy))]])
    query = SequencedQuery([Period(MIDNIGHT, until)], steps, draw(st.sampled_from((1, 20, 500))))
    return query, facts
