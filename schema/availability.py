"""An availability query, in and out."""

from collections.abc import Sequence
from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.durations import NO_BUFFER, NO_TIME, Buffer, Duration
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Opening

from .enums import ResponseFormat
from .optional import or_default, or_none
from .scalars import DateTime, Required


@strawberry.input(description="A length of time: hours, minutes or both.")
class DurationInput:
    hours: int | None = field(default=UNSET, description="Hours, not negative.")
    minutes: int | None = field(default=UNSET, description="Minutes, not negative; less than 60 when hours are given.")

    def to_core(self) -> Duration:
        return Duration(or_none(self.hours), or_none(self.minutes))


@strawberry.input(description="A stretch of time: its start belongs to it, its end does not.")
class PeriodInput:
    start: DateTime = field(description="When it begins, in the future.")
    end: DateTime = field(description="When it is over: one minute to 35 days later.")

    def to_core(self) -> Period:
        return Period(self.start, self.end)


@strawberry.input(description="A start to ask about.")
class SlotStartInput:
    start: DateTime = field(description="When the meeting would begin, in the future.")


@strawberry.input(
    description="The least free time around a meeting. It keeps away from events, not from the edge of a period."
)
class BufferInput:
    before: DurationInput | None = field(default=UNSET, description="Free time before the meeting.")
    after: DurationInput | None = field(default=UNSET, description="Free time after the meeting.")

    def to_core(self) -> Buffer:
        before, after = or_none(self.before), or_none(self.after)
        return Buffer(before.to_core() if before else NO_TIME, after.to_core() if after else NO_TIME)


@strawberry.input(description="One account in a group, with what counts for it in this query only.")
class MemberInput:
    sub: ID = field(description="The account's sub: `apc_…`, `acc_…` or `res_…`.")
    available_periods: list[PeriodInput] | None = field(
        default=UNSET, description="When the member is available at all, 1 to 50 periods; left out: always."
    )
    calendar_ids: list[ID] | None = field(
        default=UNSET,
        description="Whose events block; left out: all of the account's calendars, or with managedAvailability those of "
        "its rules; "
        "empty: none.",
    )
    buffer: BufferInput | None = field(default=UNSET, description="Replaces the query's buffer whole.")
    managed_availability: bool | None = field(
        default=False, description="Whether the account's availability rules and stored available periods count."
    )
    availability_rule_ids: list[ID] | None = field(
        default=UNSET, description="Which of its rules count then; left out or null: all of them; empty: none."
    )
    ignore_tentative: bool | None = field(default=False, description="Whether tentative events do not block.")

    def to_core(self) -> Member:
        buffer = or_none(self.buffer)
        return Member(
            sub=self.sub,
            available_periods=_periods(or_none(self.available_periods)),
            calendar_ids=or_none(self.calendar_ids),
            buffer=buffer.to_core() if buffer is not None else None,
            ignore_tentative=or_default(self.ignore_tentative, False),
            managed_availability=or_default(self.managed_availability, False),
            availability_rule_ids=or_none(self.availability_rule_ids),
        )


@strawberry.input(description="Members, and how many of them have to stay from start to end.")
class ParticipantGroupInput:
    members: list[MemberInput] = field(description="At least one, each sub once.")
    required: Required = field(description='`"all"`, or how many of them, at least 1.')

    def to_core(self) -> Group:
        return Group([member.to_core() for member in self.members], self.required)


@strawberry.input(
    description="When can these groups meet? Exactly one of availablePeriods, its newer name queryPeriods, and querySlots."
)
class AvailabilityInput:
    participants: list[ParticipantGroupInput] = field(
        description="The groups, each of which has to be satisfied; at most 10 accounts in all."
    )
    required_duration: DurationInput = field(description="How long the meeting is, at least one minute.")
    available_periods: list[PeriodInput] | None = field(default=UNSET, description="Where to look: 1 to 50 periods.")
    query_periods: list[PeriodInput] | None = field(
        default=UNSET, description="Where to look: 1 to 50 periods. The newer name of availablePeriods."
    )
    query_slots: list[SlotStartInput] | None = field(
        default=UNSET, description="The starts to look at: 1 to 50. The answer is those that are possible, as slots."
    )
    buffer: BufferInput | None = field(default=UNSET, description="For every member without a buffer of its own.")
    start_interval: DurationInput | None = field(
        default=UNSET,
        description="Starts fall on multiples of 5, 10, 15, 30 or 60 minutes of the UTC clock; left out: anywhere.",
    )
    response_format: ResponseFormat | None = field(
        default=ResponseFormat.PERIODS, description="What the answer is made of."
    )
    max_results: int | None = field(default=20, description="How many results at most, the soonest first: 1 to 200.")

    def to_core(self) -> AvailabilityQuery:
        slots = or_none(self.query_slots)
        buffer = or_none(self.buffer)
        interval = or_none(self.start_interval)
        return AvailabilityQuery(
            participants=[group.to_core() for group in self.participants],
            required_duration=self.required_duration.to_core(),
            available_periods=_periods(or_none(self.available_periods)),
            query_periods=_periods(or_none(self.query_periods)),
            query_slots=[slot.start for slot in slots] if slots is not None else None,
            buffer=buffer.to_core() if buffer is not None else NO_BUFFER,
            start_interval=interval.to_core() if interval is not None else None,
            response_format=or_default(self.response_format, ResponseFormat.PERIODS),
            max_results=or_default(self.max_results, 20),
        )


def _periods(periods: Sequence[PeriodInput] | None) -> list[Period] | None:
    return [period.to_core() for period in periods] if periods is not None else None


@strawberry.type(description="Somebody who is free.")
class Participant:
    sub: ID = field(description="The account's sub.")


@strawberry.type(description="A stretch of time, and everybody who is free for the whole of it.")
class AvailableTime:
    start: DateTime = field(description="When it begins.")
    end: DateTime = field(description="When it is over.")
    participants: list[Participant] = field(
        description="All members who are free throughout, not only as many as are required, in the order of the query."
    )


@strawberry.type(description="When they can meet, soonest first. An empty list: at no time.")
class Availability:
    available_periods: list[AvailableTime] | None = field(
        description="The answer as periods; null unless the response format is PERIODS."
    )
    available_slots: list[AvailableTime] | None = field(
        description="The answer as slots; null unless the response format is SLOTS or OVERLAPPING_SLOTS, or querySlots was given."
    )

    @classmethod
    def of(cls, query: AvailabilityQuery, openings: Sequence[Opening]) -> Self:
        times = available_times(openings)
        if query.query_slots is None and query.response_format is ResponseFormat.PERIODS:
            return cls(available_periods=times, available_slots=None)
        return cls(available_periods=None, available_slots=times)


def available_times(openings: Sequence[Opening]) -> list[AvailableTime]:
    """The openings as a client sees them. The same people in slot after slot are one and the same list."""
    made: dict[tuple[str, ...], list[Participant]] = {}
    people: list[Participant] = []
    present: tuple[str, ...] | None = None
    times: list[AvailableTime] = []
    for start, end, subs in openings:
        if subs is not present:
            present = subs
            people = made.get(subs) or made.setdefault(subs, [Participant(sub=ID(sub)) for sub in subs])
        times.append(AvailableTime(start=start, end=end, participants=people))
    return times
