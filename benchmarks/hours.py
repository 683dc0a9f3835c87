"""The cost of weekly hours: `python -m benchmarks.hours`.

Ten members in ten zones, each with a rule of 20 weekly periods, over 35 days and over ten times that. Compared with
the obvious implementation, which converts both bounds of every period of every day by zoneinfo; and a whole solve with
all members required and ten busy spans a day each, with hours and without. All in one run, the best of many.
"""

from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from time import perf_counter

from core.availability_rules import AvailabilityRule
from core.durations import Duration
from core.free import Rooms, rooms_of_one
from core.hours import available_hours
from core.instants import DAY, HOUR, MINUTE, Instant, parse_instant
from core.offsets import _pieces_of
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Facts, restrictions, solve
from core.spans import Busy, SpanSet
from core.weekly import Weekday, WeeklyPeriod
from core.zones import ZoneInfo, local_instant

START = parse_instant("2027-03-01T00:00Z")  # clocks change within the next 35 days
ZONES = [
    *("America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Africa/Cairo"),
    *("Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Auckland"),
]
DAYS = tuple(Weekday)
SHIFTS = (("08:00", "10:00"), ("10:15", "12:30"), ("13:30", "18:00"))
PERIODS = [WeeklyPeriod(day, *shift) for day in DAYS for shift in SHIFTS][:20]
RULES = [AvailabilityRule("default", tzid, PERIODS) for tzid in ZONES]


def window(days: int) -> SpanSet:
    return SpanSet.of([(START, START + days * DAY)])


def expanded(days: int) -> list[SpanSet | None]:
    """The hours of every member, as a query loads them."""
    return [available_hours([rule], None, window(days)) for rule in RULES]


def expanded_plainly(days: int) -> list[SpanSet]:
    """The same by converting every bound of every day by zoneinfo."""
    first = date(1970, 1, 1) + timedelta(days=START // DAY - 1)
    return [
        SpanSet.of(
            (local_instant(day, time.fromisoformat(start), zone), local_instant(day, time.fromisoformat(end), zone))
            for day in (first + timedelta(days=number) for number in range(days + 2))
            for start, end in on(rule.weekly_periods, day)
        )
        for rule in RULES
        for zone in (ZoneInfo(rule.tzid),)
    ]


def on(periods: Sequence[WeeklyPeriod], day: date) -> list[tuple[str, str]]:
    today = DAYS[day.isoweekday() % 7]
    return [(period.start_time, period.end_time) for period in periods if period.day is today]


def question(days: int) -> tuple[AvailabilityQuery, list[Busy]]:
    """A query for all ten, and their busy times: ten a day, every day a little later."""
    members = [Member(f"acc_{number:024}") for number in range(len(RULES))]
    query = AvailabilityQuery(
        [Group(members)], Duration(minutes=30), query_periods=[Period(START, START + days * DAY)], max_results=200
    )
    busy = [Busy.of(busy_span(number, day, turn) for day in range(days) for turn in range(10)) for number in range(10)]
    return query, busy


def busy_span(number: int, day: int, turn: int) -> tuple[Instant, Instant]:
    start = START + day * DAY + turn * 2 * HOUR + (number * 7 + day * 11) % 60 * MINUTE
    return start, start + HOUR // 2


def rooms(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[Rooms]:
    """The rooms of each member."""
    return [
        rooms_of_one(query.window(), member, query.duration)
        for members in restrictions(query, facts)
        for member in members
    ]


def best(work: Callable[[], object], times: int) -> float:
    """Milliseconds of the fastest of so many runs."""
    took: list[float] = []
    for _ in range(times):
        began = perf_counter()
        work()
        took.append(perf_counter() - began)
    return min(took) * 1000


def cold() -> object:
    _pieces_of.cache_clear()
    return expanded(35)


def expansion() -> None:
    """Prints milliseconds, and the ratio to the obvious implementation over as many days."""
    for days in (35, 350):
        for found, plain in zip(expanded(days), expanded_plainly(days), strict=True):
            assert found is not None
            assert found & window(days) == plain & window(days)
        plainly = best(lambda days=days: expanded_plainly(days), 20)
        row(f"zoneinfo for every bound, {days} days", plainly)
        row(
            f"core.hours, {days} days", quick := best(lambda days=days: expanded(days), 200), f"{plainly / quick:.1f} ×"
        )
        if days == 35:
            row("core.hours, 35 days, zones never asked before", first := best(cold, 50), f"{plainly / first:.1f} ×")


def whole_solve() -> None:
    """The cost that hours add to a solve. They also leave less time to search, so that finding openings is cheaper."""
    query, busy = question(35)
    always = [[Facts(taken) for taken in busy]]

    def kept() -> list[list[Facts]]:
        return [[Facts(taken, found) for taken, found in zip(busy, expanded(35), strict=True)]]

    ready = kept()
    free = best(lambda: rooms(query, always), 100)
    row("free time of all, without hours", free)
    row("expansion and free time of all", more := best(lambda: rooms(query, kept()), 100), f"{more - free:+.3f} ms")
    without = best(lambda: solve(query, always), 100)
    row("solve, without hours", without)
    row("solve, hours at hand", best(lambda: solve(query, ready), 100))
    row("expansion and solve", whole := best(lambda: solve(query, kept()), 100), f"{whole - without:+.3f} ms")


def row(name: str, took: float, beside: str = "") -> None:
    print(f"{name:48} {took:9.3f} ms {beside:>12}")


def run() -> None:
    """Prints both as tables."""
    print(f"\nHours: {len(RULES)} members, {len(PERIODS)} weekly periods each\n")
    expansion()
    print()
    whole_solve()


if __name__ == "__main__":
    run()
