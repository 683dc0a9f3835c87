"""`python -m benchmarks.sampled FILE MODULE ARGUMENTS`: runs a module under a sampling profiler.

At SIGUSR1 it writes the number of samples of each step since the last time to the file, and starts again. A sample
takes some microseconds and no function is instrumented, so the steps take as long as without the profiler.
"""

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from linecache import getline
from pathlib import Path
from runpy import run_module
from threading import Thread, get_ident, main_thread
from time import sleep
from types import FrameType
from typing import Any

#: seconds between two samples
PERIOD = 0.0005
#: the interpreter's switch interval in seconds: how soon a waiting thread runs
SWITCH = 0.00001

WAITING, HTTP, WHO, QUESTION, FACTS, SOLVING, EXECUTING, JSON = STEPS = (
    "waiting",
    "HTTP",
    "caller and versions",
    "reading the query",
    "facts",
    "solving",
    "executing",
    "JSON",
)
#: The step of a frame, by a part of its file's name and, if given, by its function. The first match counts, from the
#: innermost frame outwards. Without a match, the thread waits: for the client, or for another thread.
RULES = (
    ("/strawberry/http/", "encode_json", JSON),
    ("/server/graphql/http.py", "dumps", JSON),
    ("/strawberry/http/", "", HTTP),
    ("/strawberry/asgi/", "", HTTP),
    ("/db/access.py", "", WHO),
    ("/server/http/auth.py", "", WHO),
    ("/server/graphql/http.py", "read_operation", QUESTION),
    ("/server/graphql/documents.py", "", QUESTION),
    ("/graphql/language/", "", QUESTION),
    ("/graphql/validation/", "", QUESTION),
    ("/graphql/execution/values.py", "", QUESTION),
    ("/graphql/utilities/coerce_input_value.py", "", QUESTION),
    ("/strawberry/types/arguments.py", "", QUESTION),
    ("/strawberry/schema/name_converter.py", "", QUESTION),
    ("/server/graphql/compiled/variables.py", "", QUESTION),
    ("/server/graphql/compiled/arguments.py", "", QUESTION),
    ("/schema/scalars.py", "parse", QUESTION),
    ("/schema/availability.py", "to_core", QUESTION),
    ("/core/query.py", "", QUESTION),
    ("/resolvers/facts.py", "", FACTS),
    ("/db/", "busy", FACTS),
    ("/db/database.py", "", FACTS),
    ("/sqlalchemy/", "", FACTS),
    ("/aiosqlite/", "", FACTS),
    ("/core/solver.py", "", SOLVING),
    ("/server/graphql/compiled/", "", EXECUTING),
    ("/server/graphql/", "", HTTP),
    ("/graphql/", "", EXECUTING),
    ("/schema/", "", EXECUTING),
    ("/server/cli.py", "", None),
    ("/server/process/serve.py", "", None),
    ("/server/", "", HTTP),
    ("/starlette/", "", HTTP),
    ("/uvicorn/protocols/", "", HTTP),
)


class Sampler:
    """Counts the samples of each step."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: Counter[str] = Counter()

    def watch(self) -> None:
        """Samples until the program ends. While the main thread waits, the step is that of the thread it waits for."""
        main, own = main_thread().ident, get_ident()
        assert main is not None  # it has started
        while True:
            sleep(PERIOD)
            frames = sys._current_frames()
            helpers = [frame for ident, frame in frames.items() if ident not in (main, own) and not waits(frame)]
            self._found[next(filter(None, map(step_of, [frames[main], *helpers])), WAITING)] += 1

    def write(self, *_: Any) -> None:
        found, self._found = self._found, Counter()
        partly = self._file.with_suffix(".part")
        partly.write_text(json.dumps(found))
        partly.rename(self._file)


def waits(frame: FrameType) -> bool:
    """Whether a thread waits for the next item of its queue."""
    return ".get(" in getline(frame.f_code.co_filename, frame.f_lineno)


def step_of(innermost: FrameType) -> str | None:
    """The step of a thread; None if it is idle."""
    for frame in outwards(innermost):
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        for part, named, step in RULES:
            if part in name and named in ("", function):
                return step
    return None


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


if __name__ == "__main__":
    _, file, module, *arguments = sys.argv
    sampler = Sampler(Path(file))
    sys.setswitchinterval(SWITCH)
    signal.signal(signal.SIGUSR1, sampler.write)
    Thread(target=sampler.watch, daemon=True).start()
    sys.argv = [module, *arguments]
    run_module(module, run_name="__main__", alter_sys=True)
