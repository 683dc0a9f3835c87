"""What every resolver is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from core.access import Actor
from core.instants import Instant
from core.limits import Limits
from core.real_time_scheduling import Link
from db import access as standing
from db.database import Database

from .basis import Basis
from .cache import Memory


def _unmeasured(_part: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings. `now` is read once, so that a request has one idea of the time."""

    db: Database
    #: who asks: known already, or the digest of the bearer token that says so
    caller: Actor | bytes
    now: Instant
    limits: Limits
    memory: Memory = field(default_factory=Memory)
    #: a with-block around a part of the work, by whoever wants to know how long it takes
    measured: Callable[[str], AbstractContextManager[None]] = _unmeasured
    #: where the pages of links are
    pages: str = ""
    #: what the request's answers rest on, as far as the resolvers say
    bases: list[Basis] = field(default_factory=list[Basis])

    def link_url(self, link: Link) -> str:
        """The address that a visitor is given."""
        return f"{self.pages}{self.db.keys.token(link.scheduling_id)}"

    async def actor(self) -> Actor:
        """Who asks, as of now."""
        return await standing.who(self.db.direct, self.caller, self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveContext(Context):
    """The surroundings of a question that stays open."""

    #: the same, as of now
    renewed: Callable[[], Context]
