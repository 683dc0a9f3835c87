"""GraphQL types for availability queries and their results."""

from collections.abc import Sequence
from typing import Self, cast

import strawberry
from strawberry import ID, UNSET, field

from core.availability_constraints import AvailabilityConstraint
from core.durations import NO_BUFFER, NO_TIME, Buffer, Duration
from core.excluded_events import ExcludedEvent
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Opening
from resolvers.availability import Answer

from .enums import ConstraintPeriod, ResponseFormat
from .explanation import Explanation
from .member_statuses import MemberStatus, member_statuses
from .optional import or_default, or_none
from .participants import AvailableTime, available_times
from .scalars import DateTime, Required


@strawberry.input(description="A length of time: hours, minutes or both.")
class DurationInput:
    hours: int | None = field(default=UNSET, description="Hours, at least 0.")
    minutes: int | None = field(default=UNSET, description="Minutes, at least 0, and less than 60 if hours are given.")

    def to_core(self) -> Duration:
        return Duration(or_none(self.hours), or_none(self.minutes))


@strawberry.input(description="A period of time. It includes its start but not its end.")
class PeriodInput:
    start: DateTime = field(description="When the period begins. Must be in the future.")
    end: DateTime = field(description="When the period ends: one minute to 35 days after its start.")

    def to_core(self) -> Period:
        return Period(self.start, self.end)


@strawberry.input(description="A start to check.")
class SlotStartInput:
    start: DateTime = field(description="When the meeting would begin. Must be in the future.")


@strawberry.input(
    description="The minimum free time around a meeting. It keeps distance to events, not to the edges of a period."
)
class BufferInput:
    before: DurationInput | None = field(default=UNSET, description="Free time before the meeting.")
    after: DurationInput | None = field(default=UNSET, description="Free time after the meeting.")

    def to_core(self) -> Buffer:
        before, after = or_none(self.before), or_none(self.after)
        return Buffer(before.to_core() if before else NO_TIME, after.to_core() if after else NO_TIME)


@strawberry.input(
    description="An event that does not block in this query. Give exactly one of the two; one that is unknown is no error."
)
class ExcludedEventInput:
    event_id: ID | None = field(
        default=UNSET, description="Your own id for the event, on any calendar of a member of the query."
    )
    event_uid: ID | None = field(default=UNSET, description="The event's uid.")

    def to_core(self) -> ExcludedEvent:
        return ExcludedEvent(or_none(self.event_id), or_none(self.event_uid))


@strawberry.input(
    description="At most so many bookings of a member, confirmed or held, in each local day, week or month. Where there are "
    "so many, the member is not free. A booking counts in every period that it lies in, wholly or partly."
)
class AvailabilityConstraintInput:
    limit: int = field(description="The number of bookings, 1 to 10000.")
    period: ConstraintPeriod = field(description="The period in which they are counted.")
    tzid: str | None = field(
        default=UNSET, description="The IANA time zone of the days. If omitted: that of the account."
    )

    def to_core(self) -> AvailabilityConstraint:
        return AvailabilityConstraint(self.limit, self.period, or_none(self.tzid))


@strawberry.input(description="An account in a group, with settings that apply to this query only.")
class MemberInput:
    sub: ID = field(description="The account's sub: `apc_…`, `acc_…` or `res_…`.")
    available_periods: list[PeriodInput] | None = field(
        default=UNSET, description="When the member is available: 1 to 50 periods. If omitted: always."
    )
    calendar_ids: list[ID] | None = field(
        default=UNSET,
        description="The calendars whose events block. If omitted: all calendars of the account, or with "
        "managedAvailability those of its rules. If empty: none.",
    )
    buffer: BufferInput | None = field(default=UNSET, description="Replaces the query's buffer, both before and after.")
    managed_availability: bool | None = field(
        default=False, description="Whether to apply the account's availability rules and stored available periods."
    )
    availability_rule_ids: list[ID] | None = field(
        default=UNSET, description="Which of these rules to apply. If omitted or null: all. If empty: none."
    )
    ignore_tentative: bool | None = field(
        default=False, description="Whether to ignore tentative events, so that they do not block."
    )
    availability_constraints: list[AvailabilityConstraintInput] | None = field(
        default=UNSET, description="Limits of bookings by day, week or month: at most 10."
    )
    weight: int | None = field(
        default=UNSET,
        description="How many bookings the member takes beside another one's, 1 to 1000, where those with the "
        "FEWEST_BOOKINGS are booked. If omitted: 1.",
    )

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
            availability_constraints=[each.to_core() for each in or_none(self.availability_constraints) or ()],
            weight=or_default(self.weight, 1),
        )


@strawberry.input(description="Members, and how many of them must be free for the whole meeting.")
class ParticipantGroupInput:
    members: list[MemberInput] = field(description="The members: at least one, each sub only once.")
    required: Required = field(description='`"all"`, or the number of members required, at least 1.')

    def to_core(self) -> Group:
        return Group([member.to_core() for member in self.members], self.required)


@strawberry.input(
    description="When can these groups meet? Give exactly one of queryPeriods, availablePeriods (its older name) "
    "and querySlots."
)
class AvailabilityInput:
    participants: list[ParticipantGroupInput] = field(
        description="The groups. All of them must be satisfied. At most 10 accounts in total."
    )
    required_duration: DurationInput = field(description="The length of the meeting, at least one minute.")
    available_periods: list[PeriodInput] | None = field(default=UNSET, description="The periods to search: 1 to 50.")
    query_periods: list[PeriodInput] | None = field(
        default=UNSET, description="The periods to search: 1 to 50. The newer name of availablePeriods."
    )
    query_slots: list[SlotStartInput] | None = field(
        default=UNSET, description="The starts to check: 1 to 50. Those that are possible are returned as slots."
    )
    buffer: BufferInput | None = field(
        default=UNSET, description="The buffer of every member that has none of its own."
    )
    start_interval: DurationInput | None = field(
        default=UNSET,
        description="Starts fall on multiples of 5, 10, 15, 30 or 60 minutes of the UTC clock, or with "
        "startIntervalTzid of any number of minutes that divides a day. If omitted: any time.",
    )
    start_interval_tzid: str | None = field(
        default=UNSET,
        description="The IANA time zone on whose clock starts fall, counted from each local midnight. If omitted: UTC.",
    )
    start_offset: DurationInput | None = field(
        default=UNSET,
        description="Added to the grid of starts: 15 minutes with an interval of an hour is a quarter past. Less than "
        "the interval.",
    )
    excluded_events: list[ExcludedEventInput] | None = field(
        default=UNSET,
        description="Events that do not block in this query, such as those of a meeting that is to be moved: at most "
        "50. Not allowed for what is to be booked.",
    )
    response_format: ResponseFormat | None = field(
        default=ResponseFormat.PERIODS, description="The format of the results."
    )
    max_results: int | None = field(
        default=20, description="The maximum number of results, 1 to 512. The soonest are returned."
    )

    def to_core(self) -> AvailabilityQuery:
        slots = or_none(self.query_slots)
        buffer = or_none(self.buffer)
        interval, offset = or_none(self.start_interval), or_none(self.start_offset)
        return AvailabilityQuery(
            participants=[group.to_core() for group in self.participants],
            required_duration=self.required_duration.to_core(),
            available_periods=_periods(or_none(self.available_periods)),
            query_periods=_periods(or_none(self.query_periods)),
            query_slots=[slot.start for slot in slots] if slots is not None else None,
            buffer=buffer.to_core() if buffer is not None else NO_BUFFER,
            start_interval=interval.to_core() if interval is not None else None,
            start_interval_tzid=or_none(self.start_interval_tzid),
            start_offset=offset.to_core() if offset is not None else None,
            excluded_events=[each.to_core() for each in or_none(self.excluded_events) or ()],
            response_format=or_default(self.response_format, ResponseFormat.PERIODS),
            max_results=or_default(self.max_results, 20),
        )


def _periods(periods: Sequence[PeriodInput] | None) -> list[Period] | None:
    return [period.to_core() for period in periods] if periods is not None else None


@strawberry.type(description="When the groups can meet, soonest first. An empty list means never.")
class Availability:
    available_periods: list[AvailableTime] | None = field(
        description="The results as periods. Null unless the response format is PERIODS and querySlots was omitted."
    )
    available_slots: list[AvailableTime] | None = field(
        description="The results as slots. Null unless the response format is SLOTS or OVERLAPPING_SLOTS, or "
        "querySlots was given."
    )
    explanation: Explanation = field(description="Why the answer is what it is. Worked out only if it is selected.")
    member_statuses: list[MemberStatus] = field(
        description="How far the calendars of each member can be relied on, each sub once, in the order of the request. "
        "Loaded only if it is selected."
    )

    @classmethod
    def of(cls, query: AvailabilityQuery, openings: Sequence[Opening]) -> Self:
        """Makes the answer of its openings. Its details are not selected."""
        return cls.detailed(query, Answer(openings))

    @classmethod
    def detailed(cls, query: AvailabilityQuery, answer: Answer) -> Self:
        """Makes the answer of its openings, and of the details that are selected."""
        times = available_times(answer.openings)
        periods = query.query_slots is None and query.response_format is ResponseFormat.PERIODS
        explained, statuses = answer.explanation, answer.member_statuses
        return cls(
            available_periods=times if periods else None,
            available_slots=None if periods else times,
            explanation=cast("Explanation", Explanation.of(explained) if explained is not None else None),
            member_statuses=member_statuses(statuses) if statuses is not None else [],
        )
