"""GraphQL types for openings: when a meeting is possible, and who is free."""

from collections.abc import Sequence

import strawberry
from strawberry import ID, Info, field

from core.solver import Opening
from resolvers.context import Context

from .accounts import Account
from .nodes import Batch
from .scalars import DateTime

ACCOUNT = Batch()


@strawberry.type(description="An account that can meet, or that was booked.")
class Participant:
    sub: ID = field(description="The account's sub.")

    @field(
        description="The account. Null for a caller who may know no more than the sub: the token of another account.",
        metadata=ACCOUNT.metadata,
    )
    async def account(self, info: Info[Context]) -> Account | None:
        return await ACCOUNT.of(info, self)


@strawberry.type(description="A period or slot, and everyone who is free for all of it.")
class AvailableTime:
    start: DateTime = field(description="When it begins.")
    end: DateTime = field(description="When it ends.")
    participants: list[Participant] = field(
        description="All members who are free for the whole time, even if fewer are required; in request order."
    )


def available_times(openings: Sequence[Opening]) -> list[AvailableTime]:
    """Converts openings to GraphQL types. Openings with the same people share one list."""
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
