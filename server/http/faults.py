"""Logs refused requests and faults of the server.

A fault is logged in full under an id; the client gets only the id. A refusal is one line without values from the
request: its code, and the paths and keys of its first problems.
"""

import logging
import secrets
from collections.abc import Callable
from typing import NamedTuple

from core.errors import Path, Refusal, TimedOut, spell
from db.retries import cause_of, is_lost_race, is_unavailable

from ..observability import metrics

log = logging.getLogger("openings")

#: maximum problems in the log line of a refusal
_MAX_LOGGED_PROBLEMS = 5


class Fault(NamedTuple):
    """The part of a fault that a client may know."""

    #: its id in the log
    id: str
    #: whether the same request may succeed on a retry
    retry: bool

    @property
    def message(self) -> str:
        """The message for people."""
        if self.retry:
            return (
                "The database did not answer. Whether a change was made is not known; the same request can be sent again: what "
                f"is done already is not done twice. The log has it under {self.id}."
            )
        return f"Something went wrong here, not with your request. The log has it under {self.id}."


def log_fault(error: BaseException, where: str) -> Fault:
    """Logs a fault: one line if the database is unavailable, else with the traceback."""
    id = secrets.token_hex(8)
    if is_unavailable(error) or is_lost_race(error):
        log.error("fault %s in %s: the database did not answer (%s)", id, where, cause_of(error))
        return Fault(id, retry=True)
    log.error("fault %s in %s", id, where, exc_info=error)
    return Fault(id, retry=False)


def log_refusal(refusal: Refusal, where: str, spell: Callable[[Path], str] = spell) -> None:
    """Logs a refusal. `spell` formats a problem's path as in the doorway's responses."""
    if isinstance(refusal, TimedOut):
        metrics.count_wait_timeout(refusal.waited_for)
    problems = [f"{spell(problem.path)} {problem.key}" for problem in refusal.problems[:_MAX_LOGGED_PROBLEMS]]
    log.info("refused %s: %s", where, "; ".join([refusal.code, *problems]))
