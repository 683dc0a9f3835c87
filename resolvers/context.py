"""What every resolver is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from core.access import Actor
from core.instants import Instant
from core.limits import Limits
from db.database import Database


def _unmeasured(_part: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings. `now` is read once, so that a request has one idea of the time."""

    db: Database
    actor: Actor
    now: Instant
    limits: Limits
    #: a with-block around a part of the work, by whoever wants to know how long it takes
    measured: Callable[[str], AbstractContextManager[None]] = _unmeasured
