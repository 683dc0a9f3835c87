"""What every resolver is given."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from core.access import Actor
from core.instants import Instant
from core.limits import Limits
from core.real_time_scheduling import Link
from db import access
from db.access import Row
from db.database import Database

from .cache import VersionedCache


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What an answer was worked out from: a stored copy of it is right as long as all of this is the same."""

    #: the application that the caller belongs to
    client_key: int | None
    #: the accounts that were asked about
    subs: Sequence[str]
    #: whether their rules or stored periods counted
    managed: bool
    #: what they have granted, which calendars they have, and the version of everything that counts
    rows: Sequence[Row]
    #: the instant from which on the request is refused, because what it names has begun
    until: Instant


def _untimed(_part: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings. `now` is read once, so that a request has one idea of the time."""

    db: Database
    #: who asks: known already, or the digest of the bearer token that says so
    caller: Actor | bytes
    now: Instant
    limits: Limits
    cache: VersionedCache = field(default_factory=VersionedCache)
    #: a with-block around a part of the work, by whoever wants to know how long it takes
    timed: Callable[[str], AbstractContextManager[None]] = _untimed
    #: where the pages of links are
    booking_page_url: str = ""
    #: whether callbacks may lead to loopback and private addresses
    private_callbacks: bool = False
    #: one entry for each answer that a resolver has given and that may be stored
    dependencies: list[Dependencies] = field(default_factory=list[Dependencies])

    def record_dependencies(self, dependencies: Dependencies) -> None:
        """Notes what a stored copy of the resolver's answer has to be revalidated against."""
        self.dependencies.append(dependencies)

    def link_url(self, link: Link) -> str:
        """The address that a visitor is given."""
        return f"{self.booking_page_url}{self.db.encryption.link_token(link.scheduling_id)}"

    async def actor(self) -> Actor:
        """Who asks, as of now."""
        return await access.load_caller(self.db.driver, self.caller, self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveContext(Context):
    """The surroundings of a question that stays open."""

    #: the same, as of now
    refresh: Callable[[], Context]
