"""GraphQL types for booking a slot."""

from dataclasses import replace
from typing import Annotated, Self, TypeAlias

import strawberry
from strawberry import ID, UNSET, field

from core import bookings
from core import member_statuses as core_statuses
from core.booking_life import USUAL_HOLD
from core.bookings import Assignment, BookingRequest
from core.events import EventDraft
from core.instants import Unreadable
from resolvers.booking_moves import Move

from .availability import AvailabilityInput, DurationInput
from .booking_life import Booking, MetadatumInput, VisitorInput
from .events import Event, LocationInput
from .explanation import Explanation
from .member_statuses import CalendarNotKnown
from .optional import or_default, or_none
from .participants import AvailableTime, Participant, available_times
from .scalars import DateTime

#: placeholder for the times of an event until its start has been checked
_NO_TIME = Unreadable("is not known yet")


@strawberry.input(description="The event of a booking. Its times are those of the booked slot.")
class BookedEventInput:
    event_id: ID = field(
        description="Your own id for the event, at most 255 characters. Every calendar of the booking gets the same id."
    )
    summary: str = field(description="The title of the event, at most 1024 characters.")
    description: str | None = field(default=UNSET, description="Further details, at most 4096 characters.")
    tzid: str | None = field(default="Etc/UTC", description="The IANA time zone of the event.")
    location: LocationInput | None = field(default=UNSET, description="Where the event takes place.")
    url: str | None = field(default=UNSET, description="A page about the event, at most 2048 characters.")

    def to_core(self) -> EventDraft:
        location = or_none(self.location)
        return EventDraft(
            event_id=self.event_id,
            summary=self.summary,
            start=_NO_TIME,
            end=_NO_TIME,
            description=or_default(self.description, ""),
            tzid=or_default(self.tzid, "Etc/UTC"),
            location=location.to_core() if location is not None else None,
            url=or_none(self.url),
        )


@strawberry.input(description="A calendar that a member's event is written to.")
class TargetCalendarInput:
    sub: ID = field(description="The member's sub.")
    calendar_id: ID = field(description="One of the member's calendars. It must be one that blocks in the query.")

    def to_core(self) -> bookings.TargetCalendar:
        return bookings.TargetCalendar(self.sub, self.calendar_id)


@strawberry.input(description="Books a start of an availability query if it is still possible.")
class BookSlotInput:
    availability: AvailabilityInput = field(
        description="The query. Its periods may have begun already. Its responseFormat and maxResults are ignored."
    )
    start: DateTime = field(
        description="The chosen start, in the future: within the query's periods and on its startInterval, or one of "
        "its querySlots."
    )
    event: BookedEventInput = field(description="The event that is written to the participants' calendars.")
    target_calendars: list[TargetCalendarInput] | None = field(
        default=UNSET, description="The calendars to write to. For members not listed, it is their primary calendar."
    )
    assignment: Assignment | None = field(
        default=Assignment.REQUEST_ORDER, description="Whom to book from a group that does not need all of its members."
    )
    idempotency_key: str | None = field(
        default=UNSET,
        description="A key of your own, at most 255 characters. Repeating the request with it returns the same answer "
        "and books once.",
    )

    visitor: VisitorInput | None = field(default=UNSET, description="The person that the booking is for.")
    metadata: list[MetadatumInput] | None = field(
        default=UNSET, description="Up to 20 values of your own that are stored with the booking."
    )

    def to_core(self) -> BookingRequest:
        visitor = or_none(self.visitor)
        return BookingRequest(
            query=self.availability.to_core(),
            start=self.start,
            event=self.event.to_core(),
            target_calendars=[target.to_core() for target in or_default(self.target_calendars, [])],
            assignment=or_default(self.assignment, Assignment.REQUEST_ORDER),
            idempotency_key=or_none(self.idempotency_key),
            visitor=visitor.to_core() if visitor is not None else None,
            labels=tuple(each.to_core() for each in or_default(self.metadata, [])),
        )


@strawberry.input(description="Holds a start of an availability query for a while if it is still possible.")
class HoldSlotInput(BookSlotInput):
    hold_for: DurationInput | None = field(
        default=UNSET, description="How long it is held: 1 to 60 minutes. If omitted: 10 minutes."
    )

    def to_core(self) -> BookingRequest:
        hold_for = or_none(self.hold_for)
        held = hold_for.to_core() if hold_for is not None else USUAL_HOLD
        return replace(super().to_core(), hold_for=held)


@strawberry.input(description="Confirms a hold.")
class ConfirmBookingInput:
    booking_id: ID = field(description="The booking's id.")
    idempotency_key: str | None = field(
        default=UNSET, description="A key of your own. Repeating the request with it returns the same answer."
    )


@strawberry.input(description="Moves a booking to another time.")
class RescheduleBookingInput:
    booking_id: ID = field(description="The booking's id.")
    start: DateTime = field(description="The new start, in the future and on the grid of the booking's query.")
    expected_start: DateTime | None = field(
        default=UNSET, description="Where the booking must be now. If it has been moved since, the request is refused."
    )
    availability: AvailabilityInput | None = field(
        default=UNSET,
        description="A query in place of the one that it was booked by, for this move and later ones. If omitted, its own, "
        "in which the periods or slots do not limit the new start.",
    )
    idempotency_key: str | None = field(
        default=UNSET, description="A key of your own. Repeating the request with it returns the same answer."
    )

    def to_core(self) -> Move:
        availability = or_none(self.availability)
        return Move(
            booking_id=self.booking_id,
            start=self.start,
            expected_start=or_none(self.expected_start),
            query=availability.to_core() if availability is not None else None,
            idempotency_key=or_none(self.idempotency_key),
        )


@strawberry.input(description="Cancels a booking.")
class CancelBookingInput:
    booking_id: ID = field(description="The booking's id.")
    reason: str | None = field(default=UNSET, description="Why, at most 500 characters.")


@strawberry.type(description="The result of cancelBooking.")
class CancelBookingPayload:
    booking: Booking = field(description="The booking after the change.")


@strawberry.type(description="The slot was booked on the calendars of all participants.")
class Booked:
    start: DateTime = field(description="When the meeting begins.")
    end: DateTime = field(description="When the meeting ends.")
    participants: list[Participant] = field(
        description="Who was booked, in the order of the query: from each group, as many as are required."
    )
    events: list[Event] = field(description="Their events, in the same order.")
    booking: Booking = field(description="The booking.")

    @classmethod
    def of(cls, booked: bookings.Booked) -> Self:
        booking = Booking.of(booked.booking)
        return cls(
            start=booking.start,
            end=booking.end,
            participants=booking.participants,
            events=[Event.of(event) for event in booked.events],
            booking=booking,
        )


@strawberry.type(description="The start is not possible, or no longer possible. Nothing was written.")
class SlotTaken:
    next_slots: list[AvailableTime] = field(
        description="Up to three possible slots of the query, soonest first: the next ones, else earlier ones."
    )
    explanation: Explanation | None = field(
        description="Why the chosen start is not possible: of the query with this start as its only querySlot. Null in an "
        "answer that is repeated for an idempotencyKey."
    )

    @classmethod
    def of(cls, taken: bookings.SlotTaken) -> Self:
        explained = Explanation.of(taken.explanation) if taken.explanation is not None else None
        return cls(next_slots=available_times(taken.next_slots), explanation=explained)


BookSlotResult: TypeAlias = Annotated[
    Booked | SlotTaken | CalendarNotKnown,
    strawberry.union(
        "BookSlotResult",
        description="The booking, or other slots if the start is not possible, or that it cannot be known whether it is.",
    ),
]


def book_slot_result(
    answer: bookings.Booked | bookings.SlotTaken | core_statuses.CalendarNotKnown,
) -> Booked | SlotTaken | CalendarNotKnown:
    match answer:
        case bookings.Booked():
            return Booked.of(answer)
        case bookings.SlotTaken():
            return SlotTaken.of(answer)
        case core_statuses.CalendarNotKnown():
            return CalendarNotKnown.of(answer)
