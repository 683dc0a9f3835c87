"""Checks of facts about libraries that our code relies on, with a failure message that names the files to change."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import iscoroutine
from typing import Any, NamedTuple

Holds = Callable[[], bool] | Callable[[], Awaitable[bool]]


class Check(NamedTuple):
    """A check of one fact, which is the function's docstring."""

    holds: Holds
    #: the files that rely on it
    files: tuple[str, ...]
    #: where in the library to look if it is no longer true
    see: str

    def failure(self) -> str:
        """The failure message; empty if the fact holds. An exception counts as a failure."""
        try:
            found: Any = self.holds()
            holds, raised = (asyncio.run(found) if iscoroutine(found) else found), ""
        except Exception as error:
            holds, raised = False, f" ({type(error).__name__}: {error})"
        if holds:
            return ""
        return f"No longer true{raised}: {self.holds.__doc__} Change {' and '.join(self.files)}. See {self.see}."


def add_check(checks: list[Check], *files: str, see: str) -> Callable[[Holds], Holds]:
    """A decorator that adds a function to the checks."""

    def add(holds: Holds) -> Holds:
        checks.append(Check(holds, files, see))
        return holds

    return add
