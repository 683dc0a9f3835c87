"""What the log has of requests that were refused, and of faults of the server's own.

A fault is logged whole under an id, and the client is told the id and nothing else. A refusal is one line without any
value that the client sent: its code, and the paths and keys of its first problems.
"""

import logging
import secrets
from collections.abc import Callable
from typing import NamedTuple

from core.errors import Path, Refusal, spell
from db.retries import is_lost_race, is_unavailable

log = logging.getLogger("openings")

#: problems of a refusal that its log line names
_MAX_LOGGED_PROBLEMS = 5


class Fault(NamedTuple):
    """A fault as a client may know it."""

    #: under which the log has it
    id: str
    #: whether the same request may succeed when it is sent again
    retry: bool

    @property
    def message(self) -> str:
        """The fault in words for people."""
        if self.retry:
            return f"The database did not answer. The same request can be sent again. The log has it under {self.id}."
        return f"Something went wrong here, not with your request. The log has it under {self.id}."


def log_fault(error: BaseException, where: str) -> Fault:
    """Logs a fault: in one line when the database is away, with its traceback otherwise."""
    id = secrets.token_hex(8)
    if is_unavailable(error) or is_lost_race(error):
        log.error("fault %s in %s: the database did not answer (%s)", id, where, type(error).__name__)
        return Fault(id, retry=True)
    log.error("fault %s in %s", id, where, exc_info=error)
    return Fault(id, retry=False)


def log_refusal(refusal: Refusal, where: str, spell: Callable[[Path], str] = spell) -> None:
    """Logs a refusal. `spell` writes a problem's path as the doorway's clients know it."""
    problems = [f"{spell(problem.path)} {problem.key}" for problem in refusal.problems[:_MAX_LOGGED_PROBLEMS]]
    log.info("refused %s: %s", where, "; ".join([refusal.code, *problems]))
