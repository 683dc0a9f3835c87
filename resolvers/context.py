"""What every resolver is given."""

from dataclasses import dataclass

from core.access import Actor
from core.instants import Instant
from core.limits import Limits
from db.database import Database


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings. `now` is read once, so that a request has one idea of the time."""

    db: Database
    actor: Actor
    now: Instant
    limits: Limits
