"""`openings` with a clock that a test moves: every worker reads the present instant from a file.

A worker whose process id is odd stands for a machine whose clock is ahead. Users cannot reach any of this: it is a
module of the tests, which builds the application with a clock of its own.

The server is imported in functions: a new worker imports this module before it can say that it is alive.
"""

import os
import sys
from pathlib import Path
from typing import Any

#: variables of the environment: the file, and by how many seconds clocks may be ahead
FILE, AHEAD = "HISTORY_CLOCK", "HISTORY_CLOCK_AHEAD"


def application() -> Any:
    """Builds the application in a worker process."""
    from server.app import create_app
    from server.settings import Settings

    file, ahead = Path(os.environ[FILE]), int(os.environ[AHEAD]) * (os.getpid() % 2)
    return create_app(Settings.read(os.environ), clock=lambda: int(file.read_text()) + ahead)


def set_clock(file: Path, now: int) -> None:
    """Moves the clock, at one moment."""
    new = file.with_suffix(".new")
    new.write_text(str(now))
    new.replace(file)


def main() -> None:
    """Serves the application above in place of the usual one."""
    from server import cli
    from server.process import serve

    serve.APPLICATION = "tests.histories.moved_clock:application"
    cli.main(sys.argv[1:])


if __name__ == "__main__":
    main()
