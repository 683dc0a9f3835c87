"""The solver compared with alternatives, and its cost for ten times the events."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Literal, TypeAlias

from core.durations import Duration
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.solver import Facts, Opening, solve
from core.spans import Busy

from .contenders import CONTENDERS, answer
from .measure import Table, fastest, progress, ratio, took
from .workloads import SHAPES, START, Events, Workload, small, w1, w2, year

Required: TypeAlias = Literal["all", 1]

FLOOR, *OTHERS = CONTENDERS
OURS, READY = "ours", "facts ready"
CONTEST = (
    (small(), tuple(ResponseFormat)),
    (w1(), tuple(ResponseFormat)),
    (w2(), tuple(ResponseFormat)),
    (w1(10), (ResponseFormat.SLOTS,)),
)
#: more than there are
ALL = 1_000_000
REQUIRED: tuple[Required, ...] = ("all", 1)


def run() -> None:
    """Prints four tables: targets, contenders, growth, and a year of a hundred people."""
    bars()
    contest()
    growth()
    large()


def question(workload: Workload, required: Required, form: ResponseFormat, most: int) -> AvailabilityQuery:
    """An hour on the quarter of the hour, anywhere in the workload."""
    return AvailabilityQuery(
        [Group([Member(f"acc_{number:024}") for number in range(len(workload.members))], required)],
        Duration(minutes=60),
        query_periods=[Period(START, workload.end)],
        start_interval=Duration(minutes=15),
        response_format=form,
        max_results=most,
    )


def facts(members: Sequence[Events]) -> list[list[Facts]]:
    return [[Facts(Busy.of(busy)) for busy in members]]


def ours(query: AvailabilityQuery, members: Sequence[Events]) -> list[Opening]:
    """Solves from unsorted events, as the contenders do."""
    return solve(query, facts(members))


def checked(
    query: AvailabilityQuery, workload: Workload, names: Sequence[str]
) -> tuple[dict[str, Callable[[], object]], int]:
    """The work to time: each of the contenders, after comparing its answer with ours; and the number of results."""
    expected = ours(query, workload.members)
    works: dict[str, Callable[[], object]] = {}
    for name in names:
        works[name] = partial(answer, CONTENDERS[name], query, workload.members)
        if works[name]() != expected:
            raise AssertionError(f"{workload.name}: {name} and ours disagree on {query.response_format}")
    works[OURS] = partial(ours, query, workload.members)
    works[READY] = partial(solve, query, facts(workload.members))
    return works, len(expected)


def bars() -> None:
    """Upper limits, from prepared facts: busy time as calendars cache it, sorted and not merged."""
    table = Table(
        "Slots of an hour on a 15-minute grid, from prepared facts, and their upper limits. The others have the same "
        f"events, as ratios to a {FLOOR}. The limit of the small query is the time before the solver was optimised for "
        "large ones.",
        ["calendars", "required", "results", READY, "at most", "met", FLOOR, "ours to it", *OTHERS],
        left=2,
        name="solver",
    )
    milliseconds_of: dict[Required, float] = {"all": 0.5, 1: 1.0}
    for required, milliseconds in milliseconds_of.items():
        for most in (20, 200):
            bar(table, w1(), required, most, lambda _, limit=milliseconds / 1000: limit)
    times_of: dict[Required, float] = {"all": 2.73, 1: 1.93}
    for required, times in times_of.items():
        bar(table, small(), required, 20, lambda floor, limit=times: limit * floor)
    for required in REQUIRED:
        bar(table, year(), required, ALL, lambda _: 1.0, others=())


def bar(
    table: Table,
    workload: Workload,
    required: Required,
    most: int,
    at_most: Callable[[float], float],
    *,
    others: Sequence[str] = OTHERS,
) -> None:
    """A row. The limit may depend on the time of the floor. The others, which take much longer, run once."""
    progress(f"{workload.name}, {required} required")
    works, found = checked(question(workload, required, ResponseFormat.SLOTS, most), workload, [FLOOR, *others])
    best = fastest({name: works[name] for name in (FLOOR, READY)})
    best |= fastest({name: works[name] for name in others}, seconds=0, least=1)
    limit = at_most(best[FLOOR])
    table.row(
        *(f"{workload.name}, {workload.events:,} events", required, found, took(best[READY]), took(limit)),
        *("yes" if best[READY] <= limit else "NO", took(best[FLOOR])),
        *(ratio(best.get(name), best[FLOOR]) for name in (READY, *OTHERS)),
    )


def contest() -> None:
    """Every format, for all and for one, with all results and with the first twenty."""
    table = Table(
        "An hour on a 15-minute grid, from unsorted events to the answer, which is checked to be the same. "
        f"The others' times are ratios to a {FLOOR}.",
        ["calendars", "required", "format", "results", FLOOR, OURS, READY, *OTHERS],
        left=3,
    )
    for workload, formats in CONTEST:
        for required, form, most in product(REQUIRED, formats, (ALL, 20)):
            contest_row(table, workload, question(workload, required, form, most))


def contest_row(table: Table, workload: Workload, query: AvailabilityQuery) -> None:
    required = query.participants[0].required
    name = f"{workload.name}, {workload.events:,} events"
    progress(f"{name}, {required} required, {query.response_format}")
    works, found = checked(query, workload, list(CONTENDERS))
    best = fastest(works, seconds=0.3, least=1)
    table.row(
        *(name, required, query.response_format, found if query.max_results == ALL else f"{found} of ≤ 20"),
        took(best[FLOOR]),
        *(ratio(best[name], best[FLOOR]) for name in (OURS, READY, *OTHERS)),
    )


def growth() -> None:
    """The cost of ten times the events. n log n, for sorting, makes about twelve and a half of it; n² a hundred."""
    table = Table(
        "Ten times the events, all results as overlapping slots: how much longer it takes.",
        ["shape", "required", "events", OURS, "ten times", "growth", READY, f"{FLOOR}'s"],
        left=2,
    )
    for shape in SHAPES:
        for required in REQUIRED:
            growth_row(table, [shape(), shape(10)], required)


def growth_row(table: Table, sizes: Sequence[Workload], required: Required) -> None:
    little, much = sizes
    progress(f"{little.name}, {required} required")
    works = {
        (name, workload.events): work
        for workload in sizes
        for name, work in checked(
            question(workload, required, ResponseFormat.OVERLAPPING_SLOTS, ALL), workload, [FLOOR]
        )[0].items()
    }
    best = fastest(works)
    times = {name: (best[name, little.events], best[name, much.events]) for name in (OURS, READY, FLOOR)}
    table.row(
        *(little.name, required, little.events, took(times[OURS][0]), took(times[OURS][1])),
        *(ratio(times[name][1], times[name][0]) for name in (OURS, READY, FLOOR)),
    )


def large() -> None:
    """Far beyond the limits of a query."""
    progress("a hundred members, 365 days, 20 events a day")
    workload = year()
    table = Table(
        f"{len(workload.members)} members, {workload.days} days, {workload.events:,} events, all results as slots.",
        ["required", FLOOR, OURS, READY, f"{OURS} to floor"],
    )
    for required in REQUIRED:
        progress(f"{workload.name}, {required} required")
        query = question(workload, required, ResponseFormat.SLOTS, ALL)
        works, _ = checked(query, workload, [FLOOR])
        best = fastest(works, seconds=0)
        table.row(required, took(best[FLOOR]), took(best[OURS]), took(best[READY]), ratio(best[OURS], best[FLOOR]))
