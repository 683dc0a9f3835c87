"""Timing, and tables of results."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from time import thread_time
from typing import TypeVar

Name = TypeVar("Name")


def fastest(works: Mapping[Name, Callable[[], object]], *, seconds: float = 0.5, least: int = 3) -> dict[Name, float]:
    """The least CPU time of each piece of work, in seconds.

    They take turns until the time is up, at least `least` times, so that load on the machine affects them all alike.
    The minimum is the cost of the work itself. Garbage is collected as in a server that froze its objects at startup.
    """
    gc.collect()
    gc.freeze()
    best = dict.fromkeys(works, float("inf"))
    until, rounds = thread_time() + seconds, 0
    while rounds < least or thread_time() < until:
        rounds += 1
        for name, work in works.items():
            began = thread_time()
            work()
            best[name] = min(best[name], thread_time() - began)
    gc.unfreeze()
    return best


def took(seconds: float) -> str:
    """A time in milliseconds, with three significant digits."""
    milliseconds = seconds * 1000
    return f"{milliseconds:.3f} ms" if milliseconds < 1 else f"{milliseconds:.{2 if milliseconds < 100 else 0}f} ms"


def ratio(seconds: float | None, to: float) -> str:
    """The ratio of two times; a dash if one was not measured."""
    if seconds is None:
        return "–"
    times = seconds / to
    return f"{times:.{2 if times < 10 else 0}f} ×"


#: the contents of docs/performance.md: every named table, and every picture, by name
TABLES: dict[str, "Table"] = {}
PICTURES: dict[str, str] = {}


class Table:
    """Rows below a heading, printed at once: the first `left` columns left-aligned, the others right."""

    def __init__(self, title: str, columns: Sequence[str], *, left: int = 1, wide: int = 11, name: str = "") -> None:
        self._left = left
        self._rows: list[list[str]] = []
        if name:
            TABLES[name] = self
        self._widths = [
            max(len(column), (24, 8, 17)[number] if number < left else wide) for number, column in enumerate(columns)
        ]
        progress("")
        print(f"\n{title}\n")
        self.row(*columns)
        print("  ".join("─" * width for width in self._widths), flush=True)

    def row(self, *cells: object) -> None:
        self._rows.append([str(cell) for cell in cells])
        progress("")
        padded = [
            f"{cell!s:<{width}}" if number < self._left else f"{cell!s:>{width}}"
            for number, (cell, width) in enumerate(zip(cells, self._widths, strict=True))
        ]
        print("  ".join(padded).rstrip(), flush=True)

    def markdown(self) -> str:
        """The table in Markdown, for the docs."""
        columns, *rows = self._rows
        rule = ["---" if number < self._left else "---:" for number, _ in enumerate(columns)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def progress(doing: str) -> None:
    """Shows on a terminal what is being measured; the next row replaces it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{doing}", end="", file=sys.stderr, flush=True)


def percentile(times: Sequence[float], percent: int) -> float:
    """The percentile of unsorted times."""
    return sorted(times)[min(len(times) * percent // 100, len(times) - 1)]
