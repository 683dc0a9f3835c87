"""Output types of events, each made of a core value by `of`."""

from typing import Self

import strawberry
from strawberry import ID, field

from core.events import Event as CoreEvent
from core.events import Location as CoreLocation
from core.pages import Page

from .connections import PageInfo
from .enums import EventStatus, FreeBusyStatus, Transparency
from .scalars import DateTime, EventTime


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


@strawberry.type(description="An event's place in a list.")
class EventEdge:
    cursor: str = field(description="Names this place: as `after`, it asks for what comes behind it.")
    node: Event = field(description="The event.")


@strawberry.type(description="A page of events, soonest first.")
class EventConnection:
    edges: list[EventEdge] = field(description="The events with their cursors.")
    nodes: list[Event] = field(description="The events.")
    page_info: PageInfo = field(description="Where the page lies in the list.")

    @classmethod
    def of(cls, page: Page[CoreEvent]) -> Self:
        nodes = [Event.of(event) for event in page.items]
        edges = [EventEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
        return cls(edges=edges, nodes=nodes, page_info=PageInfo.of(page))


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


@strawberry.type(description="A place in a list of free-busy times.")
class FreeBusyEdge:
    cursor: str = field(description="Names this place: as `after`, it asks for what comes behind it.")
    node: FreeBusy = field(description="The time.")


@strawberry.type(description="A page of free-busy times, soonest first.")
class FreeBusyConnection:
    edges: list[FreeBusyEdge] = field(description="The times with their cursors.")
    nodes: list[FreeBusy] = field(description="The times.")
    page_info: PageInfo = field(description="Where the page lies in the list.")

    @classmethod
    def of(cls, page: Page[CoreEvent]) -> Self:
        nodes = [FreeBusy.of(event) for event in page.items]
        edges = [FreeBusyEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
        return cls(edges=edges, nodes=nodes, page_info=PageInfo.of(page))


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
