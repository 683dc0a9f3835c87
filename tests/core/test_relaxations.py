"""Relaxations and what members hold back: compared with trying every minute and every change."""

from hypothesis import given

from core.blocked import MemberTime
from core.missing import Missing
from core.relaxations import relaxations
from core.solver import solve
from tests.support import explanation_oracle as oracle
from tests.support.explanation_oracle import Relaxed

from .explained_cases import Case, asks, to_core


def missing_of(ask: Case) -> tuple[Missing, list[Relaxed]]:
    """What the core finds to be missing, and its relaxations, in ticks."""
    query, known = to_core(ask)
    times = [
        [MemberTime.of(query, member, facts) for member, facts in zip(group.members, theirs, strict=True)]
        for group, theirs in zip(query.participants, known.facts, strict=True)
    ]
    missing = Missing(query, times)
    openings = solve(query, known.facts)
    return missing, [
        Relaxed(
            each.kind.value,
            (ask.tick_of(each.opening.start), ask.tick_of(each.opening.end), each.opening.participants),
            each.count,
            each.sub,
            each.group,
            each.minutes,
        )
        for each in relaxations(missing, known, openings)
    ]


@given(asks())
def test_relaxations_are_those_of_trying_every_change(ask):
    """None is missing and none is too many; openings, counts and the order are equal."""
    _, found = missing_of(ask)
    assert found == oracle.relaxations(ask)


@given(asks())
def test_held_back_minutes_are_those_of_trying_every_minute(ask):
    """For members of one group and of several, with and without a choice."""
    missing, _ = missing_of(ask)
    for name in missing.places:
        assert missing.held_back_minutes(name) == oracle.held_back_minutes(ask, name)
