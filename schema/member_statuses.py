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


def member_statuses(statuses: Sequence[core.MemberStatus]) -> list[MemberStatus]:
    """Converts statuses to GraphQL types."""
    return [MemberStatus.of(each) for each in statuses]
