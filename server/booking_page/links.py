"""What the page asks for: how its house looks from here."""

from collections.abc import Awaitable
from typing import Protocol

from core.bookings import SlotTaken
from core.instants import Instant
from core.real_time_scheduling import Link
from resolvers.context import Context
from resolvers.real_time_scheduling import Offer


class Links(Protocol):
    """The links by their tokens. Each function raises NotFound; `offer` and `book` another Refusal when a link cannot be
    used just now."""

    def offer(self, ctx: Context, token: str, since: Instant, tzid: str | None) -> Awaitable[Offer]:
        """What can be booked, from an instant on. When nothing can from now on, the application may be told so.

        None stands for the zone that the link itself names.
        """
        ...

    def get_by_token(self, ctx: Context, token: str) -> Awaitable[Link]:
        """The link, and nothing of what it offers."""
        ...

    def book(self, ctx: Context, token: str, start: Instant, tzid: str) -> Awaitable[Link | SlotTaken]:
        """Books a start. The link's state tells what became of it, be it now or before."""
        ...

    def report_no_suitable_time(self, ctx: Context, token: str, tzid: str) -> Awaitable[Link]:
        """Passes on that no time suits."""
        ...
