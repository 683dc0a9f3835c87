"""The interface through which the page reads and books links."""

from collections.abc import Awaitable
from typing import Protocol

from core.bookings import SlotTaken
from core.instants import Instant
from core.member_statuses import CalendarNotKnown
from core.real_time_scheduling import Link
from resolvers.context import Context
from resolvers.real_time_scheduling import Offer


class Links(Protocol):
    """Access to links by token. Every method raises NotFound; `offer` and `book` raise another Refusal if the link
    cannot be used at the moment.
    """

    def offer(self, ctx: Context, token: str, since: Instant, tzid: str | None) -> Awaitable[Offer]:
        """What can be booked from an instant on. If nothing can from now on, the application may be notified.

        A `tzid` of None means the zone that the link names.
        """
        ...

    def get_by_token(self, ctx: Context, token: str) -> Awaitable[Link]:
        """The link, without the times that it offers."""
        ...

    def book(
        self, ctx: Context, token: str, start: Instant, tzid: str
    ) -> Awaitable[Link | SlotTaken | CalendarNotKnown]:
        """Books a start. The state of the returned link has the outcome, of this booking or of an earlier one."""
        ...

    def report_no_suitable_time(self, ctx: Context, token: str, tzid: str) -> Awaitable[Link]:
        """Notifies the application that no time suits."""
        ...
