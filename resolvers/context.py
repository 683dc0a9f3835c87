"""The context that is passed to every resolver."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from core.access import Actor
from core.booking_life import Booking
from core.calendar_feeds import CalendarFeed
from core.events import Event
from core.instants import Instant
from core.limits import Limits
from core.real_time_scheduling import Link
from db import access
from db.access import Row
from db.database import Database
from db.drivers.base import Connections

from .cache import VersionedCache

FetchSources: TypeAlias = Callable[[Collection[int]], Awaitable[None]]
"""Fetches calendar sources, by their keys, and returns when each was tried, whether or not it could be fetched.

It does not wait until they are due, and joins fetches that are under way.
"""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What an answer depends on: a stored copy of it is right as long as all of this is unchanged."""

    #: the caller's application
    client_key: int | None
    #: the queried accounts
    subs: Sequence[str]
    #: whether their rules or stored periods applied
    managed: bool
    #: their grants and calendars, and the versions of everything that matters
    rows: Sequence[Row]
    #: the instant from which on it is another: the request's earliest start is past, a hold has ended, a calendar is not known
    until: Instant
    #: the caller, if the answer says more to some callers of the application than to others
    viewer: Actor | None = None
    #: the window in which busy time was loaded for it
    window: tuple[Instant, Instant] | None = None


def _untimed(_part: str) -> AbstractContextManager[None]:
    return nullcontext()


async def _fetch_nothing(_keys: Collection[int]) -> None:
    """What fetches sources where no server runs: nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """The context of one request. `now` is read once, so that the whole request uses the same time."""

    db: Database
    #: the caller if known, otherwise the digest of the bearer token
    caller: Actor | bytes
    now: Instant
    limits: Limits
    cache: VersionedCache = field(default_factory=VersionedCache)
    #: times a named part of the work, as a context manager
    timed: Callable[[str], AbstractContextManager[None]] = _untimed
    #: the URL of this server, without a slash at its end
    address: str = ""
    #: whether callbacks may go to loopback and private addresses
    private_callbacks: bool = False
    #: whether calendar sources may lie at loopback and private addresses
    private_sources: bool = False
    #: fetches calendar sources now; the server gives it, since nothing here speaks to the world
    fetch_sources: FetchSources = _fetch_nothing
    #: one entry for each answer of a resolver that may be stored
    dependencies: list[Dependencies] = field(default_factory=list[Dependencies])
    #: when holds end, and calendars are no longer known, that the facts contain, which were loaded so far
    lapses: list[Instant] = field(default_factory=list[Instant])
    #: the events that bookings were loaded with, each beside its booking
    booked: list[tuple[Booking, Sequence[Event]]] = field(default_factory=list[tuple[Booking, Sequence[Event]]])
    #: by place in a document: what collects the objects there, so that a field of theirs is loaded at once
    loaders: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any])
    #: the caller as loaded last, with the credentials that it was loaded by
    loaded: list[tuple[Actor | bytes, Actor]] = field(default_factory=list[tuple[Actor | bytes, Actor]])
    #: the connections for its statements, once it has sent one
    connections: list[Connections] = field(default_factory=list[Connections])

    @property
    def statements(self) -> Connections:
        """The driver, for the statements of this request: all of them see the database as the first does, or later."""
        if not self.connections:
            self.connections.append(self.db.driver.for_request())
        return self.connections[0]

    def record_lapses(self, instants: Iterable[Instant | None]) -> None:
        """Records when holds end, and calendars are no longer known, that the facts of this request contain."""
        self.lapses.extend(instant for instant in instants if instant is not None)

    def record_dependencies(self, dependencies: Dependencies) -> None:
        """Records what a stored copy of the resolver's answer has to be revalidated against."""
        self.dependencies.append(replace(dependencies, until=min([dependencies.until, *self.lapses])))

    def depend_on_viewer(self, viewer: Actor) -> None:
        """Records that the answer has fields of the queried accounts that only some callers may see."""
        self.dependencies[:] = [replace(each, viewer=viewer) for each in self.dependencies]

    def forget_dependencies(self) -> None:
        """Records that the answer depends on more than can be revalidated: it is not stored."""
        self.dependencies.clear()

    def link_url(self, link: Link) -> str:
        """Returns the URL of a link's booking page."""
        return f"{self.address}/book/{self.db.encryption.link_token(link.scheduling_id)}"

    def feed_url(self, feed: CalendarFeed) -> str:
        """Returns the URL of a calendar feed."""
        return f"{self.address}/feeds/{self.db.encryption.feed_token(feed.feed_id)}.ics"

    async def actor(self) -> Actor:
        """Loads the caller. One statement."""
        actor = await access.load_caller(self.statements, self.caller, self.now)
        self.remember(actor)
        return actor

    @property
    def client_key(self) -> int | None:
        """The key of the calling client; None before the caller was loaded."""
        return self.loaded[0][1].client_key if self.loaded else None

    def remember(self, actor: Actor) -> None:
        """Keeps the caller that a resolver has loaded, for the fields below it."""
        self.loaded[:] = [(self.caller, actor)]

    async def viewer(self) -> Actor:
        """Returns the caller whose rights decide what the fields below a resolver show: as that has loaded it."""
        for caller, actor in self.loaded:
            if caller is self.caller:
                return actor
        return await self.actor()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveContext(Context):
    """The context of a subscription."""

    #: makes a context with the current time
    refresh: Callable[[], Context]
    #: holds something if the resolver yields after every change, so that equal results are still to be left out
    every_change: list[bool] = field(default_factory=list[bool])

    @property
    def statements(self) -> Connections:
        """The driver: each answer of a subscription is as new as the change that it follows."""
        return self.db.driver

    async def viewer(self) -> Actor:
        """Loads the caller anew: a subscription outlives the rights that it began with."""
        return await self.refresh().actor()
