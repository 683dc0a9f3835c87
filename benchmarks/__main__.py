"""`python -m benchmarks [solver] [queries] [hours] [live]`: measures, and prints what it found. Without a name: everything."""

import os
import platform
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from .measure import progress

PARTS = ("solver", "queries", "steps", "upserts", "worker", "hours", "live")


def main(names: list[str]) -> None:
    """Runs these parts, or all of them, in this order. A wrong name is told with the right ones."""
    if unknown := set(names) - set(PARTS):
        sys.exit(f"No part is named {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}.")
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors. Ratios were measured in this run.")
    for name in names or PARTS:
        progress(f"loading {name}")
        if (measure := part(name)) is not None:
            measure()
        else:
            print(f"\n{name}: there is nothing to run.")
    progress("")


def part(name: str) -> Callable[[], object] | None:
    """A part's `run`, or its `main`; None when it has neither, or is not there."""
    if find_spec(f".{name}", __package__) is None:
        return None
    module = import_module(f".{name}", __package__)
    return getattr(module, "run", None) or getattr(module, "main", None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        progress("")
        sys.exit(130)
