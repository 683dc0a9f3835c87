"""GraphQL types for booking a sequence."""

from typing import Annotated, TypeAlias

import strawberry
from strawberry import ID, UNSET, field

from core import member_statuses as core_statuses
from core import sequence_bookings
from core.bookings import Assignment
from core.sequence_bookings import SequenceRequest, SequenceStart

from .booking_life import Booking
from .bookings import BookedEventInput, TargetCalendarInput
from .member_statuses import CalendarNotKnown
from .optional import or_default, or_none
from .scalars import DateTime
from .sequenced_availability import AvailableSequence, SequencedAvailability, SequencedAvailabilityInput


@strawberry.input(description="The chosen start of a step, and the event that is written for it.")
class SequenceStartInput:
    sequence_id: ID = field(description="The step.")
    start: DateTime = field(description="When it begins, in the future.")
    event: BookedEventInput = field(description="The event of this step. Every step needs an eventId of its own.")
    target_calendars: list[TargetCalendarInput] | None = field(
        default=UNSET, description="The calendars to write to. For members not listed, it is their primary calendar."
    )
    assignment: Assignment | None = field(
        default=Assignment.REQUEST_ORDER, description="Whom to book from a group that does not need all of its members."
    )

    def to_core(self) -> SequenceStart:
        return SequenceStart(
            sequence_id=self.sequence_id,
            start=self.start,
            event=self.event.to_core(),
            target_calendars=[target.to_core() for target in or_default(self.target_calendars, [])],
            assignment=or_default(self.assignment, Assignment.REQUEST_ORDER),
        )


@strawberry.input(description="Books a sequence of a sequenced availability query if it is still possible.")
class BookSequenceInput:
    sequenced_availability: SequencedAvailabilityInput = field(
        description="The query. Its periods may have begun already. Its maxResults is ignored."
    )
    starts: list[SequenceStartInput] = field(
        description="A start for each step: any sequence that the query allows, whether it was listed or not."
    )
    idempotency_key: str | None = field(
        default=UNSET,
        description="A key of your own, at most 255 characters. Repeating the request with it returns the same answer "
        "and books once.",
    )

    def to_core(self) -> SequenceRequest:
        return SequenceRequest(
            self.sequenced_availability.to_core(),
            [start.to_core() for start in self.starts],
            or_none(self.idempotency_key),
        )


@strawberry.type(description="Every step was booked on the calendars of all of its participants.")
class BookedSequence:
    bookings: list[Booking] = field(description="A booking for each step, in the order of `starts`.")


@strawberry.type(description="The sequence is not possible, or no longer possible. Nothing was written.")
class SequenceTaken:
    next_sequences: list[AvailableSequence] = field(
        description="Up to three possible sequences of the query, soonest first."
    )


BookSequenceResult: TypeAlias = Annotated[
    BookedSequence | SequenceTaken | CalendarNotKnown,
    strawberry.union(
        "BookSequenceResult",
        description="The bookings, or other sequences if these starts are not possible, or that it cannot be known whether "
        "they are.",
    ),
]


def book_sequence_result(
    answer: sequence_bookings.BookedSequence | sequence_bookings.SequenceTaken | core_statuses.CalendarNotKnown,
) -> BookedSequence | SequenceTaken | CalendarNotKnown:
    match answer:
        case sequence_bookings.BookedSequence():
            return BookedSequence(bookings=[Booking.of(booking) for booking in answer.bookings])
        case sequence_bookings.SequenceTaken():
            return SequenceTaken(next_sequences=SequencedAvailability.of(answer.next_sequences).sequences)
        case core_statuses.CalendarNotKnown():
            return CalendarNotKnown.of(answer)
