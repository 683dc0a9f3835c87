"""Breaks everything in turn, each on a cluster of its own, and prints a table of what clients noticed: `python -m tests.cluster`.

Names of faults as arguments restrict it to them. Ends with status 1 if something happened that must not.
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from .faults import FAULTS, Fault, Noticed, under_load

WRITERS, PAUSE, SECONDS = 8, 0.05, 4.0

HEAD = """\
| what was done | readers without an answer | writers | all again after | longest request | errors |
|---|--:|--:|--:|--:|---|"""


async def tried(fault: Fault) -> Noticed:
    """Tries a fault on a new cluster."""
    with TemporaryDirectory() as folder:
        async with under_load(Path(folder), writers=WRITERS, pause=PAUSE, seconds=SECONDS) as (trial, load):
            return await load.notice(trial, fault)


def row(noticed: Noticed) -> str:
    """A row of the table."""
    seconds = (noticed.readers, noticed.writers, noticed.recovered, noticed.longest_request)
    errors = ", ".join(f"{code} {number}" for code, number in sorted(noticed.errors.items())) or "none"
    return " | ".join((f"| {noticed.fault}", *(f"{value:.1f} s" for value in seconds), f"{errors} |"))


def main() -> None:
    """Tries the faults, and prints the table."""
    wrong = False
    print(HEAD, flush=True)
    for fault in FAULTS:
        if not sys.argv[1:] or fault.__name__ in sys.argv[1:]:
            noticed = asyncio.run(tried(fault))
            print(row(noticed), flush=True)
            for problem, times in Counter(noticed.problems).most_common(20):
                print(f"    {times} times: {problem}", file=sys.stderr)
            wrong = wrong or bool(noticed.problems)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
