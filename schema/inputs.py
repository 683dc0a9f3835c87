"""Input types of accounts and events: wire shapes, each with its way to the core value."""

from typing import Any

import strawberry
from strawberry import ID, UNSET, field

from core.accounts import DEFAULT_ZONE, Profile
from core.events import EventDraft, EventWindow, Location
from core.scopes import READ_WRITE

from .enums import AccountKind, EventStatus, Transparency
from .given import given, given_or
from .scalars import DateTime, EventTime


def scope_field() -> Any:
    return field(
        default=READ_WRITE,
        description="What the tokens may do, names with spaces between them: `read_write`, `read_only`, `write_only`, "
        "`free_busy`, `free_busy_write`, `list_calendars`, `read_events`, `create_event`, `delete_event`, `read_free_busy`, "
        "`managed_availability`.",
    )


@strawberry.input(description="Creates or gets an application calendar.")
class ApplicationCalendarInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    application_calendar_id: str = field(
        description="Your own id for the calendar, at most 255 characters: `store-42-manager`."
    )
    scope: str | None = scope_field()


@strawberry.input(description="Creates or gets a user or a resource, and brings it up to what is given.")
class AccountInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    kind: AccountKind = field(description="USER or RESOURCE.")
    account_id: str = field(description="Your own id for it, at most 255 characters.")
    name: str | None = field(
        default=UNSET, description="What it is called, at most 255 characters; left out, it stays as it is."
    )
    email: str | None = field(default=UNSET, description="Its email address; left out, it stays as it is.")
    tzid: str | None = field(
        default=DEFAULT_ZONE,
        description="Its IANA time zone; left out, it stays as it is. A new account begins with the default, and who means "
        "UTC for one that had another says `UTC`.",
    )
    scope: str | None = scope_field()

    def profile(self) -> Profile:
        return Profile(given(self.name), given(self.email), given_or(self.tzid, DEFAULT_ZONE))


@strawberry.input(description="Asks for a new access token.")
class RefreshTokenInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    refresh_token: str = field(description="The refresh token of the account.")


@strawberry.input(
    description="Ends every token of an account. Give one of its tokens or its sub; the token wins when both are given."
)
class RevokeAuthorizationInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    token: str | None = field(default=UNSET, description="An access or a refresh token of the account.")
    sub: ID | None = field(default=UNSET, description="The account's sub.")


@strawberry.input(description="Where an event is.")
class LocationInput:
    description: str | None = field(default=UNSET, description="In words: `Board room`.")
    lat: str | None = field(default=UNSET, description="Latitude in decimal degrees: `52.9548`.")
    long: str | None = field(default=UNSET, description="Longitude in decimal degrees: `-1.1581`.")

    def to_core(self) -> Location:
        return Location(given(self.description), given(self.lat), given(self.long))


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
        location = given(self.location)
        return EventDraft(
            event_id=self.event_id,
            summary=self.summary,
            start=self.start,
            end=self.end,
            description=given_or(self.description, ""),
            tzid=given_or(self.tzid, "Etc/UTC"),
            location=location.to_core() if location is not None else None,
            url=given(self.url),
            transparency=given_or(self.transparency, Transparency.OPAQUE),
            status=given_or(self.status, EventStatus.CONFIRMED),
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
            from_=given(self.from_),
            to=given(self.to),
            calendar_ids=given(self.calendar_ids),
            include_deleted=given_or(self.include_deleted, False),
            last_modified=given(self.last_modified),
        )
