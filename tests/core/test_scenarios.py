"""Cases from the tests and issue trackers of other projects: `scenarios.jsonl`, one case per line with its source.

Units are the source's (minutes, hours, milliseconds, or none). A grid with anchor `abs` lies on the clock, as ours does;
one with anchor `win` starts at the window, as our slots without a grid do. Recurring events are expanded to times.
These cases were left out because our semantics differ:

    SC091                         minimum notice: the caller chooses where query periods start
    SC117 SC119                   bookings with their own buffers: ours belong to the query, not to an event
    SC123                         a grid of two hours, counted from the opening: ours divides the hour, on the clock
    SC149 SC151 SC153 SC155       weekly hours: see test_weekly and test_hours
    SC157 SC225
    SC169 SC175 SC181 SC183       recurring events: a caller upserts each occurrence
    SC171                         a time without a zone: an error here, UTC there
    SC177 SC179                   VAVAILABILITY: availability rules take its place
    SC185                         findMeetingTimes explains why there is no result: we do not
    SC189 SC191 SC193 SC229       booking, holds, daily limits, round robin: none of them is about free time
    SC195                         a load of 3,500 events that its own report generates
    SC197 SC199                   descriptions without numbers: the first is test_growth
    SC201                         blocks merged by kind: free-busy lists every event
    SC227                         a grid in the viewer's zone: ours is on the UTC clock, on purpose
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.durations import Buffer, Duration
from core.errors import Problems
from core.events import Event, EventDraft, EventStatus, FreeBusyStatus, Transparency
from core.grids import Grid
from core.instants import DAY, HOUR, MINUTE, format_instant, parse_instant, read_event_time
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.reach import group_reach
from core.slots import overlapping_slots, slots, viable
from core.solver import Facts, Opening, solve
from core.spans import Bounds, Busy, SpanSet, in_common
from core.weekly import Weekday, WeeklyPeriod, expand
from tests.support.pictures import MIDNIGHT

Case = dict[str, Any]

CASES: list[Case] = [
    json.loads(line) for line in Path(__file__).with_name("scenarios.jsonl").read_text("utf-8").splitlines()
]


def merge(case: Case) -> object:
    return _lists(SpanSet.of(map(tuple, case["intervals"])))


def subtract(case: Case) -> object:
    return _lists(_left(SpanSet.of(map(tuple, case["windows"])), Busy.of(map(tuple, case["busy"]))))


def subtract_count(case: Case) -> object:
    assert case["windows_formula"] == "[10i+5,10i+8] for i in 0..99"
    assert case["busy_formula"] == "[10i+6,10i+7] for i in 0..199"
    windows = SpanSet.of((10 * i + 5, 10 * i + 8) for i in range(100))
    return len(_left(windows, Busy.of((10 * i + 6, 10 * i + 7) for i in range(200))))


def intersect(case: Case) -> object:
    """Intersects in half units, because the case has half hours."""
    members = [SpanSet.of((int(2 * start), int(2 * end)) for start, end in member) for member in case["members"]]
    return [[start / 2, end / 2] for start, end in in_common(members)]


def kfree(case: Case) -> object:
    """At most K are busy when all but K are free. Where K is everyone, a member without events completes the query."""
    window = SpanSet.of([tuple(case["bounds"])])
    free = [_left(window, Busy.of([(start, end)])) for start, end in case["busy"]]
    free += [_left(window, Busy())] * (case["K"] + 1 - len(free))
    return _lists(
        SpanSet.of((first, last + 1) for first, last, _ in viable(group_reach(free, len(free) - case["K"], 1), 1))
    )


def starts(case: Case) -> object:
    windows = SpanSet.of(map(tuple, case["windows"]))
    if "query" in case:
        windows &= SpanSet.of([tuple(case["query"])])
    steps = group_reach([list(windows)], 1, case["length"])
    if case["anchor"] == "abs":
        return [start for start, _ in overlapping_slots(steps, case["length"], Grid(case["step"]))]
    assert case["step"] == case["length"], "without a grid the next slot starts where the previous one ends"
    return [start for start, _ in slots(steps, case["length"], None)]


def count(case: Case) -> object:
    found = starts(case)
    assert isinstance(found, list)
    return len(found)


def slots_any(case: Case) -> object:
    """The free time of the case is given as working hours."""
    first, last = case["query"]
    query = _query(first, last, case, members=list(case["members"]), required=1)
    openings = solve(query, [[Facts(Busy(), _minutes(free)) for free in case["members"].values()]])
    return {str(_minute(opening)): list(opening.participants) for opening in openings}


def slots_from_busy(case: Case) -> object:
    before, after = case["buffer"]
    first, last = case["window"]
    query = _query(first, last, case, buffer=Buffer(Duration(minutes=before), Duration(minutes=after)))
    return [_minute(opening) for opening in solve(query, [[Facts(_busy(_minutes(case["busy"])))]])]


def first_slot(case: Case) -> object:
    """Opening hours are hours, bookings are events. A booking's buffer has no effect if the query's is longer."""
    before, after = case.get("new_buffer", (0, 0))
    busy = []
    for booking in case["existing"]:
        hours, _, own = booking.partition(" buf ")
        assert all(int(minutes) <= min(before, after) for minutes in own.split("/") if own)
        busy.append(hours)
    first, last = case.get("query", (None, None))
    buffer = Buffer(Duration(minutes=before), Duration(minutes=after))
    query = _query(_clock(first or "00:00"), _clock(last or "23:59"), case, buffer=buffer)
    openings = solve(query, [[Facts(_busy(_hours(busy)), _hours(case["open"]))]])
    return format_instant(openings[0].start)[11:16]


def wall(case: Case) -> object:
    shown = [[format_instant(bound)[:16] + "Z" for bound in span] for span in _local(case)]
    return shown[0] if len(shown) == 1 else shown


def slots_wall(case: Case) -> object:
    steps = group_reach([_local(case)], 1, case["length"] * MINUTE)
    found = overlapping_slots(steps, case["length"] * MINUTE, Grid(case["step"] * MINUTE))
    return [format_instant(start)[:16] + "Z" for start, _ in found]


def overlaps(case: Case) -> object:
    return bool(_clipped(_event(case), case["query"]))


def ical_busy(case: Case) -> object:
    event = _event(case)
    if event.free_busy_status is FreeBusyStatus.FREE:
        return []
    found = _clipped(event, case["range"])
    return [[event.free_busy_status.value, format_instant(start), format_instant(end)] for start, end in found]


ANSWERS: dict[str, Callable[[Case], object]] = {
    "merge": merge,
    "subtract": subtract,
    "subtract_count": subtract_count,
    "intersect": intersect,
    "kfree": kfree,
    "slots": starts,
    "slots_count": count,
    "slots_any": slots_any,
    "slots_from_busy": slots_from_busy,
    "first_slot": first_slot,
    "wall": wall,
    "slots_wall": slots_wall,
    "overlaps": overlaps,
    "ical_busy": ical_busy,
}


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']}-{case['kind']}" for case in CASES])
def test_the_core_agrees_with_the_source(case):
    """After migrating from another engine, callers find the same free time where the semantics are the same."""
    assert ANSWERS[case["kind"]](case) == case["expect"], f"{case.get('note', '')} ({case['src']})"


def test_every_case_is_listed_once_with_its_source():
    """A case lost in an edit would go unnoticed; one without a source could not be looked up."""
    assert len({case["id"] for case in CASES}) == len(CASES) == 88
    assert all(case["src"] for case in CASES)
    assert Counter(case["kind"] for case in CASES).keys() == ANSWERS.keys()


def test_every_omitted_case_is_in_the_table():
    """All 115 cases are accounted for: odd numbers up to 229."""
    assert {f"SC{number:03}" for number in range(1, 230, 2)} == {case["id"] for case in CASES} | {
        word for word in (__doc__ or "").split() if word.startswith("SC")
    }


def _left(windows: SpanSet, busy: Busy) -> list[Bounds]:
    return in_common([windows], without=[busy])


def _busy(spans: SpanSet) -> Busy:
    return Busy(spans.starts, spans.ends)


def _lists(spans: Iterable[Bounds]) -> list[list[int]]:
    return [list(span) for span in spans]


def _minutes(spans: Sequence[tuple[int, int]]) -> SpanSet:
    return SpanSet.of((MIDNIGHT + start * MINUTE, MIDNIGHT + end * MINUTE) for start, end in spans)


def _minute(opening: Opening) -> int:
    return (opening.start - MIDNIGHT) // MINUTE


def _clock(text: str) -> int:
    hours, minutes = text.split(":")
    return (int(hours) * HOUR + int(minutes) * MINUTE) // MINUTE


def _hours(texts: Sequence[str]) -> SpanSet:
    return _minutes([(_clock(start), _clock(end)) for start, end in (text.split("-") for text in texts)])


def _query(
    first: int, last: int, case: Case, *, members: Sequence[str] = ("it",), required: Any = "all", **fields: Any
) -> AvailabilityQuery:
    """A query for every start on the case's grid, between two minutes of the day."""
    return AvailabilityQuery(
        participants=[Group([Member(name) for name in members], required)],
        required_duration=Duration(minutes=case["length"]),
        query_periods=[Period(MIDNIGHT + first * MINUTE, MIDNIGHT + last * MINUTE)],
        start_interval=Duration(minutes=case["step"]),
        response_format=ResponseFormat.OVERLAPPING_SLOTS,
        max_results=200,
        **fields,
    )


def _local(case: Case) -> list[Bounds]:
    """When clocks show the times, as weekly hours on that day."""
    day = date.fromisoformat(case["date"])
    midnight = (day - date(1970, 1, 1)).days * DAY
    period = WeeklyPeriod(tuple(Weekday)[day.isoweekday() % 7], case["start"], case["end"])
    window = SpanSet((midnight - DAY,), (midnight + 2 * DAY,))
    return [(start, end) for start, end in expand([period], ZoneInfo(case["tz"]), window) & window]


def _event(case: Case) -> Event:
    """An event in UTC, as a caller would upsert it."""
    draft = EventDraft(
        "it",
        "it",
        read_event_time(case["event"]["start"]),
        read_event_time(case["event"]["end"]),
        transparency=Transparency(case["event"].get("transparency", "opaque")),
        status=EventStatus(case["event"].get("status", "confirmed")),
    )
    problems = Problems()
    draft.check((), problems)
    assert problems == []
    return Event(draft, draft.span(), "cal_1", "evt_1", deleted=False, created=0, updated=0)


def _clipped(event: Event, window: Sequence[str]) -> SpanSet:
    start, end = map(parse_instant, window)
    return SpanSet.of([event.span]) & SpanSet.of([(start, end)])
