"""Blocked time: its spans tile the query's time, and each has the first reason that holds."""

from hypothesis import given

from core.blocked import BlockedReason, MemberTime
from core.instants import MINUTE
from core.solver import Facts
from core.spans import Busy
from tests.support import explanation_oracle as oracle
from tests.support.explanation_oracle import Person
from tests.support.pictures import MIDNIGHT, parse_picture

from .explained_cases import Case, asks, to_core


def times(ask: Case) -> list[tuple[Person, MemberTime]]:
    """The members of a question, with their time."""
    query, known = to_core(ask)
    return [
        (person, MemberTime.of(query, member, facts))
        for (_, people), group, theirs in zip(ask.groups, query.participants, known.facts, strict=True)
        for person, member, facts in zip(people, group.members, theirs, strict=True)
    ]


@given(asks())
def test_blocked_spans_are_those_of_trying_every_minute(ask):
    """Their bounds, reasons and cuts, for a caller who may read the events and for another."""
    for person, time in times(ask):
        for reads in (True, False):
            found = [
                (ask.tick_of(start), ask.tick_of(end), reason.value)
                for start, end, reason in time.blocked(10_000, at_each_event=reads)
            ]
            assert found == oracle.blocked(ask, person, reads_events=reads)


@given(asks())
def test_blocked_spans_and_rooms_tile_the_time_of_the_query(ask):
    """Nothing is left out, and nothing is told twice."""
    for _, time in times(ask):
        for reads in (True, False):
            blocked = [(start, end) for start, end, _ in time.blocked(10_000, at_each_event=reads)]
            at = None
            for start, end in sorted([*blocked, *time.rooms]):
                assert start < end
                assert at is None or start >= at
                at = end
            assert sum(end - start for start, end in [*blocked, *time.rooms]) == sum(
                end - start for start, end in time.window
            )


@given(asks())
def test_free_minutes_are_those_of_trying_every_minute(ask):
    """Of the stretches that the meeting fits in."""
    for person, time in times(ask):
        assert time.free_minutes == oracle.free_minutes(ask, person)


@given(asks())
def test_the_first_blocked_spans_are_the_first_of_all(ask):
    """However many are asked for."""
    for _, time in times(ask):
        everything = time.blocked(10_000, at_each_event=True)
        for first in (1, 3):
            assert time.blocked(first, at_each_event=True) == everything[:first]


def test_the_first_reason_that_holds_is_told():
    """A day with every reason: outside of the own periods, outside of hours, busy, within the buffer, and too short."""
    picture = parse_picture(
        """
        09:00 every 60 minutes
        periods of 120 minutes, buffer 60 after
        query        ############
        alice        ##...#......
        alice only   .#########.#
        alice hours  ..########.#
        =alice       ..##..####..
        """
    )
    [[facts]], [group] = picture.facts(), picture.query.participants
    time = MemberTime.of(picture.query, group.members[0], facts)
    hours = [
        ((start - MIDNIGHT) // (60 * MINUTE), (end - MIDNIGHT) // (60 * MINUTE), reason)
        for start, end, reason in time.blocked(100, at_each_event=True)
    ]
    assert hours == [
        (9, 10, BlockedReason.OUTSIDE_OWN_PERIODS),
        (10, 11, BlockedReason.OUTSIDE_HOURS),
        (13, 14, BlockedReason.BUFFER),
        (14, 15, BlockedReason.BUSY),
        (19, 20, BlockedReason.OUTSIDE_OWN_PERIODS),
        (20, 21, BlockedReason.TOO_SHORT),
    ]


def test_busy_spans_are_cut_where_an_event_begins_or_ends():
    """So that each is covered by the same events; for another caller touching ones are one span."""
    picture = parse_picture(
        "09:00 every 60 minutes\nperiods of 60 minutes\nquery  ######\nalice  ##=...\n=alice ...###"
    )
    [[_]], [group] = picture.facts(), picture.query.participants
    nine = MIDNIGHT + 9 * 60 * MINUTE
    events = [(nine, nine + 7200), (nine + 3600, nine + 3 * 3600)]
    time = MemberTime.of(picture.query, group.members[0], Facts(Busy.of(events)))
    cut = [(start - nine, end - nine) for start, end, _ in time.blocked(10, at_each_event=True)]
    assert cut == [(0, 3600), (3600, 7200), (7200, 10_800)]
    assert [(start - nine, end - nine) for start, end, _ in time.blocked(10, at_each_event=False)] == [(0, 10_800)]
