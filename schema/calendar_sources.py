"""GraphQL types for calendar sources."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, Info, field

from core.calendar_sources import CalendarSource as CoreCalendarSource
from core.calendar_sources import SourceDraft
from resolvers.context import Context

from .calendars import Calendar
from .enums import AllDayEvents, PartialSource, SyncStatus
from .optional import or_default, or_none
from .scalars import DateTime

_SOURCE = "The source's id, which the caller chooses: at most 255 characters."


@strawberry.input(description="Names a calendar elsewhere whose events count as the account's own.")
class UpsertCalendarSourceInput:
    source_id: ID = field(description=_SOURCE)
    name: str | None = field(
        default=UNSET,
        description="The name of the calendar that its events go to, at most 255 characters, and none that another calendar "
        "of the account has. If omitted: the name that it has; of a new one its `sourceId`, with a number if that is taken.",
    )
    url: str = field(
        description="The URL of an iCalendar file: `https:`, `http:` or `webcal:`, at most 2048 characters. It is a secret, "
        "since whoever has it can read the calendar: it is stored encrypted, and no answer has it."
    )
    all_day: AllDayEvents | None = field(
        default=AllDayEvents.AS_MARKED, description="Whether its all-day events block."
    )
    partial: PartialSource | None = field(
        default=PartialSource.REFUSE,
        description="Whether it counts as known while a part of it cannot be placed in time.",
    )

    def to_core(self) -> SourceDraft:
        return SourceDraft(
            self.source_id,
            or_none(self.name),
            self.url,
            or_default(self.all_day, AllDayEvents.AS_MARKED),
            or_default(self.partial, PartialSource.REFUSE),
        )


@strawberry.input(description="Fetches a calendar elsewhere at once.")
class SyncCalendarSourceInput:
    source_id: ID = field(description=_SOURCE)


@strawberry.input(description="Deletes a calendar source.")
class DeleteCalendarSourceInput:
    source_id: ID = field(description=_SOURCE)


@strawberry.type(description="A calendar elsewhere that an account's busy time is read from.")
class CalendarSource:
    source_id: ID = field(description=_SOURCE)
    calendar: Calendar = field(description="The calendar of the account that its events go to. It is read-only.")
    status: SyncStatus = field(description="Whether it could be fetched and read.")
    synced_at: DateTime | None = field(description="When it was last fetched. Null: never.")
    known_until: DateTime | None = field(
        description="From this time on its events are not known, because a series goes on for ever and is expanded up to "
        "here. Null: all are known."
    )
    problem: str | None = field(
        description="Why the last fetch failed, or what could not be read. It never says the URL, and only to a caller that "
        "may read events what it is."
    )
    unreadable: int = field(description="The number of its events that could not be read.")

    @classmethod
    def of(cls, source: CoreCalendarSource, info: Info[Context]) -> Self:
        return cls(
            source_id=ID(source.source_id),
            calendar=Calendar.of(source.calendar),
            status=source.state.status(info.context.now),
            synced_at=source.state.synced_at,
            known_until=source.known_until,
            problem=source.problem,
            unreadable=source.unreadable,
        )


@strawberry.type(description="The result of upsertCalendarSource and syncCalendarSource.")
class CalendarSourcePayload:
    calendar_source: CalendarSource = field(description="The source.")


@strawberry.type(description="The result of deleteCalendarSource.")
class DeleteCalendarSourcePayload:
    deleted: bool = field(description="Whether there was a source to delete.")
