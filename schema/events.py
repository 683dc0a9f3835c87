"""Events and free-busy, in and out."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.events import Event as CoreEvent
from core.events import EventDraft, EventWindow
from core.events import Location as CoreLocation

from .enums import EventStatus, FreeBusyStatus, Transparency
from .optional import or_default, or_none
from .scalars import DateTime, EventTime


@strawberry.input(description="Where an event is.")
class LocationInput:
    description: str | None = field(default=UNSET, description="In words: `Board room`.")
    lat: str | None = field(default=UNSET, description="Latitude in decimal degrees: `52.9548`.")
    long: str | None = field(default=UNSET, description="Longitude in decimal degrees: `-1.1581`.")

    def to_core(self) -> CoreLocation:
        return CoreLocation(or_none(self.description), or_none(self.lat), or_none(self.long))


@strawberry.input(description="An event. The one with the same eventId on the calendar is replaced whole.")
class EventInput:
    event_id: ID = field(description="Your own id for the event, unique within its calendar, at most 255 characters.")
    summary: str = field(description="What it is, at most 1024 characters.")
    description: str | None = field(default=UNSET, description="More about it, at most 4096 characters.")
    start: EventTime = field(description="When it begins: a DateTime, or a Date for an all-day event.")
    end: EventTime = field(description="When it is over: a DateTime, or the Date after an all-day event's last.")
    tzid: str | None = field(
        default="Etc/UTC",
        description="The IANA time zone of the event; an all-day event runs from midnight to midnight there.",
    )
    location: LocationInput | None = field(default=UNSET, description="Where it is.")
    url: str | None = field(default=UNSET, description="A page about it, at most 2048 characters.")
    transparency: Transparency | None = field(default=Transparency.OPAQUE, description="Whether it blocks.")
    status: EventStatus | None = field(default=EventStatus.CONFIRMED, description="How sure it is.")

    def to_core(self) -> EventDraft:
        location = or_none(self.location)
        return EventDraft(
            event_id=self.event_id,
            summary=self.summary,
            start=self.start,
            end=self.end,
            description=or_default(self.description, ""),
            tzid=or_default(self.tzid, "Etc/UTC"),
            location=location.to_core() if location is not None else None,
            url=or_none(self.url),
            transparency=or_default(self.transparency, Transparency.OPAQUE),
            status=or_default(self.status, EventStatus.CONFIRMED),
        )


@strawberry.input(description="Creates or replaces an event.")
class UpsertEventInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    event: EventInput = field(description="The event.")


@strawberry.input(description="Creates or replaces events of one calendar, all of them or none.")
class UpsertEventsInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    events: list[EventInput] = field(description="At most 1000 events, each eventId once.")


@strawberry.input(description="Deletes an event.")
class DeleteEventInput:
    calendar_id: ID = field(description="One of the account's calendars.")
    event_id: ID = field(description="Your own id for the event.")


@strawberry.input(description="Deletes many events. Exactly one of the two is given.")
class DeleteEventsInput:
    delete_all: bool | None = field(default=UNSET, description="True: every event of the account.")
    calendar_ids: list[ID] | None = field(default=UNSET, description="Every event of these calendars, at least one.")


@strawberry.input(description="Which events to list.")
class EventsInput:
    from_: DateTime | None = field(default=UNSET, name="from", description="Only events that end after this instant.")
    to: DateTime | None = field(default=UNSET, description="Only events that start before this instant.")
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="Only events of these calendars; left out: all of the account's."
    )
    include_deleted: bool | None = field(default=False, description="Whether deleted events are listed as well.")
    last_modified: DateTime | None = field(
        default=UNSET, description="Only events that were changed at this instant or later."
    )

    def to_core(self) -> EventWindow:
        return EventWindow(
            from_=or_none(self.from_),
            to=or_none(self.to),
            calendar_ids=or_none(self.calendar_ids),
            include_deleted=or_default(self.include_deleted, False),
            last_modified=or_none(self.last_modified),
        )


@strawberry.type(description="Where an event is.")
class Location:
    description: str | None = field(description="In words.")
    lat: str | None = field(description="Latitude in decimal degrees.")
    long: str | None = field(description="Longitude in decimal degrees.")

    @classmethod
    def of(cls, location: CoreLocation) -> Self:
        return cls(description=location.description, lat=location.lat, long=location.long)


@strawberry.type(description="An event on a calendar.")
class Event:
    calendar_id: ID = field(description="The calendar it is on.")
    event_id: ID = field(description="Your own id for it, unique within its calendar.")
    event_uid: ID = field(description="Its id here: `evt_…`.")
    summary: str = field(description="What it is.")
    description: str = field(description="More about it.")
    start: EventTime = field(description="When it begins; a Date for an all-day event.")
    end: EventTime = field(description="When it is over; the Date after the last for an all-day event.")
    tzid: str = field(description="Its IANA time zone.")
    location: Location | None = field(description="Where it is.")
    url: str | None = field(description="A page about it.")
    transparency: Transparency = field(description="Whether it blocks.")
    status: EventStatus = field(description="How sure it is.")
    deleted: bool = field(description="Whether it was deleted.")
    created: DateTime = field(description="When it was first upserted.")
    updated: DateTime = field(description="When it was last upserted or deleted.")

    @classmethod
    def of(cls, event: CoreEvent) -> Self:
        draft = event.draft
        return cls(
            calendar_id=ID(event.calendar_id),
            event_id=ID(draft.event_id),
            event_uid=ID(event.event_uid),
            summary=draft.summary,
            description=draft.description,
            start=draft.start,
            end=draft.end,
            tzid=draft.tzid,
            location=Location.of(draft.location) if draft.location is not None else None,
            url=draft.url,
            transparency=draft.transparency,
            status=draft.status,
            deleted=event.deleted,
            created=event.created,
            updated=event.updated,
        )


@strawberry.type(description="When an event is and whether it blocks, and nothing else about it.")
class FreeBusy:
    calendar_id: ID = field(description="The calendar it is on.")
    start: EventTime = field(description="When it begins; a Date for an all-day event.")
    end: EventTime = field(description="When it is over; the Date after the last for an all-day event.")
    free_busy_status: FreeBusyStatus = field(description="Whether it blocks.")

    @classmethod
    def of(cls, event: CoreEvent) -> Self:
        return cls(
            calendar_id=ID(event.calendar_id),
            start=event.draft.start,
            end=event.draft.end,
            free_busy_status=event.free_busy_status,
        )


@strawberry.type(description="An event was upserted.")
class UpsertEventPayload:
    event: Event = field(description="The event as it is now.")
    created: bool = field(description="Whether it was not there before.")


@strawberry.type(description="Events were upserted.")
class UpsertEventsPayload:
    created: int = field(description="How many were not there before.")
    updated: int = field(description="How many were replaced.")


@strawberry.type(description="An event is gone.")
class DeleteEventPayload:
    deleted: bool = field(description="Whether there was one to delete.")


@strawberry.type(description="Events are gone.")
class DeleteEventsPayload:
    deleted: int = field(description="How many there were to delete.")
