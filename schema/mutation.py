"""The GraphQL type `Mutation`."""

from typing import Annotated

import strawberry
from strawberry import ID, Info, argument, field

from core.scopes import READ_WRITE
from resolvers import (
    accounts,
    application_calendars,
    availability_rules,
    available_periods,
    booking_cancellation,
    booking_moves,
    bookings,
    calendar_feeds,
    calendar_sources,
    calendars,
    channels,
    element_tokens,
    events,
    sequence_bookings,
    tokens,
)
from resolvers import real_time_scheduling as links
from resolvers.context import Context

from .accounts import (
    AccountAuthorization,
    AccountInput,
    ApplicationCalendarInput,
    DeleteAccountInput,
    DeleteAccountPayload,
    RefreshTokenInput,
    RevokeAuthorizationInput,
    RevokeAuthorizationPayload,
)
from .availability_rules import (
    AvailabilityRule,
    DeleteAvailabilityRuleInput,
    DeleteAvailabilityRulePayload,
    UpsertAvailabilityRuleInput,
    UpsertAvailabilityRulePayload,
)
from .available_periods import (
    DeleteAvailablePeriodInput,
    DeleteAvailablePeriodPayload,
    DeleteAvailablePeriodsPayload,
    StoredAvailablePeriod,
    UpsertAvailablePeriodInput,
    UpsertAvailablePeriodPayload,
)
from .booking_life import Booking
from .bookings import (
    BookSlotInput,
    BookSlotResult,
    CancelBookingInput,
    CancelBookingPayload,
    ConfirmBookingInput,
    HoldSlotInput,
    RescheduleBookingInput,
    book_slot_result,
)
from .calendar_feeds import CalendarFeedInput, CalendarFeedPayload, RevokeCalendarFeedInput, RevokeCalendarFeedPayload
from .calendar_sources import (
    CalendarSource,
    CalendarSourcePayload,
    DeleteCalendarSourceInput,
    DeleteCalendarSourcePayload,
    SyncCalendarSourceInput,
    UpsertCalendarSourceInput,
)
from .calendars import (
    Calendar,
    CreateCalendarInput,
    CreateCalendarPayload,
    DeleteCalendarInput,
    DeleteCalendarPayload,
)
from .channels import Channel, ChannelPayload, CloseChannelInput, CloseChannelPayload, UpsertChannelInput
from .element_tokens import ElementToken, ElementTokenInput, ElementTokenPayload
from .events import (
    DeleteEventInput,
    DeleteEventPayload,
    DeleteEventsInput,
    DeleteEventsPayload,
    Event,
    UpsertEventInput,
    UpsertEventPayload,
    UpsertEventsInput,
    UpsertEventsPayload,
)
from .optional import or_default, or_none
from .real_time_scheduling import DisableRealTimeSchedulingInput, RealTimeSchedulingInput, RealTimeSchedulingPayload
from .selection import wanted
from .sequence_bookings import BookSequenceInput, BookSequenceResult, book_sequence_result


@strawberry.type(
    description="Changes to data. Mutations run one after the other; each takes effect completely or not at all."
)
class Mutation:
    @field(
        description="Creates an application calendar, or returns the existing one, with a new pair of tokens. Needs no "
        "token: the application's own credentials are in the input."
    )
    async def application_calendar(
        self,
        info: Info[Context],
        input: Annotated[
            ApplicationCalendarInput, argument(description="The calendar, and the application's credentials.")
        ],
    ) -> AccountAuthorization | None:
        return AccountAuthorization.of(
            await application_calendars.get_or_create(
                info.context,
                input.client_id,
                input.client_secret,
                input.application_calendar_id,
                or_default(input.scope, READ_WRITE),
                input.profile(),
            )
        )

    @field(
        description="Creates a user or a resource, or updates the existing one, and returns it with a new pair of "
        "tokens. Needs no token: the application's own credentials are in the input."
    )
    async def account(
        self,
        info: Info[Context],
        input: Annotated[AccountInput, argument(description="The account, and the application's credentials.")],
    ) -> AccountAuthorization | None:
        return AccountAuthorization.of(
            await accounts.upsert_account(
                info.context,
                input.client_id,
                input.client_secret,
                input.kind.value,
                input.account_id,
                input.profile(),
                or_default(input.scope, READ_WRITE),
            )
        )

    @field(description="Issues a new access token for the account of a refresh token. The refresh token stays valid.")
    async def refresh_token(
        self,
        info: Info[Context],
        input: Annotated[
            RefreshTokenInput, argument(description="The refresh token, and the application's credentials.")
        ],
    ) -> AccountAuthorization | None:
        return AccountAuthorization.of(
            await tokens.refresh(info.context, input.client_id, input.client_secret, input.refresh_token)
        )

    @field(
        description="Revokes all tokens of an account immediately. Its sub is then unknown to queries. No data is "
        "deleted: creating the account again returns the same sub. Unknown tokens and subs succeed. An element token "
        "ends alone."
    )
    async def revoke_authorization(
        self,
        info: Info[Context],
        input: Annotated[
            RevokeAuthorizationInput, argument(description="The account, and the application's credentials.")
        ],
    ) -> RevokeAuthorizationPayload | None:
        await tokens.revoke(
            info.context, input.client_id, input.client_secret, or_none(input.token), or_none(input.sub)
        )
        return RevokeAuthorizationPayload(revoked=True)

    @field(
        description="Erases an account and everything that is stored about it: calendars, events, rules, periods, tokens, "
        "links. Of meetings with others its sub remains. Your own id for it creates a new account afterwards, with "
        "another sub. Succeeds even if there is no such account. Requires the application's key."
    )
    async def delete_account(
        self, info: Info[Context], input: Annotated[DeleteAccountInput, argument(description="The account to erase.")]
    ) -> DeleteAccountPayload | None:
        return DeleteAccountPayload(deleted=await accounts.delete(info.context, input.sub))

    @field(
        description="Creates a calendar of the account, in addition to its primary one. For users and resources; an "
        "application calendar has exactly one."
    )
    async def create_calendar(
        self, info: Info[Context], input: Annotated[CreateCalendarInput, argument(description="The new calendar.")]
    ) -> CreateCalendarPayload | None:
        return CreateCalendarPayload(calendar=Calendar.of(await calendars.create(info.context, input.name)))

    @field(
        description="Deletes a calendar of the account with all of its events. The primary calendar stays, and so does "
        "one that an availability rule names. Succeeds even if there is no such calendar."
    )
    async def delete_calendar(
        self,
        info: Info[Context],
        input: Annotated[DeleteCalendarInput, argument(description="The calendar to delete.")],
    ) -> DeleteCalendarPayload | None:
        return DeleteCalendarPayload(deleted=await calendars.delete(info.context, input.calendar_id))

    @field(
        description="Creates an address at which a phone, Thunderbird or Google follows the account's events. An account can "
        "have 20. They outlive the token, and end when they or the account are revoked. Requires a token that may read "
        "free-busy, and for a feed with details one that may read events."
    )
    async def calendar_feed(
        self,
        info: Info[Context],
        input: Annotated[CalendarFeedInput, argument(description="What the feed says.")],
    ) -> CalendarFeedPayload | None:
        feed = await calendar_feeds.create(
            info.context, or_none(input.calendar_ids), details=or_default(input.details, True)
        )
        return CalendarFeedPayload(feed_id=ID(feed.feed_id), url=info.context.feed_url(feed))

    @field(
        description="Ends a feed of the account: its address is unknown from then on. Succeeds even if there is none."
    )
    async def revoke_calendar_feed(
        self,
        info: Info[Context],
        input: Annotated[RevokeCalendarFeedInput, argument(description="The feed to end.")],
    ) -> RevokeCalendarFeedPayload | None:
        return RevokeCalendarFeedPayload(revoked=await calendar_feeds.revoke(info.context, input.feed_id))

    @field(
        description="Creates an element token, which works as `Authorization: Bearer …` from pages of its origin only. "
        "Requires the application's key."
    )
    async def element_token(
        self,
        info: Info[Context],
        input: Annotated[ElementTokenInput, argument(description="What the token opens, and where it works.")],
    ) -> ElementTokenPayload | None:
        token = await element_tokens.create(info.context, input.to_core())
        return ElementTokenPayload(element_token=ElementToken.of(token))

    @field(
        description="Creates an event, or replaces the one with this eventId. Repeating the call has no further effect. "
        "With a recurrenceId it changes an instance of an event that recurs."
    )
    async def upsert_event(
        self,
        info: Info[Context],
        input: Annotated[UpsertEventInput, argument(description="The event, and its calendar.")],
    ) -> UpsertEventPayload | None:
        following = or_default(input.this_and_following, False)
        draft = input.event.to_core()
        event, created = await events.upsert_event(info.context, input.calendar_id, draft, this_and_following=following)
        return UpsertEventPayload(event=Event.of(event), created=created)

    @field(
        description="Creates or replaces up to 1000 events of one calendar in one transaction: all of them, or none."
    )
    async def upsert_events(
        self,
        info: Info[Context],
        input: Annotated[UpsertEventsInput, argument(description="The events, and their calendar.")],
    ) -> UpsertEventsPayload | None:
        drafts = [event.to_core() for event in input.events]
        created, updated = await events.upsert_events(info.context, input.calendar_id, drafts)
        return UpsertEventsPayload(created=created, updated=updated)

    @field(
        description="Deletes an event, or an instance of one that recurs. Succeeds even if there is no such event, and if "
        "the instance was deleted before."
    )
    async def delete_event(
        self, info: Info[Context], input: Annotated[DeleteEventInput, argument(description="The event to delete.")]
    ) -> DeleteEventPayload | None:
        instance, following = or_none(input.recurrence_id), or_default(input.this_and_following, False)
        deleted = await events.delete_event(
            info.context, input.calendar_id, input.event_id, instance, this_and_following=following
        )
        return DeleteEventPayload(deleted=deleted)

    @field(description="Deletes every event of the account, or of some of its calendars.")
    async def delete_events(
        self, info: Info[Context], input: Annotated[DeleteEventsInput, argument(description="The events to delete.")]
    ) -> DeleteEventsPayload | None:
        deleted = await events.delete_events(info.context, or_none(input.delete_all), or_none(input.calendar_ids))
        return DeleteEventsPayload(deleted=deleted)

    @field(
        description="Books a start of an availability query if it is still possible: the event is written to a "
        "calendar of every participant, or to none. A slot is never booked twice. Requires the application's key."
    )
    async def book_slot(
        self,
        info: Info[Context],
        input: Annotated[BookSlotInput, argument(description="The query, the chosen start, and the event.")],
    ) -> BookSlotResult | None:
        explained = wanted(info, "explanation")
        return book_slot_result(await bookings.book_slot(info.context, input.to_core(), explained))

    @field(
        description="Holds a start for a while, such as during a payment: it blocks as a booking does, with tentative "
        "events, until the hold ends or is confirmed. Requires the application's key."
    )
    async def hold_slot(
        self,
        info: Info[Context],
        input: Annotated[HoldSlotInput, argument(description="The query, the chosen start, the event, and how long.")],
    ) -> BookSlotResult | None:
        explained = wanted(info, "explanation")
        return book_slot_result(await bookings.book_slot(info.context, input.to_core(), explained))

    @field(
        description="Confirms a hold. After its end it is decided again, as if it were booked now. Requires the "
        "application's key."
    )
    async def confirm_booking(
        self, info: Info[Context], input: Annotated[ConfirmBookingInput, argument(description="The booking.")]
    ) -> BookSlotResult | None:
        key, explained = or_none(input.idempotency_key), wanted(info, "explanation")
        return book_slot_result(await booking_moves.confirm(info.context, input.booking_id, key, explained))

    @field(
        description="Moves a booking: all of its events, or none. Its own time does not stand in its way. The same people "
        "meet if they can. Requires the application's key."
    )
    async def reschedule_booking(
        self,
        info: Info[Context],
        input: Annotated[RescheduleBookingInput, argument(description="The booking, and its new start.")],
    ) -> BookSlotResult | None:
        explained = wanted(info, "explanation")
        return book_slot_result(await booking_moves.reschedule(info.context, input.to_core(), explained))

    @field(
        description="Cancels a booking and deletes its events. Cancelling again changes nothing. Requires the application's "
        "key."
    )
    async def cancel_booking(
        self,
        info: Info[Context],
        input: Annotated[CancelBookingInput, argument(description="The booking, and why it is cancelled.")],
    ) -> CancelBookingPayload | None:
        booking = await booking_cancellation.cancel(info.context, input.booking_id, or_none(input.reason))
        return CancelBookingPayload(booking=Booking.of(booking))

    @field(
        description="Books every step of a sequence that sequencedAvailability gave, under one lock, or none. Requires the "
        "application's key."
    )
    async def book_sequence(
        self,
        info: Info[Context],
        input: Annotated[
            BookSequenceInput, argument(description="The query, and the chosen starts with their events.")
        ],
    ) -> BookSequenceResult | None:
        return book_sequence_result(await sequence_bookings.book_sequence(info.context, input.to_core()))

    @field(
        description="Creates a link with which a visitor without an account can book one slot, once. Only the first "
        "booking succeeds. Requires the application's key."
    )
    async def real_time_scheduling(
        self,
        info: Info[Context],
        input: Annotated[RealTimeSchedulingInput, argument(description="What the link offers.")],
    ) -> RealTimeSchedulingPayload | None:
        link = await links.create(info.context, input.to_core())
        return RealTimeSchedulingPayload.of(link, info.context.link_url(link))

    @field(
        description="Disables a link: visitors see a message instead. A completed link cannot be disabled. Requires "
        "the application's key."
    )
    async def disable_real_time_scheduling(
        self,
        info: Info[Context],
        input: Annotated[DisableRealTimeSchedulingInput, argument(description="The link, and the message.")],
    ) -> RealTimeSchedulingPayload | None:
        link = await links.disable(info.context, input.real_time_scheduling_id, input.display_message)
        return RealTimeSchedulingPayload.of(link, info.context.link_url(link))

    @field(description="Creates an availability rule, or replaces the one with this id.")
    async def upsert_availability_rule(
        self, info: Info[Context], input: Annotated[UpsertAvailabilityRuleInput, argument(description="The rule.")]
    ) -> UpsertAvailabilityRulePayload | None:
        rule = await availability_rules.upsert(info.context, input.to_core())
        return UpsertAvailabilityRulePayload(availability_rule=AvailabilityRule.of(rule))

    @field(description="Deletes an availability rule. Succeeds even if there is no such rule.")
    async def delete_availability_rule(
        self,
        info: Info[Context],
        input: Annotated[DeleteAvailabilityRuleInput, argument(description="The rule to delete.")],
    ) -> DeleteAvailabilityRulePayload | None:
        deleted = await availability_rules.delete(info.context, input.availability_rule_id)
        return DeleteAvailabilityRulePayload(deleted=deleted)

    @field(description="Creates a stored available period, or replaces the one with this id.")
    async def upsert_available_period(
        self, info: Info[Context], input: Annotated[UpsertAvailablePeriodInput, argument(description="The period.")]
    ) -> UpsertAvailablePeriodPayload | None:
        period = await available_periods.upsert(info.context, input.to_core())
        return UpsertAvailablePeriodPayload(available_period=StoredAvailablePeriod.of(period))

    @field(description="Deletes a stored available period. Succeeds even if there is no such period.")
    async def delete_available_period(
        self,
        info: Info[Context],
        input: Annotated[DeleteAvailablePeriodInput, argument(description="The period to delete.")],
    ) -> DeleteAvailablePeriodPayload | None:
        deleted = await available_periods.delete(info.context, input.available_period_id)
        return DeleteAvailablePeriodPayload(deleted=deleted)

    @field(description="Deletes every stored available period of the account.")
    async def delete_available_periods(self, info: Info[Context]) -> DeleteAvailablePeriodsPayload | None:
        return DeleteAvailablePeriodsPayload(deleted=await available_periods.delete_all(info.context))

    @field(
        description="Creates a push channel, which is notified whenever events of the account change, or returns the one "
        "with the same URL and calendars. A new channel gets a notification of the type `verification`."
    )
    async def upsert_channel(
        self, info: Info[Context], input: Annotated[UpsertChannelInput, argument(description="The channel.")]
    ) -> ChannelPayload | None:
        return ChannelPayload(channel=Channel.of(await channels.upsert(info.context, input.to_core())))

    @field(description="Closes a push channel, and forgets it. Succeeds even if there is no such channel.")
    async def close_channel(
        self, info: Info[Context], input: Annotated[CloseChannelInput, argument(description="The channel to close.")]
    ) -> CloseChannelPayload | None:
        return CloseChannelPayload(closed=await channels.close(info.context, input.channel_id))

    @field(
        description="Names a calendar elsewhere whose events count as the account's own, or changes how it is read. Answers "
        "at once; the first fetch follows within seconds, and further ones every quarter of an hour. With another URL it is "
        "PENDING until a fetch succeeds, and what was busy until then stays so."
    )
    async def upsert_calendar_source(
        self, info: Info[Context], input: Annotated[UpsertCalendarSourceInput, argument(description="The calendar.")]
    ) -> CalendarSourcePayload | None:
        source = await calendar_sources.upsert(info.context, input.to_core())
        return CalendarSourcePayload(calendar_source=CalendarSource.of(source, info))

    @field(
        description="Fetches a calendar elsewhere now, and answers when that is done. A fetch that fails is no error: "
        "`status` and `problem` say it. At most 20 a minute for an account."
    )
    async def sync_calendar_source(
        self, info: Info[Context], input: Annotated[SyncCalendarSourceInput, argument(description="Which calendar.")]
    ) -> CalendarSourcePayload | None:
        source = await calendar_sources.sync(info.context, input.source_id)
        return CalendarSourcePayload(calendar_source=CalendarSource.of(source, info))

    @field(
        description="Deletes a calendar source, with its calendar and all events of that. Succeeds even if there is none."
    )
    async def delete_calendar_source(
        self, info: Info[Context], input: Annotated[DeleteCalendarSourceInput, argument(description="Which calendar.")]
    ) -> DeleteCalendarSourcePayload | None:
        return DeleteCalendarSourcePayload(deleted=await calendar_sources.delete(info.context, input.source_id))
