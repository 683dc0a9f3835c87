"""`python -m benchmarks`: measures, and prints the results. Names choose parts; --write updates docs/performance.md."""

import argparse
import sys
from importlib import import_module

from . import page
from .measure import progress

PARTS = (
    "solver",
    "explanation",
    "names",
    "rest",
    "sequences",
    "queries",
    "steps",
    "upserts",
    "bookings",
    "worker",
    "hours",
    "feeds",
    "series",
    "calendar_files",
    "live",
    "assumptions",
)


def main() -> None:
    """Runs the given parts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all of them")
    parser.add_argument("--write", action="store_true", help="write the results into docs/performance.md")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is named {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    print(f"{page.machine()} Ratios were measured in this run.")
    for name in options.parts or PARTS:
        progress(f"loading {name}")
        import_module(f".{name}", __package__).run()
    progress("")
    if options.write:
        page.write()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        progress("")
        sys.exit(130)
