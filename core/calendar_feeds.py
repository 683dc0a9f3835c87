"""Calendar feeds: addresses at which other programs follow an account's events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .events import EventTime
from .instants import DAY, Instant
from .recurring_events import RecurringEvent
from .spans import Span

MAX_FEEDS = 20
"""Maximum feeds of an account (ours)."""

MAX_FEED_EVENTS = 20_000
"""Maximum events in a feed: the soonest of its window (ours)."""

_PAST, _FUTURE = 30 * DAY, 400 * DAY


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """A feed of an account, as the account sees it."""

    feed_id: str
    #: None: all calendars that the account has at the time of a request
    calendar_ids: Sequence[str] | None
    #: whether it says more of an event than when it blocks
    details: bool


class FollowedCalendar(NamedTuple):
    """A calendar of a feed, at a version of its events."""

    key: int
    version: int
    #: when the last of its holds that have ended did so
    lapsed_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class FollowedFeed:
    """A feed as it is when a program asks for it, without its events."""

    feed: CalendarFeed
    #: of the account, for the feed's title
    name: str
    client_key: int
    calendars: Sequence[FollowedCalendar]


class FeedEvent(NamedTuple):
    """What a feed says of an event."""

    event_uid: str
    start: EventTime
    end: EventTime
    summary: str
    description: str
    location: str
    lat: str | None
    long: str | None
    url: str | None
    blocks: bool
    tentative: bool
    created: Instant
    updated: Instant
    #: of an instance of an event that recurs: the calendar's key and the event's id
    series: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class FeedSeries:
    """An event that recurs, as a feed has it."""

    event_uid: str
    event: RecurringEvent
    created: Instant
    updated: Instant


def window_of(now: Instant) -> Span:
    """Returns the time that a feed covers. It moves once a day, so that a feed is unchanged in between."""
    today = now - now % DAY
    return Span(today - _PAST, today + _FUTURE)
