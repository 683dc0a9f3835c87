"""Push channels: a URL that is notified whenever events of an account's calendars change."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .accounts import MAX_CALENDARS
from .errors import Key, Problems
from .instants import MINUTE, Instant, format_instant
from .periods import check_count
from .urls import check_callback_url

MAX_CHANNELS = 20
"""Maximum channels of an account."""

MARGIN = 2 * MINUTE
"""How much earlier than the last look at the calendars `changes_since` is, in seconds.

An event's time of change is that of its request, which may have been committed after that look.
"""


class ChannelStatus(StrEnum):
    """Whether notifications of a channel arrive."""

    OPEN = "open"
    #: the last attempt failed, and is repeated
    FAILING = "failing"
    #: all attempts of three days failed: nothing is sent any more
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """A channel as the caller asks for it."""

    callback_url: str
    #: the calendars whose changes it notifies of; None: all of the account, also later ones
    calendar_ids: Sequence[str] | None = None

    def check(self, problems: Problems, *, private: bool) -> None:
        """Reports every problem that can be found without the database. `private` allows private addresses."""
        if not self.callback_url:
            problems.add(("callback_url",), Key.REQUIRED, "required")
        else:
            check_callback_url(self.callback_url, ("callback_url",), problems, private=private)
        if self.calendar_ids is None:
            return
        check_count(len(self.calendar_ids), ("calendar_ids",), problems, most=MAX_CALENDARS, noun="calendar")
        seen: set[str] = set()
        for index, calendar_id in enumerate(self.calendar_ids[:MAX_CALENDARS]):
            if calendar_id in seen:
                problems.add(("calendar_ids", index), Key.DUPLICATE, "is in the list already")
            seen.add(calendar_id)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of an account."""

    channel_id: str
    callback_url: str
    #: sorted; None: all calendars of the account
    calendar_ids: Sequence[str] | None
    status: ChannelStatus
    #: why the last attempt to notify it failed; None if it did not
    problem: str | None
    created: Instant

    @property
    def filters(self) -> dict[str, Any]:
        """What limits the channel, as an object to be encoded as JSON."""
        return {} if self.calendar_ids is None else {"calendar_ids": list(self.calendar_ids)}

    def notification(self, since: Instant | None) -> dict[str, Any]:
        """Returns the body of a notification, as an object to be encoded as JSON.

        `since` is the last time at which the calendars were known to be unchanged; None: it verifies a new channel.
        """
        content = {"type": "verification"}
        if since is not None:
            content = {"type": "change", "changes_since": format_instant(since - MARGIN)}
        channel = {"channel_id": self.channel_id, "callback_url": self.callback_url, "filters": self.filters}
        return {"notification": content, "channel": channel}
