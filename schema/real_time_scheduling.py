"""GraphQL types for real-time scheduling: what a link offers, and its state."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, Info, Private, field

from core import real_time_scheduling
from core.booking_life import BookingStatus
from core.bookings import EventCreation
from core.durations import NO_TIME
from core.real_time_scheduling import Completed, Disabled, HourFormat, Link, SchedulingRequest, Status
from resolvers import real_time_scheduling as links
from resolvers.context import Context
from resolvers.explanation import Wanted

from .availability import AvailabilityInput, DurationInput
from .booking_life import Booking
from .bookings import BookedEventInput, TargetCalendarInput
from .connections import After, Connection, First
from .explanation import Explanation
from .nodes import Batch, Node
from .optional import or_default, or_none
from .participants import Participant
from .scalars import DateTime
from .selection import wanted

BOOKINGS = Batch()


@strawberry.input(description="URLs at which your application is notified by a signed POST.")
class CallbackUrlsInput:
    completed_url: str | None = field(default=UNSET, description="Notified when a slot is booked.")
    no_times_suitable_url: str | None = field(
        default=UNSET,
        description="Notified when a visitor reports that no time suits. Adds a button for it to the page.",
    )
    no_times_displayed_url: str | None = field(
        default=UNSET, description="Notified when a visitor opens the page and there are no times to show."
    )

    rescheduled_url: str | None = field(
        default=UNSET, description="Notified when the booking is moved, by whoever or whatever moves it."
    )
    cancelled_url: str | None = field(
        default=UNSET, description="Notified when the booking is cancelled, by whoever or whatever cancels it."
    )

    def to_core(self) -> real_time_scheduling.CallbackUrls:
        return real_time_scheduling.CallbackUrls(
            or_none(self.completed_url),
            or_none(self.no_times_suitable_url),
            or_none(self.no_times_displayed_url),
            or_none(self.rescheduled_url),
            or_none(self.cancelled_url),
        )


@strawberry.input(description="Where a visitor is redirected.")
class RedirectUrlsInput:
    completed_url: str | None = field(
        default=UNSET, description="After a booking. The link's token is added to the URL as `token`."
    )

    def to_core(self) -> real_time_scheduling.RedirectUrls:
        return real_time_scheduling.RedirectUrls(or_none(self.completed_url))


@strawberry.input(description="A link with which a visitor without an account can book one slot, once.")
class RealTimeSchedulingInput:
    event: BookedEventInput = field(
        description="The event that is written to the participants' calendars and shown to the visitor."
    )
    availability: AvailabilityInput = field(
        description="The query. With the response format SLOTS its slots are offered, otherwise every start on its "
        "startInterval. maxResults is ignored."
    )
    target_calendars: list[TargetCalendarInput] | None = field(
        default=UNSET, description="The calendars to write to. For members not listed, it is their primary calendar."
    )
    minimum_notice: DurationInput | None = field(
        default=UNSET, description="How long before its start a slot must be booked. If omitted: until it begins."
    )
    callback_urls: CallbackUrlsInput | None = field(
        default=UNSET, description="URLs at which your application is notified."
    )
    redirect_urls: RedirectUrlsInput | None = field(
        default=UNSET, description="Where a visitor is redirected. If omitted: the visitor stays on the page."
    )
    event_creation: EventCreation | None = field(
        default=EventCreation.DEFAULT, description="What is written to the participants' calendars."
    )
    hour_format: HourFormat | None = field(
        default=UNSET, description="How the page writes times. If omitted: as usual in the visitor's language."
    )
    tzid: str | None = field(
        default=UNSET,
        description="The IANA time zone of the page until the visitor's own is known. If omitted: the event's.",
    )

    def to_core(self) -> SchedulingRequest:
        notice, callbacks = or_none(self.minimum_notice), or_none(self.callback_urls)
        redirects = or_none(self.redirect_urls)
        return SchedulingRequest(
            query=self.availability.to_core(),
            event=self.event.to_core(),
            target_calendars=[target.to_core() for target in or_default(self.target_calendars, [])],
            minimum_notice=notice.to_core() if notice is not None else NO_TIME,
            callback_urls=callbacks.to_core() if callbacks is not None else real_time_scheduling.CallbackUrls(),
            redirect_urls=redirects.to_core() if redirects is not None else real_time_scheduling.RedirectUrls(),
            event_creation=or_default(self.event_creation, EventCreation.DEFAULT),
            hour_format=or_none(self.hour_format),
            tzid=or_none(self.tzid),
        )


@strawberry.input(description="Disables a link.")
class DisableRealTimeSchedulingInput:
    real_time_scheduling_id: ID = field(description="The link's id.")
    display_message: str = field(
        description="The message that visitors see: plain text, at most 500 characters, may have line breaks."
    )


@strawberry.type(description="The event of a link.")
class ScheduledEvent:
    event_id: ID = field(description="Your own id for the event.")
    summary: str = field(description="The title of the event.")
    description: str | None = field(description="Further details.")
    tzid: str = field(description="The IANA time zone of the event.")
    start: DateTime | None = field(
        description="When the event begins, as its booking is now; null until the link is completed."
    )
    end: DateTime | None = field(
        description="When the event ends, as its booking is now; null until the link is completed."
    )

    @classmethod
    def of(cls, link: Link) -> Self:
        event, state = link.request.event, link.state
        booked = state if isinstance(state, Completed) else None
        return cls(
            event_id=ID(event.event_id),
            summary=event.summary,
            description=event.description or None,
            tzid=event.zone,
            start=booked.start if booked is not None else None,
            end=booked.end if booked is not None else None,
        )


@strawberry.type(description="A link with which a visitor without an account can book one slot, once.")
class RealTimeScheduling(Node):
    real_time_scheduling_id: ID = field(description="The link's id: `sch_…`.")
    url: str = field(description="The link's URL. Anyone who has it can book. Its last part is the token.")
    status: Status = field(description="The state of the link.")
    event: ScheduledEvent = field(description="The event that the link books.")
    participants: list[Participant] | None = field(description="Who was booked; null until the link is completed.")
    booking_status: BookingStatus | None = field(
        description="The state of the booking that was made with it; null until the link is completed."
    )
    display_message: str | None = field(description="The message that visitors see; null unless the link is disabled.")
    link: Private[Link]

    @field(
        description="Why the link offers what it does from now on, or nothing. Null unless the link is open, and once its "
        "periods are over. Only for the application, with its key."
    )
    async def explanation(self, info: Info[Context]) -> Explanation | None:
        found = await links.explain_offer(info.context, self.link, wanted(info) or Wanted())
        return Explanation.of(found) if found is not None else None

    @field(
        description="The bookings that were made with the link, soonest first. Only for the application, with its key.",
        metadata=BOOKINGS.metadata,
    )
    async def bookings(
        self, info: Info[Context], first: First = 100, after: After = UNSET
    ) -> Connection[Booking] | None:
        return await BOOKINGS.of(info, self, first=first, after=after)

    @classmethod
    def of(cls, link: Link, url: str) -> Self:
        state = link.state
        subs = state.participants if isinstance(state, Completed) else None
        return cls(
            id=ID(link.scheduling_id),
            real_time_scheduling_id=ID(link.scheduling_id),
            url=url,
            status=state.status,
            event=ScheduledEvent.of(link),
            participants=[Participant(sub=ID(sub)) for sub in subs] if subs is not None else None,
            booking_status=state.booking.status if isinstance(state, Completed) and state.booking is not None else None,
            display_message=state.display_message if isinstance(state, Disabled) else None,
            link=link,
        )


@strawberry.type(description="The result of creating or disabling a link.")
class RealTimeSchedulingPayload:
    real_time_scheduling: RealTimeScheduling = field(description="The link after the change.")

    @classmethod
    def of(cls, link: Link, url: str) -> Self:
        return cls(real_time_scheduling=RealTimeScheduling.of(link, url))
