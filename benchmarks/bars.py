"""Targets: the required ratio to the speed of each contender, and the measured one."""

from collections.abc import Mapping
from typing import NamedTuple

from .measure import Table
from .rounds import Speed


class Bar(NamedTuple):
    """An answer to this question must be at least `least` times as fast as this contender's."""

    question: str
    least: float
    contender: str


BARS = (
    Bar("large", 12, "Strawberry"),
    Bar("large", 1.5, "by hand"),
    Bar("large", 0.5, "bare route"),
    Bar("middle", 5, "Strawberry"),
    Bar("middle", 0.6, "bare route with caller lookup"),
)
#: the states of a cached answer
STATES = ("ours, again", "ours, warm")
#: how many times as long as a warm answer a cold one may take
COLD = 4


def show(measured: Mapping[tuple[str, int, str, str], Speed]) -> None:
    """A row for each target, database and number of workers."""
    table = Table(
        "Targets: how many times as fast as the other, by the median of all rounds; in brackets by requests a second.",
        [
            "beside",
            "answer",
            "database",
            "workers",
            "at least",
            *(cell for state in STATES for cell in (state, "holds")),
        ],
        left=3,
        wide=17,
        name="bars of queries",
    )
    settings = dict.fromkeys(key[:2] for key in measured)
    for bar in BARS:
        for setting in settings:
            other = measured[*setting, bar.question, bar.contender]
            states = [measured[*setting, bar.question, state] for state in STATES]
            table.row(
                *(bar.contender, bar.question, *setting, f"{bar.least:g} ×"),
                *(cell for state in states for cell in compared(other, state, bar.least)),
            )
    for setting in settings:
        cold, warm = (measured[*setting, "large", state] for state in ("ours, cold", "ours, warm"))
        shown, _ = compared(cold, warm, COLD)
        table.row(
            *("ours, cold", "large", *setting, f"at most {COLD} ×", "", ""),
            *(shown, yes(warm.times_as_fast(cold) <= COLD)),
        )


def compared(other: Speed, ours: Speed, least: float) -> tuple[str, str]:
    """How many times as fast as the other we are, and whether that is enough."""
    times, many = ours.times_as_fast(other), ours.times_as_many(other)
    by_rate = "" if many is None else f" ({figure(many)})"
    return f"{figure(times)} ×{by_rate}", yes(times >= least)


def figure(times: float) -> str:
    return f"{times:.{2 if times < 10 else 0}f}"


def yes(holds: bool) -> str:
    return "yes" if holds else "NO"
