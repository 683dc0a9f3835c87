"""Explanations in the core, beside what a user would write by hand: the same query again with each change."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from core.candidates import KnownFacts
from core.durations import NO_BUFFER, Buffer, Duration
from core.explanation import Explanation
from core.instants import DAY, HOUR
from core.query import AvailabilityQuery, Group, ResponseFormat
from core.relaxations import LATER, later
from core.solver import Facts, solve
from core.spans import Busy, SpanSet

from .measure import Table, fastest, progress, ratio, took
from .solver import Required, question
from .workloads import START, Workload, w1

ALL, SOME = "all", "with `blocked`"
BY_HAND = "by hand"
Case: TypeAlias = tuple[AvailabilityQuery, KnownFacts]

#: how many of ten members are required, and for how many minutes: with few results, so that there is much to explain
CASES: tuple[tuple[Required | int, int], ...] = (("all", 60), ("all", 240), (9, 60), (5, 240), (5, 300))


def run() -> None:
    """Prints one table."""
    table = Table(
        "Explaining an answer of ten members over 35 days with ten events a day each: working hours, buffers, tentative "
        f"events, a grid. {BY_HAND.capitalize()}: the query is solved again without each member, with fewer required, "
        "without buffers, grid, the hours and the tentative events of each, later, and for shorter durations until one fits.",
        [
            "required",
            "minutes",
            "format",
            "results",
            "relaxations",
            "explained",
            SOME,
            "answer alone",
            BY_HAND,
            "of it",
        ],
        left=3,
    )
    workload = w1()
    for required, minutes in CASES:
        for form in ResponseFormat:
            row(table, workload, required, minutes, form)


def row(table: Table, workload: Workload, required: Required | int, minutes: int, form: ResponseFormat) -> None:
    progress(f"{required} required, {minutes} minutes, {form}")
    query, known = case(workload, required, minutes, form)
    openings = solve(query, known.facts)
    found = Explanation(query, openings, known, {}, frozenset(query.subs))
    works: dict[str, Callable[[], object]] = {
        ALL: lambda: explain(query, known, blocked=False),
        SOME: lambda: explain(query, known, blocked=True),
        "answer": lambda: solve(replace(query), known.facts),
        BY_HAND: lambda: [solve(*again) for again in by_hand(replace(query), known)],
    }
    best = fastest(works)
    table.row(
        *(required, minutes, form, len(openings), len(found.relaxations)),
        *(took(best[ALL]), took(best[SOME]), took(best["answer"]), took(best[BY_HAND])),
        ratio(best[ALL], best[BY_HAND]),
    )


def case(workload: Workload, required: Required | int, minutes: int, form: ResponseFormat) -> Case:
    """The query, and what is known: weeks of hours from eight to six, and every fifth event tentative."""
    query = question(workload, "all", form, 20)
    [group] = query.participants
    quarter = Duration(minutes=10)
    query = replace(
        query,
        participants=[Group(group.members, required)],
        required_duration=Duration(minutes=minutes),
        buffer=Buffer(quarter, quarter),
    )
    hours = SpanSet.of(
        (START + day * DAY + 8 * HOUR, START + day * DAY + 18 * HOUR) for day in range(2 * workload.days)
    )
    busy = [sorted(events) for events in workload.members]
    firm = [Busy.of(event for number, event in enumerate(events) if number % 5) for events in busy]
    after = [Busy.of((start + LATER, end + LATER) for start, end in events) for events in busy]
    facts = [[Facts(Busy.of(events), hours) for events in busy]]
    return query, KnownFacts(facts, [firm], [[Facts(each, hours) for each in after]])


def explain(query: AvailabilityQuery, known: KnownFacts, *, blocked: bool) -> object:
    """Answers the query, and works out everything but the picture."""
    query = replace(query)  # without cached properties
    found = Explanation(query, solve(query, known.facts), known, {}, frozenset(query.subs))
    spans = [member.blocked(100) for member in found.members] if blocked else []
    return found.summary, [(each.free_minutes, each.held_back_minutes) for each in found.members], spans


def by_hand(query: AvailabilityQuery, known: KnownFacts) -> Iterator[tuple[AvailabilityQuery, list[list[Facts]]]]:
    """Yields the queries, with their facts, that would have to be answered to learn the same."""
    [group], [facts], [firm] = query.participants, [list(each) for each in known.facts], known.firm
    yield query, [facts]
    for index in range(len(group.members)):
        members = [each for place, each in enumerate(group.members) if place != index]
        needed = group.needed - 1 if group.needs_all else group.needed
        yield replace(query, participants=[Group(members, needed)]), [facts[:index] + facts[index + 1 :]]
    if group.needed > 1:
        yield replace(query, participants=[replace(group, required=group.needed - 1)]), [facts]
    yield replace(query, buffer=NO_BUFFER), [facts]
    yield replace(query, start_interval=None), [facts]
    for index, each in enumerate(facts):
        yield query, [[*facts[:index], replace(each, hours=None), *facts[index + 1 :]]]
        if (busy := firm[index]) is not None:
            yield query, [[*facts[:index], replace(each, busy=busy), *facts[index + 1 :]]]
    if known.later is not None:
        yield later(query), [list(each) for each in known.later]
    if not solve(query, [facts]):
        minutes = query.duration // 60
        for shorter in range((minutes - 1) // 5 * 5, 0, -5):
            again = replace(query, required_duration=Duration(minutes=shorter))
            yield again, [facts]
            if solve(again, [facts]):
                return
