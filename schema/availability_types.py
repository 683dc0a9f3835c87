"""Output types of an availability query, each made of a core value by `of`."""

from collections.abc import Sequence
from typing import Self

import strawberry
from strawberry import ID, field

from core.query import AvailabilityQuery, ResponseFormat
from core.solver import Opening

from .scalars import DateTime


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
