"""Sequences: `python -m benchmarks sequences`.

Steps with ten members each over 35 days, from prepared facts; beside the nested loops over availability answers that one
would write by hand, whose answer is checked to be the same; and over HTTP.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeAlias

import orjson
import psutil

from core.instants import DAY, Instant, format_instant
from core.query import AvailabilityQuery, ResponseFormat
from core.sequenced_availability import SequencedQuery
from core.sequences import PlacedSequence, solve_sequences
from core.solver import Facts, solve

from .measure import Table, fastest, percentile, progress, ratio, took
from .questions import Someone, fill
from .sequence_cases import MEMBERS, Case, cases, question
from .servers import DATABASES, Server, ours, running
from .wire import Line, request
from .workloads import START, spread_out

SEQUENCED = """
query ($input: SequencedAvailabilityInput!) {
  sequencedAvailability(input: $input) { sequences { start end sequence { sequenceId start end participants { sub } } } }
}
"""
ALL_RESULTS = 1_000_000
Way: TypeAlias = tuple[Instant, Instant, tuple[int, ...], tuple[Instant, ...]]


def by_hand(query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]]) -> list[Way]:
    """Nested loops: an availability query for each step, then every order, start by start."""
    slots = [
        [opening.start for opening in solve(slots_of(asked), known)]
        for asked, known in zip(query.steps, facts, strict=True)
    ]
    ordered = query.sequence[0].ordinal is not None
    orders = [tuple(range(len(slots)))] if ordered else list(permutations(range(len(slots))))
    found: list[Way] = []
    for order in orders:
        for start in slots[order[0]]:
            if (starts := continued(query, slots, order, [start])) is not None:
                found.append((start, starts[-1] + query.steps[order[-1]].duration, order, starts))
    return sorted(found)[: query.max_results]


def slots_of(asked: AvailabilityQuery) -> AvailabilityQuery:
    return replace(asked, response_format=ResponseFormat.OVERLAPPING_SLOTS, max_results=ALL_RESULTS)


def continued(
    query: SequencedQuery, slots: Sequence[Sequence[Instant]], order: tuple[int, ...], starts: list[Instant]
) -> tuple[Instant, ...] | None:
    """The first starts of the other steps that fit behind these."""
    if len(starts) == len(order):
        return tuple(starts)
    one, other = order[len(starts) - 1], order[len(starts)]
    least, greatest = query.gap(one, other)
    ready = starts[-1] + query.steps[one].duration
    for start in slots[other]:
        fits = start >= ready + least and (greatest is None or start <= ready + greatest)
        if fits and (whole := continued(query, slots, order, [*starts, start])) is not None:
            return whole
    return None


def run() -> None:
    """Prints both tables."""
    in_the_core()
    over_http()


def in_the_core() -> None:
    """From prepared facts, as calendars are cached. What takes hours by hand is left out there."""
    table = Table(
        "The first 20 sequences in 35 days, steps with ten members each, at most so many minutes apart.",
        ["calendars", "steps", "orders", "apart", "results", "took", "by hand", "by hand to it"],
        left=3,
        name="sequences",
    )
    for case in cases():
        progress(f"{case.name}, {case.steps} steps")
        query, facts = question(case)
        found = solve_sequences(query, facts)
        best = fastest({"ours": partial(solve_sequences, query, facts)}, seconds=0.3)
        by_loops = None
        if case.steps == 3 and case.grid is not None:  # without a grid there is no list of all starts
            if by_hand(query, facts) != [way(query, sequence) for sequence in found]:
                raise AssertionError(f"{case.name}: loops by hand and ours disagree")
            by_loops = fastest({"by hand": partial(by_hand, query, facts)}, seconds=0, least=1)["by hand"]
        table.row(
            *(case.name, case.steps, case.orders, case.apart, len(found), took(best["ours"])),
            *(took(by_loops) if by_loops is not None else "–", ratio(by_loops, best["ours"])),
        )


def way(query: SequencedQuery, found: PlacedSequence) -> Way:
    """A result as `by_hand` has it."""
    place = {step.sequence_id: number for number, step in enumerate(query.sequence)}
    order = tuple(place[step.sequence_id] for step in found.sequence)
    return found.start, found.end, order, tuple(step.start for step in found.sequence)


def over_http() -> None:
    """Every request is another one, so that no answer is repeated; the facts are cached."""
    table = Table(
        "The same over HTTP: three steps, ten members each, on a 15-minute grid.",
        ["database", "orders", "results", "median", "99 %", "server's CPU"],
    )
    workload = spread_out("sequences", members=3 * MEMBERS, days=35, daily=10)
    for name, database in DATABASES.items():
        with TemporaryDirectory() as folder, database(Path(folder)) as url:
            server = ours(Path(folder), url)
            with running(server):
                line = Line(server.port)
                people = fill(line, workload)
                for ordered in (True, False):
                    requests = asked(Case(workload, 3, ordered, 15, 60), people)
                    for _ in range(50):
                        line.ask(next(requests))
                    before = cpu(server)
                    times = [timed(line, next(requests)) for _ in range(250)]
                    each = (cpu(server) - before) / len(times)
                    results = len(orjson.loads(line.ask(next(requests)))["data"]["sequencedAvailability"]["sequences"])
                    orders = 1 if ordered else 6
                    table.row(
                        name, orders, results, took(percentile(times, 50)), took(percentile(times, 99)), took(each)
                    )
                line.close()


def cpu(server: Server) -> float:
    """The CPU time of the server's worker so far, which other load on the machine hardly changes."""
    times = psutil.Process(server.pids[0]).cpu_times()
    return times.user + times.system


def timed(line: Line, asked: bytes) -> float:
    began = perf_counter()
    line.ask(asked)
    return perf_counter() - began


def asked(case: Case, people: Sequence[Someone]) -> Iterator[bytes]:
    """Requests that all differ: each window ends a second earlier."""
    steps = [given_step(case, number, people) for number in range(case.steps)]
    for turn in count(1):
        periods = [{"start": format_instant(START), "end": format_instant(case.workload.end - turn % DAY)}]
        given = {"queryPeriods": periods, "sequence": steps}
        yield request(orjson.dumps({"query": SEQUENCED, "variables": {"input": given}}))


def given_step(case: Case, number: int, people: Sequence[Someone]) -> dict[str, Any]:
    members = [{"sub": who.sub} for who in people[number * MEMBERS :][:MEMBERS]]
    gap = {"maximum": {"minutes": case.greatest}}
    return {
        "sequenceId": str(number),
        "ordinal": number if case.ordered else None,
        "participants": [{"members": members, "required": case.required}],
        "requiredDuration": {"minutes": case.minutes[number]},
        "startInterval": {"minutes": case.grid},
        "buffer": {"before": gap, "after": gap},
    }


if __name__ == "__main__":
    run()
