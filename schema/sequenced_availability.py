"""GraphQL types for sequenced availability queries and their results."""

from collections.abc import Sequence
from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.sequenced_availability import ANY_GAP, Gap, SequencedQuery, SequenceStep
from core.sequences import PlacedSequence

from .availability import DurationInput, ExcludedEventInput, ParticipantGroupInput, PeriodInput
from .optional import or_default, or_none
from .participants import Participant
from .scalars import DateTime


@strawberry.input(description="The time between a step and its neighbour.")
class GapInput:
    minimum: DurationInput | None = field(
        default=UNSET, description="The least time. It is also kept free of the members' events."
    )
    maximum: DurationInput | None = field(
        default=UNSET, description="The greatest time to the neighbouring step. If omitted: any."
    )

    def to_core(self) -> Gap:
        minimum, maximum = or_none(self.minimum), or_none(self.maximum)
        return Gap(minimum and minimum.to_core(), maximum and maximum.to_core())


@strawberry.input(
    description="The time around a step. Between two steps both their minimums and both their maximums apply."
)
class SequenceBufferInput:
    before: GapInput | None = field(default=UNSET, description="The time before the step.")
    after: GapInput | None = field(default=UNSET, description="The time after the step.")


@strawberry.input(description="One of the meetings of a sequence.")
class SequenceStepInput:
    sequence_id: ID = field(description="Your own id for the step, which the answer repeats: each only once.")
    ordinal: int | None = field(
        default=UNSET,
        description="Steps with ordinals come in their order, each ordinal only once. A step without one comes "
        "wherever it fits.",
    )
    participants: list[ParticipantGroupInput] = field(
        description="The groups. All of them must be satisfied. At most 10 accounts in each step."
    )
    required_duration: DurationInput = field(description="The length of the meeting, at least one minute.")
    start_interval: DurationInput | None = field(
        default=UNSET, description="The grid of the step's starts, as in AvailabilityInput. If omitted: any time."
    )
    start_interval_tzid: str | None = field(
        default=UNSET, description="The IANA time zone on whose clock the step starts. If omitted: UTC."
    )
    start_offset: DurationInput | None = field(default=UNSET, description="Added to the grid of the step's starts.")
    excluded_events: list[ExcludedEventInput] | None = field(
        default=UNSET, description="Events that do not block in this step, at most 50."
    )
    buffer: SequenceBufferInput | None = field(
        default=UNSET,
        description="The time before and after the step. A member's own buffer replaces the minimums for the member's "
        "events, but not between steps.",
    )
    query_periods: list[PeriodInput] | None = field(
        default=UNSET,
        description="Where the step may lie within the query's periods: 1 to 50. If omitted: anywhere there.",
    )

    def to_core(self) -> SequenceStep:
        interval, offset = or_none(self.start_interval), or_none(self.start_offset)
        buffer, periods = or_none(self.buffer), or_none(self.query_periods)
        before = or_none(buffer.before) if buffer is not None else None
        after = or_none(buffer.after) if buffer is not None else None
        return SequenceStep(
            sequence_id=self.sequence_id,
            participants=[group.to_core() for group in self.participants],
            required_duration=self.required_duration.to_core(),
            ordinal=or_none(self.ordinal),
            before=before.to_core() if before is not None else ANY_GAP,
            after=after.to_core() if after is not None else ANY_GAP,
            start_interval=interval.to_core() if interval is not None else None,
            start_interval_tzid=or_none(self.start_interval_tzid),
            start_offset=offset.to_core() if offset is not None else None,
            excluded_events=[each.to_core() for each in or_none(self.excluded_events) or ()],
            query_periods=[period.to_core() for period in periods] if periods is not None else None,
        )


@strawberry.input(description="When can these meetings take place one after the other?")
class SequencedAvailabilityInput:
    query_periods: list[PeriodInput] = field(description="The periods to search: 1 to 50.")
    sequence: list[SequenceStepInput] = field(
        description="The meetings: 1 to 10, in at most 720 orders, which is that of six without ordinals."
    )
    max_results: int | None = field(
        default=20, description="The maximum number of results, 1 to 512. The soonest are returned."
    )

    def to_core(self) -> SequencedQuery:
        return SequencedQuery(
            [period.to_core() for period in self.query_periods],
            [step.to_core() for step in self.sequence],
            or_default(self.max_results, 20),
        )


@strawberry.type(description="One of the meetings of a sequence, and everyone who is free for all of it.")
class AvailableStep:
    sequence_id: ID = field(description="Your own id for the step.")
    start: DateTime = field(description="When it begins.")
    end: DateTime = field(description="When it ends.")
    participants: list[Participant] = field(
        description="All members who are free for the whole step, even if fewer are required; in request order."
    )


@strawberry.type(description="All meetings, one after the other.")
class AvailableSequence:
    start: DateTime = field(description="When the first meeting begins.")
    end: DateTime = field(description="When the last meeting ends.")
    sequence: list[AvailableStep] = field(description="The meetings, in the order in which they take place.")


@strawberry.type(description="When the meetings can take place, soonest first. An empty list means never.")
class SequencedAvailability:
    sequences: list[AvailableSequence] = field(
        description="For each order of the steps and each start of its first one, the sequence that ends earliest."
    )

    @classmethod
    def of(cls, found: Sequence[PlacedSequence]) -> Self:
        """Converts sequences to GraphQL types. Steps with the same people share one list."""
        people: dict[tuple[str, ...], list[Participant]] = {}
        return cls(
            sequences=[
                AvailableSequence(
                    start=start,
                    end=end,
                    sequence=[
                        AvailableStep(
                            sequence_id=ID(step.sequence_id),
                            start=step.start,
                            end=step.end,
                            participants=people.get(step.participants)
                            or people.setdefault(
                                step.participants, [Participant(sub=ID(sub)) for sub in step.participants]
                            ),
                        )
                        for step in steps
                    ],
                )
                for start, end, steps in found
            ]
        )
