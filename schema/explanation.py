"""GraphQL types for explanations: why an answer is what it is."""

from collections.abc import Sequence
from typing import Annotated, Self

import strawberry
from strawberry import ID, Info, Private, argument, field

from core import explanation as core
from core.blocked import Blocked
from core.errors import Key, Unprocessable
from core.events import Event as CoreEvent
from core.relaxations import Relaxation as CoreRelaxation
from resolvers.context import Context
from resolvers.explanation import BLOCKED, EVENTS, MAX_BLOCKED, MAX_EVENTS

from .accounts import Account
from .enums import BlockedReason, RelaxationKind
from .events import Event
from .optional import or_default
from .participants import ACCOUNT, AvailableTime, available_times
from .scalars import DateTime


@strawberry.type(
    description="A span in which a member cannot meet. Spans do not overlap: where several reasons hold, the first in the "
    "order of BlockedReason is told."
)
class BlockedTime:
    start: DateTime = field(description="When it begins.")
    end: DateTime = field(description="When it ends.")
    reason: BlockedReason = field(description="Why the member cannot meet.")
    covering: Private[Sequence[CoreEvent] | None]

    @field(
        description="The events that block the whole span, by their start; none unless the reason is BUSY. Null for a "
        "caller who may not read the member's events."
    )
    def events(
        self, first: Annotated[int | None, argument(description="The maximum number of events, 1 to 100.")] = EVENTS
    ) -> list[Event] | None:
        most = _checked(or_default(first, EVENTS), MAX_EVENTS)
        return [Event.of(event) for event in self.covering[:most]] if self.covering is not None else None

    @classmethod
    def of(cls, member: core.MemberExplanation, blocked: Blocked) -> Self:
        start, end, reason = blocked
        covering = member.events.get((start, end), ()) if member.reads_events else None
        return cls(start=start, end=end, reason=reason, covering=covering)


@strawberry.type(description="The time of one member: one for each place of the request.")
class MemberExplanation:
    sub: ID = field(description="The account's sub.")
    group: int = field(description="The group that the member stands in, counted from 0.")
    explained: Private[core.MemberExplanation]

    @field(
        description="The account. Null for a caller who may know no more than the sub: the token of another account.",
        metadata=ACCOUNT.metadata,
    )
    async def account(self, info: Info[Context]) -> Account | None:
        return await ACCOUNT.of(info, self)

    @field(description="Minutes of the searched time in which the member could meet for the required duration.")
    def free_minutes(self) -> int:
        return self.explained.free_minutes

    @field(
        description="How many more minutes there would be at which a meeting can start, if this member alone were always "
        "free."
    )
    def held_back_minutes(self) -> int:
        return self.explained.held_back_minutes

    @field(
        description="What is not free of the searched time, in time order. Together with the time in which the member "
        "could meet, it is all of the searched time."
    )
    def blocked(
        self, first: Annotated[int | None, argument(description="The maximum number of spans, 1 to 1000.")] = BLOCKED
    ) -> list[BlockedTime]:
        most = _checked(or_default(first, BLOCKED), MAX_BLOCKED)
        return [BlockedTime.of(self.explained, each) for each in self.explained.blocked(most)]

    @classmethod
    def of(cls, member: core.MemberExplanation) -> Self:
        return cls(sub=ID(member.sub), group=member.group, explained=member)


@strawberry.type(description="A single change to the query, and what it would give.")
class Relaxation:
    kind: RelaxationKind = field(description="What is changed.")
    sub: ID | None = field(
        description="The member that is left out, or whose hours or tentative events are ignored; null for other kinds."
    )
    group: int | None = field(description="The group that requires one less, counted from 0; null for other kinds.")
    minutes: int | None = field(description="The length of a shorter meeting; null for other kinds.")
    opening: AvailableTime = field(description="The first opening that the change would add.")
    count: int = field(description="How many results there would be, at most maxResults.")

    @classmethod
    def of(cls, relaxation: CoreRelaxation) -> Self:
        [opening] = available_times([relaxation.opening])
        return cls(
            kind=relaxation.kind,
            sub=ID(relaxation.sub) if relaxation.sub is not None else None,
            group=relaxation.group,
            minutes=relaxation.minutes,
            opening=opening,
            count=relaxation.count,
        )


@strawberry.type(description="Why an answer is what it is. Only what is selected is worked out.")
class Explanation:
    explained: Private[core.Explanation]

    @field(description="One or two sentences for people, with times in UTC.")
    def summary(self) -> str:
        return self.explained.summary

    @field(
        description="The searched time as rows of text: who is busy when, and the openings. A block for each day; at most "
        "65,536 characters."
    )
    def picture(
        self,
        tzid: Annotated[str | None, argument(description="The IANA time zone of days and clocks.")] = "Etc/UTC",
        width: Annotated[int | None, argument(description="The maximum number of cells in a row, 12 to 288.")] = 96,
    ) -> str:
        return self.explained.picture(or_default(tzid, "Etc/UTC"), or_default(width, 96))

    @field(description="The members, in the order of the request.")
    def members(self) -> list[MemberExplanation]:
        return [MemberExplanation.of(member) for member in self.explained.members]

    @field(
        description="Single changes to the query under which a start is allowed that is not allowed now, and which add an "
        "opening: the soonest first, LATER last. None for a query with maxResults results."
    )
    def relaxations(self) -> list[Relaxation]:
        return [Relaxation.of(relaxation) for relaxation in self.explained.relaxations]

    @classmethod
    def of(cls, explanation: core.Explanation) -> Self:
        return cls(explained=explanation)


def _checked(first: int, most: int) -> int:
    if first < 1:
        raise Unprocessable.of(("first",), Key.TOO_FEW, "must be at least 1")
    if first > most:
        raise Unprocessable.of(("first",), Key.TOO_MANY, f"must be at most {most}")
    return first
