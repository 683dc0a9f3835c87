"""GraphQL types for calendar feeds."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.calendar_feeds import CalendarFeed as CoreCalendarFeed
from resolvers.context import Context

_URL = (
    "The address by which calendars follow it. Everybody who has it can read the feed, so treat it as a secret; it stays the "
    "same until the feed is revoked."
)


@strawberry.input(
    description="Requests an address at which a phone or a calendar program follows the account's events."
)
class CalendarFeedInput:
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="Only these calendars. If omitted: all calendars that the account has at any time."
    )
    details: bool | None = field(
        default=True, description="False for a feed that says when events block, and nothing else of them."
    )


@strawberry.input(description="Ends a feed.")
class RevokeCalendarFeedInput:
    feed_id: ID = field(description="The feed.")


@strawberry.type(description="An address at which calendars elsewhere follow an account's events.")
class CalendarFeed:
    feed_id: ID = field(description="The id of the feed: `fee_…`.")
    url: str = field(description=_URL)
    calendar_ids: list[ID] | None = field(
        description="The calendars that it has events of. Null: all of the account's calendars."
    )
    details: bool = field(description="Whether it says more of an event than when it blocks.")

    @classmethod
    def of(cls, feed: CoreCalendarFeed, ctx: Context) -> Self:
        chosen = [ID(each) for each in feed.calendar_ids] if feed.calendar_ids is not None else None
        return cls(feed_id=ID(feed.feed_id), url=ctx.feed_url(feed), calendar_ids=chosen, details=feed.details)


@strawberry.type(description="The result of calendarFeed.")
class CalendarFeedPayload:
    feed_id: ID = field(description="The id of the new feed, by which it can be revoked.")
    url: str = field(description=_URL)


@strawberry.type(description="The result of revokeCalendarFeed.")
class RevokeCalendarFeedPayload:
    revoked: bool = field(description="Whether there was a feed to revoke.")
