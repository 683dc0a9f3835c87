"""Arguments of the tools: what an assistant reads about them, and their bounds.

Ranges that depend on settings, and what only the database knows, are left to the resolvers.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.accounts import AccountKind
from core.booking_life import REASON_LENGTH, BookingStatus
from core.bookings import BookingRequest
from core.durations import Buffer, Duration
from core.events import EventDraft
from core.instants import Unreadable, read_instant
from core.limits import DESCRIPTION_LENGTH, EXTERNAL_ID_LENGTH, NAME_LENGTH, SUMMARY_LENGTH
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat

#: placeholder for the times of an event until its start has been checked
_NO_TIME = Unreadable("is not known yet")

Sub = Annotated[str, StringConstraints(max_length=EXTERNAL_ID_LENGTH)]
Time = Annotated[str, StringConstraints(max_length=64)]


class Arguments(BaseModel):
    """The arguments of a tool. An unknown one is refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")


class FindAccounts(Arguments):
    search: str = Field("", max_length=NAME_LENGTH, description="A part of the name. If omitted: all accounts.")
    kind: AccountKind | None = Field(None, description="Only people (user), rooms and machines (resource) or others.")
    first: int = Field(20, ge=1, le=100, description="The maximum number of accounts.")
    after: str | None = Field(None, max_length=NAME_LENGTH, description="`next` of the result before, for more.")


class ParticipantGroup(Arguments):
    members: list[Sub] = Field(min_length=1, max_length=100, description="Subs, as find_accounts returns them.")
    required: Literal["all"] | Annotated[int, Field(ge=1)] = Field(
        "all", description='How many of the members must be free: "all", or a number such as 1 for any of some rooms.'
    )


class Availability(Arguments):
    participants: list[ParticipantGroup] = Field(
        min_length=1, max_length=100, description="Groups that all have to be satisfied: the people, one of the rooms."
    )
    minutes: int = Field(ge=1, le=35 * 24 * 60, description="The length of the meeting.")
    start: Time = Field(description="Search from this instant on, with an offset: 2030-05-14T09:00:00+02:00.")
    end: Time = Field(description="Search until this instant, at most 35 days later.")
    start_interval_minutes: int | None = Field(
        None, ge=1, le=1440, description="Starts on the clock: 30 for full and half hours. If omitted: any time."
    )
    buffer_minutes: int = Field(0, ge=0, le=1440, description="Minutes to leave free before and after the meeting.")
    ignore_hours: bool = Field(False, description="True to offer times outside of people's working hours as well.")
    tzid: str = Field("Etc/UTC", max_length=NAME_LENGTH, description="IANA zone of starts and of the picture.")
    max_results: int = Field(20, ge=1, le=100, description="The maximum number of slots.")

    def to_core(self) -> AvailabilityQuery:
        """Makes the query; its answer has slots that do not overlap."""
        interval, buffer = self.start_interval_minutes, Duration(minutes=self.buffer_minutes)
        return AvailabilityQuery(
            [
                Group(
                    [Member(sub, managed_availability=not self.ignore_hours) for sub in group.members], group.required
                )
                for group in self.participants
            ],
            Duration(minutes=self.minutes),
            query_periods=[Period(read_instant(self.start), read_instant(self.end))],
            buffer=Buffer(buffer, buffer),
            start_interval=Duration(minutes=interval) if interval is not None else None,
            start_interval_tzid=self.tzid if interval is not None else None,
            response_format=ResponseFormat.SLOTS,
            max_results=self.max_results,
        )


class Book(Arguments):
    availability: Availability = Field(description="The question that was asked with the tool availability.")
    start: Time = Field(description="One of the starts that it returned.")
    summary: str = Field(max_length=SUMMARY_LENGTH, description="The title of the event.")
    description: str = Field("", max_length=DESCRIPTION_LENGTH, description="Further details.")
    idempotency_key: str = Field(
        min_length=1,
        max_length=EXTERNAL_ID_LENGTH,
        description="A new text for each booking. Calling again with the same one returns the same answer and books once.",
    )

    def to_core(self) -> BookingRequest:
        """Makes the request. Its event has the key as its id."""
        draft = EventDraft(
            self.idempotency_key,
            self.summary,
            _NO_TIME,
            _NO_TIME,
            description=self.description,
            tzid=self.availability.tzid,
        )
        return BookingRequest(
            self.availability.to_core(), read_instant(self.start), draft, idempotency_key=self.idempotency_key
        )


class ListBookings(Arguments):
    status: BookingStatus | None = Field(None, description="Only bookings in this state. If omitted: in any.")
    sub: Sub | None = Field(None, description="Only bookings that this account takes part in.")
    start: Time | None = Field(None, description="Only bookings that end after this instant.")
    end: Time | None = Field(None, description="Only bookings that start before this instant.")
    first: int = Field(20, ge=1, le=100, description="The maximum number of bookings.")
    after: str | None = Field(None, max_length=NAME_LENGTH, description="`next` of the result before, for more.")


class CancelBooking(Arguments):
    booking_id: str = Field(max_length=EXTERNAL_ID_LENGTH, description="As book and list_bookings return it.")
    reason: str | None = Field(None, max_length=REASON_LENGTH, description="Why, for the application.")
