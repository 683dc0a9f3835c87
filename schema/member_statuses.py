"""GraphQL types for how far the calendars of members can be relied on."""

from collections.abc import Sequence
from typing import Self

import strawberry
from strawberry import ID, field

from core import member_statuses as core

from .enums import SyncStatus
from .scalars import DateTime


@strawberry.type(description="How far the calendars of a member can be relied on that the query chooses.")
class MemberStatus:
    sub: ID = field(description="The account's sub.")
    status: SyncStatus = field(
        description="That of its worst calendar elsewhere; ACTIVE for a member that has none among the chosen ones."
    )
    synced_at: DateTime | None = field(
        description="When its calendars elsewhere were last fetched: the earliest of them. Null if one was never fetched, "
        "or there is none."
    )
    known_until: DateTime | None = field(
        description="From when on the events of one of its calendars are not known, because series are expanded no "
        "further. Null if all are known."
    )

    @classmethod
    def of(cls, status: core.MemberStatus) -> Self:
        return cls(sub=ID(status.sub), status=status.status, synced_at=status.synced_at, known_until=status.known_until)


@strawberry.type(
    description="A calendar of some member cannot be known at present, and that alone is in the way. Nothing was written, not "
    "even under an idempotencyKey: the same request can be repeated."
)
class CalendarNotKnown:
    member_statuses: list[MemberStatus] = field(
        description="How far the calendars of each member can be relied on, in the order of the request."
    )

    @classmethod
    def of(cls, answer: core.CalendarNotKnown) -> Self:
        return cls(member_statuses=member_statuses(answer.member_statuses))


def member_statuses(statuses: Sequence[core.MemberStatus]) -> list[MemberStatus]:
    """Converts statuses to GraphQL types."""
    return [MemberStatus.of(each) for each in statuses]
