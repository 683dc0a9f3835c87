"""GraphQL types for push channels."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.channels import Channel as CoreChannel
from core.channels import ChannelRequest

from .enums import ChannelStatus
from .optional import or_none
from .scalars import DateTime

_URL = "The URL that notifications are sent to: http or https, at most 2048 characters."
_CALENDARS = "The calendars whose changes it notifies of"


@strawberry.input(description="Creates a push channel, or returns the one with the same URL and the same calendars.")
class UpsertChannelInput:
    callback_url: str = field(description=_URL)
    calendar_ids: list[ID] | None = field(
        default=UNSET, description=f"{_CALENDARS}, 1 to 20. If omitted: all calendars of the account, also later ones."
    )

    def to_core(self) -> ChannelRequest:
        return ChannelRequest(self.callback_url, or_none(self.calendar_ids))


@strawberry.input(description="Closes a push channel.")
class CloseChannelInput:
    channel_id: ID = field(description="The channel's id.")


@strawberry.type(description="A URL that is notified whenever events of an account's calendars change.")
class Channel:
    channel_id: ID = field(description="The channel's id: `chn_…`.")
    callback_url: str = field(description=_URL)
    calendar_ids: list[ID] | None = field(description=f"{_CALENDARS}; null means all calendars of the account.")
    status: ChannelStatus = field(description="Whether its notifications arrive.")
    problem: str | None = field(
        description="Why the last attempt to notify it failed, such as `status 500`; null if it did not."
    )
    created: DateTime = field(description="When it was created.")

    @classmethod
    def of(cls, channel: CoreChannel) -> Self:
        return cls(
            channel_id=ID(channel.channel_id),
            callback_url=channel.callback_url,
            calendar_ids=[ID(each) for each in channel.calendar_ids] if channel.calendar_ids is not None else None,
            status=channel.status,
            problem=channel.problem,
            created=channel.created,
        )


@strawberry.type(description="The result of upsertChannel.")
class ChannelPayload:
    channel: Channel = field(description="The channel.")


@strawberry.type(description="The result of closeChannel.")
class CloseChannelPayload:
    closed: bool = field(description="Whether there was a channel to close.")
