"""Real-time scheduling: what a link offers, and what became of it."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core import real_time_scheduling
from core.bookings import EventCreation
from core.durations import NO_TIME
from core.real_time_scheduling import Completed, Disabled, HourFormat, Link, SchedulingRequest, Status

from .availability import AvailabilityInput, DurationInput, Participant
from .bookings import BookedEventInput, TargetCalendarInput
from .optional import or_default, or_none
from .scalars import DateTime


@strawberry.input(description="Where your application is told what happens, by a signed POST.")
class CallbackUrlsInput:
    completed_url: str | None = field(default=UNSET, description="That a slot was booked.")
    no_times_suitable_url: str | None = field(
        default=UNSET, description="That a visitor finds no time that suits. With it the page has a button to say so."
    )
    no_times_displayed_url: str | None = field(
        default=UNSET, description="That a visitor came, and there was no time to show."
    )

    def to_core(self) -> real_time_scheduling.CallbackUrls:
        return real_time_scheduling.CallbackUrls(
            or_none(self.completed_url), or_none(self.no_times_suitable_url), or_none(self.no_times_displayed_url)
        )


@strawberry.input(description="Where a visitor goes.")
class RedirectUrlsInput:
    completed_url: str | None = field(
        default=UNSET, description="When a slot is booked; the link's token is added to it, as `token`."
    )

    def to_core(self) -> real_time_scheduling.RedirectUrls:
        return real_time_scheduling.RedirectUrls(or_none(self.completed_url))


@strawberry.input(description="A link by which somebody without an account may book one slot, once.")
class RealTimeSchedulingInput:
    event: BookedEventInput = field(
        description="What is written to the calendars of those who meet, and what the visitor reads."
    )
    availability: AvailabilityInput = field(
        description="The query. With the response format SLOTS its slots are offered, else every start on its "
        "startInterval; maxResults does not matter."
    )
    target_calendars: list[TargetCalendarInput] | None = field(
        default=UNSET, description="Where the event goes; for members that are not named, to their primary calendar."
    )
    minimum_notice: DurationInput | None = field(
        default=UNSET, description="How long before its start a slot has to be booked; left out: until it begins."
    )
    callback_urls: CallbackUrlsInput | None = field(
        default=UNSET, description="Where your application is told what happens."
    )
    redirect_urls: RedirectUrlsInput | None = field(
        default=UNSET, description="Where a visitor goes; left out: it stays on the page."
    )
    event_creation: EventCreation | None = field(
        default=EventCreation.DEFAULT, description="What is written to the calendars of those who meet."
    )
    hour_format: HourFormat | None = field(
        default=UNSET, description="How the page writes times; left out: as the visitor's language does."
    )
    tzid: str | None = field(
        default=UNSET,
        description="The IANA time zone that the page shows until the visitor's own is known; left out: the event's.",
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


@strawberry.input(description="Takes a link back.")
class DisableRealTimeSchedulingInput:
    real_time_scheduling_id: ID = field(description="Which link.")
    display_message: str = field(
        description="What visitors read from now on, at most 500 characters: plain text, with its line breaks."
    )


@strawberry.type(description="The event of a link.")
class ScheduledEvent:
    event_id: ID = field(description="Your own id for it.")
    summary: str = field(description="What it is.")
    description: str | None = field(description="More about it.")
    tzid: str = field(description="The IANA time zone of the event.")
    start: DateTime | None = field(description="When it begins; null until the link is completed.")
    end: DateTime | None = field(description="When it is over; null until the link is completed.")

    @classmethod
    def of(cls, link: Link) -> Self:
        event, state = link.request.event, link.state
        booked = state if isinstance(state, Completed) else None
        return cls(
            event_id=ID(event.event_id),
            summary=event.summary,
            description=event.description or None,
            tzid=event.tzid,
            start=booked.start if booked is not None else None,
            end=booked.end if booked is not None else None,
        )


@strawberry.type(description="A link by which somebody without an account may book one slot, once.")
class RealTimeScheduling:
    real_time_scheduling_id: ID = field(description="The link's id: `sch_…`.")
    url: str = field(description="The link. Whoever has it may book; its last part is the token.")
    status: Status = field(description="What has become of it.")
    event: ScheduledEvent = field(description="What is booked by it.")
    participants: list[Participant] | None = field(description="Who meets; null until it is completed.")
    display_message: str | None = field(description="What visitors read; null unless it is disabled.")

    @classmethod
    def of(cls, link: Link, url: str) -> Self:
        state = link.state
        subs = state.participants if isinstance(state, Completed) else None
        return cls(
            real_time_scheduling_id=ID(link.scheduling_id),
            url=url,
            status=state.status,
            event=ScheduledEvent.of(link),
            participants=[Participant(sub=ID(sub)) for sub in subs] if subs is not None else None,
            display_message=state.display_message if isinstance(state, Disabled) else None,
        )


@strawberry.type(description="A link that was made or changed.")
class RealTimeSchedulingPayload:
    real_time_scheduling: RealTimeScheduling = field(description="The link as it is now.")

    @classmethod
    def of(cls, link: Link, url: str) -> Self:
        return cls(real_time_scheduling=RealTimeScheduling.of(link, url))
