"""GraphQL types for events and free-busy."""

from typing import Any, Self

import strawberry
from strawberry import ID, UNSET, Info, field

from core.events import Event as CoreEvent
from core.events import EventDraft, EventWindow
from core.events import Location as CoreLocation
from resolvers.context import Context

from .enums import EventStatus, FreeBusyStatus, Transparency
from .nodes import Batch, Node, of_type
from .optional import or_default, or_none
from .scalars import DateTime, EventTime

CALENDAR = Batch()
BOOKING = Batch()


@strawberry.input(description="Where an event takes place.")
class LocationInput:
    description: str | None = field(default=UNSET, description="The place in words, such as `Board room`.")
    lat: str | None = field(default=UNSET, description="Latitude in decimal degrees, such as `52.9548`.")
    long: str | None = field(default=UNSET, description="Longitude in decimal degrees, such as `-1.1581`.")

    def to_core(self) -> CoreLocation:
        return CoreLocation(or_none(self.description), or_none(self.lat), or_none(self.long))


@strawberry.input(description="An event. It completely replaces the one with the same eventId on the calendar.")
class EventInput:
    event_id: ID = field(description="Your own id for the event, unique within its calendar, at most 255 characters.")
    summary: str = field(description="The title of the event, at most 1024 characters.")
    description: str | None = field(default=UNSET, description="Further details, at most 4096 characters.")
    start: EventTime = field(description="When the event begins: a DateTime, or a Date for an all-day event.")
    end: EventTime = field(
        description="When the event ends: a DateTime, or the Date after the last day of an all-day event."
    )
    tzid: str | None = field(
        default=UNSET,
        description="The IANA time zone of the event. If omitted: the account's. An all-day event lasts from midnight to "
        "midnight in it.",
    )
    location: LocationInput | None = field(default=UNSET, description="Where the event takes place.")
    url: str | None = field(default=UNSET, description="A page about the event, at most 2048 characters.")
    transparency: Transparency | None = field(default=Transparency.OPAQUE, description="Whether the event blocks.")
    status: EventStatus | None = field(
        default=EventStatus.CONFIRMED, description="Whether the event is confirmed or tentative."
    )

    recurrence: list[str] | None = field(
        default=UNSET,
        description="How the event recurs: lines `RRULE`, `RDATE` and `EXDATE` of RFC 5545, such as "
        "`RRULE:FREQ=WEEKLY;BYDAY=MO,WE`, at most 100. It recurs on the clock of its time zone. All its instances count in "
        "availability, free-busy and events. It replaces the whole series with the same eventId; instances that were "
        "changed or deleted by themselves stay so.",
    )
    recurrence_id: EventTime | None = field(
        default=UNSET,
        description="Which instance of the series with this eventId is meant: its start before it was changed, as "
        "`recurrenceId` of the listed event says. Without a tzid it is in that of the series.",
    )

    def to_core(self) -> EventDraft:
        location = or_none(self.location)
        recurrence = or_none(self.recurrence)
        return EventDraft(
            event_id=self.event_id,
            summary=self.summary,
            start=self.start,
            end=self.end,
            description=or_default(self.description, ""),
            tzid=or_none(self.tzid),
            location=location.to_core() if location is not None else None,
            url=or_none(self.url),
            transparency=or_default(self.transparency, Transparency.OPAQUE),
            status=or_default(self.status, EventStatus.CONFIRMED),
            recurrence=tuple(recurrence) if recurrence else None,
            recurrence_id=or_none(self.recurrence_id),
        )


@strawberry.input(description="Creates or replaces an event.")
class UpsertEventInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    event: EventInput = field(description="The event.")
    this_and_following: bool | None = field(
        default=False,
        description="With a recurrenceId: whether all following instances change with it. They move by the same difference "
        "and take everything else from the event. With recurrence as well, the series ends before that instance, and goes "
        "on from the start of the event as its recurrence says.",
    )


@strawberry.input(description="Creates or replaces events of one calendar: all of them, or none.")
class UpsertEventsInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    events: list[EventInput] = field(description="The events: at most 1000, each eventId, or instance, only once.")


@strawberry.input(description="Deletes an event.")
class DeleteEventInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    event_id: ID = field(description="Your own id for the event. One that recurs is deleted with all its instances.")
    recurrence_id: EventTime | None = field(
        default=UNSET, description="Only this instance, by its start before it was changed."
    )
    this_and_following: bool | None = field(
        default=False, description="With a recurrenceId: whether to delete all following instances as well."
    )


@strawberry.input(description="Deletes many events. Give exactly one of the two fields.")
class DeleteEventsInput:
    delete_all: bool | None = field(default=UNSET, description="True to delete every event of the account.")
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="The calendars to delete every event of: at least one."
    )


@strawberry.input(description="Which events to list.")
class EventsInput:
    from_: DateTime | None = field(default=UNSET, name="from", description="Only events that end after this instant.")
    to: DateTime | None = field(default=UNSET, description="Only events that start before this instant.")
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="Only events of these calendars. If omitted: all calendars of the account."
    )
    include_deleted: bool | None = field(default=False, description="Whether to include deleted events.")
    last_modified: DateTime | None = field(
        default=UNSET, description="Only events that were changed at or after this instant."
    )

    def to_core(self) -> EventWindow:
        return EventWindow(
            from_=or_none(self.from_),
            to=or_none(self.to),
            calendar_ids=or_none(self.calendar_ids),
            include_deleted=or_default(self.include_deleted, False),
            last_modified=or_none(self.last_modified),
        )


@strawberry.type(description="Where an event takes place.")
class Location:
    description: str | None = field(description="The place in words.")
    lat: str | None = field(description="Latitude in decimal degrees.")
    long: str | None = field(description="Longitude in decimal degrees.")

    @classmethod
    def of(cls, location: CoreLocation) -> Self:
        return cls(description=location.description, lat=location.lat, long=location.long)


@strawberry.type(description="An event on a calendar.")
class Event(Node):
    calendar_id: ID = field(description="The calendar that the event is on.")
    event_id: ID = field(description="Your own id for the event, unique within its calendar.")
    event_uid: ID = field(description="The server's id for the event: `evt_…`.")
    summary: str = field(description="The title of the event.")
    description: str = field(description="Further details.")
    start: EventTime = field(description="When the event begins; a Date for an all-day event.")
    end: EventTime = field(description="When the event ends; the Date after the last day of an all-day event.")
    tzid: str = field(description="The IANA time zone of the event.")
    location: Location | None = field(description="Where the event takes place.")
    url: str | None = field(description="A page about the event.")
    transparency: Transparency = field(description="Whether the event blocks.")
    status: EventStatus = field(description="Whether the event is confirmed or tentative.")
    recurrence: list[str] | None = field(
        description="How the event recurs, for one that does. Null for its instances, which are what is listed."
    )
    recurrence_id: EventTime | None = field(
        description="For an instance of an event that recurs: its start before it was changed, by which it is named."
    )
    deleted: bool = field(description="Whether the event was deleted.")
    created: DateTime = field(description="When the event was first upserted.")
    updated: DateTime = field(description="When the event was last upserted or deleted.")

    @field(
        description="The calendar that the event is on.",
        graphql_type=of_type("Calendar", "schema.calendars"),
        metadata=CALENDAR.metadata,
    )
    async def calendar(self, info: Info[Context]) -> Any:
        return await CALENDAR.of(info, self)

    @field(
        description="The booking that wrote the event. Null if there is none. Only for the application, with its key.",
        graphql_type=of_type("Booking", "schema.booking_life") | None,
        metadata=BOOKING.metadata,
    )
    async def booking(self, info: Info[Context]) -> Any:
        return await BOOKING.of(info, self)

    @classmethod
    def of(cls, event: CoreEvent) -> Self:
        draft = event.draft
        return cls(
            id=ID(event.event_uid),
            calendar_id=ID(event.calendar_id),
            event_id=ID(draft.event_id),
            event_uid=ID(event.event_uid),
            summary=draft.summary,
            description=draft.description,
            start=draft.start,
            end=draft.end,
            tzid=draft.zone,
            location=Location.of(draft.location) if draft.location is not None else None,
            url=draft.url,
            transparency=draft.transparency,
            status=draft.status,
            recurrence=[*draft.recurrence] if draft.recurrence is not None else None,
            recurrence_id=draft.recurrence_id,
            deleted=event.deleted,
            created=event.created,
            updated=event.updated,
        )


@strawberry.type(description="When an event takes place and whether it blocks, without any other details.")
class FreeBusy:
    calendar_id: ID = field(description="The calendar that the event is on.")
    start: EventTime = field(description="When the event begins; a Date for an all-day event.")
    end: EventTime = field(description="When the event ends; the Date after the last day of an all-day event.")
    free_busy_status: FreeBusyStatus = field(description="Whether the event blocks.")

    @classmethod
    def of(cls, event: CoreEvent) -> Self:
        return cls(
            calendar_id=ID(event.calendar_id),
            start=event.draft.start,
            end=event.draft.end,
            free_busy_status=event.free_busy_status,
        )


@strawberry.type(description="The result of upsertEvent.")
class UpsertEventPayload:
    event: Event = field(description="The event after the change.")
    created: bool = field(description="True if the event is new, false if it replaced one.")


@strawberry.type(description="The result of upsertEvents.")
class UpsertEventsPayload:
    created: int = field(description="How many events are new.")
    updated: int = field(description="How many events were replaced.")


@strawberry.type(description="The result of deleteEvent.")
class DeleteEventPayload:
    deleted: bool = field(description="Whether there was an event to delete.")


@strawberry.type(description="The result of deleteEvents.")
class DeleteEventsPayload:
    deleted: int = field(description="How many events were deleted.")
