"""GraphQL types for bookings after they were made."""

from typing import Annotated, Any, Self

import strawberry
from strawberry import ID, UNSET, Info, Private, argument, field

from core import booking_life
from core.booking_life import BookingActor, BookingStatus
from resolvers.context import Context

from .events import Event
from .nodes import Batch, Node, of_type
from .optional import or_default, or_none
from .participants import Participant
from .scalars import DateTime

BookingsFrom = Annotated[
    DateTime | None, argument(name="from", description="Only bookings that end after this instant.")
]
BookingsTo = Annotated[DateTime | None, argument(description="Only bookings that start before this instant.")]

EVENTS = Batch()
LINK = Batch()


@strawberry.input(description="A value that is stored with a booking, and comes back with it.")
class MetadatumInput:
    key: str = field(description="Your own name for the value, at most 40 characters, unique within the booking.")
    value: str = field(description="The value, at most 500 characters.")

    def to_core(self) -> booking_life.Label:
        return booking_life.Label(self.key, self.value)


@strawberry.input(description="A visitor's answer to a question.")
class AnswerInput:
    question_id: ID = field(description="Your own id for the question, at most 255 characters.")
    text: str = field(description="The answer, at most 4096 characters.")

    def to_core(self) -> booking_life.Answer:
        return booking_life.Answer(self.question_id, self.text)


@strawberry.input(description="The person that a booking is for, who has no account.")
class VisitorInput:
    name: str | None = field(default=UNSET, description="The person's name, at most 255 characters.")
    email: str | None = field(default=UNSET, description="The person's email address, at most 255 characters.")
    tzid: str | None = field(default=UNSET, description="The person's IANA time zone.")
    answers: list[AnswerInput] | None = field(
        default=UNSET, description="The person's answers to your questions: at most 50."
    )

    def to_core(self) -> booking_life.Visitor:
        answers = [answer.to_core() for answer in or_default(self.answers, [])]
        return booking_life.Visitor(or_none(self.name), or_none(self.email), or_none(self.tzid), answers)


@strawberry.type(description="A value that your application has stored with a booking.")
class Metadatum:
    key: str = field(description="Your own name for the value.")
    value: str = field(description="The value.")


@strawberry.type(description="A visitor's answer to a question.")
class Answer:
    question_id: ID = field(description="Your own id for the question.")
    text: str = field(description="The answer.")


@strawberry.type(description="The person that a booking is for, who has no account.")
class Visitor:
    name: str | None = field(description="The person's name.")
    email: str | None = field(description="The person's email address.")
    tzid: str | None = field(description="The person's IANA time zone.")
    answers: list[Answer] = field(description="The person's answers to your questions.")

    @classmethod
    def of(cls, visitor: booking_life.Visitor) -> Self:
        return cls(
            name=visitor.name,
            email=visitor.email,
            tzid=visitor.tzid,
            answers=[Answer(question_id=ID(each.question_id), text=each.text) for each in visitor.answers],
        )


@strawberry.type(
    description="A meeting that was booked, from the moment on that it is held or booked: its state, and where its events "
    "are now."
)
class Booking(Node):
    booking_id: ID = field(description="The booking's id: `bkg_…`.")
    status: BookingStatus = field(description="The state of the booking.")
    start: DateTime = field(
        description="When the meeting begins: where its events are now. If they are at different times, that of the first "
        "calendar. Once it is cancelled or expired, where they were last."
    )
    end: DateTime = field(description="When the meeting ends.")
    participants: list[Participant] = field(description="Who was booked, in the order of the query.")
    hold_expires_at: DateTime | None = field(description="When the hold ends, or has ended; null once it is confirmed.")
    cancel_reason: str | None = field(description="The reason that was given for cancelling.")
    cancelled_by: BookingActor | None = field(description="Who has cancelled the booking; null unless it is cancelled.")
    created: DateTime = field(description="When the booking was made.")
    updated: DateTime = field(description="When its state or its time last changed.")
    sequence_id: ID | None = field(description="The same for all bookings of one sequence; null for other bookings.")
    metadata: list[Metadatum] = field(description="What your application has stored with the booking.")
    visitor: Visitor | None = field(description="The person that the booking is for, if it was given.")
    booking: Private[booking_life.Booking]

    @field(
        description="Its events that are there now, in the order of the calendars that they were written to. None once it "
        "is cancelled or expired.",
        metadata=EVENTS.metadata,
    )
    async def events(self, info: Info[Context]) -> list[Event]:
        return await EVENTS.of(info, self)

    @field(
        description="The booking link that it was made with; null if there is none, or none any more.",
        graphql_type=of_type("RealTimeScheduling", "schema.real_time_scheduling") | None,
        metadata=LINK.metadata,
    )
    async def real_time_scheduling(self, info: Info[Context]) -> Any:
        return await LINK.of(info, self)

    @classmethod
    def of(cls, booking: booking_life.Booking) -> Self:
        return cls(
            id=ID(booking.booking_id),
            booking_id=ID(booking.booking_id),
            status=booking.status,
            start=booking.start,
            end=booking.end,
            participants=[Participant(sub=ID(sub)) for sub in booking.participants],
            hold_expires_at=booking.hold_expires_at,
            cancel_reason=booking.cancel_reason,
            cancelled_by=booking.cancelled_by,
            created=booking.created,
            updated=booking.updated,
            sequence_id=ID(booking.sequence_id) if booking.sequence_id is not None else None,
            metadata=[Metadatum(key=label.key, value=label.value) for label in booking.labels],
            visitor=Visitor.of(booking.visitor) if booking.visitor is not None else None,
            booking=booking,
        )
