"""Events and free-busy: writing, deleting and listing them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

from core.errors import Key, NotFound, Problem, Problems, Refusal
from core.events import Event, EventDraft, EventTime, EventWindow, Location, Transparency
from core.instants import Unreadable, format_instant
from core.pages import Page, PageRequest
from core.rights import Right
from core.zones import ZoneInfo, local_time
from resolvers import accounts, events

from ..fields import Fields
from ..pages import ListRequest, requested_page
from ..responses import ACCEPTED, Answer
from ..routing import Call, Endpoint
from .accounts import user_info

#: the parameters of a list of events that matter here
_PARAMETERS = (
    *("tzid", "from", "to", "last_modified", "calendar_ids", "include_deleted", "include_managed", "only_managed"),
    *("include_geo", "localized_times", "include_userinfo"),
)


async def _upsert(call: Call) -> Answer:
    fields = call.fields()
    _require_event_id(fields)
    draft = _draft(fields)

    def check() -> Problems:
        problems = Problems()
        with problems.until_full():
            draft.check((), problems)
        return problems

    fields.raise_if_any(check)
    with _without_prefix("event"):
        await events.upsert_event(call.ctx, call.path["calendar_id"], draft)
    return ACCEPTED


async def _delete(call: Call) -> Answer:
    fields = call.fields()
    _require_event_id(fields)
    event_id = fields.required("event_id")
    fields.raise_if_any()
    await events.delete_event(call.ctx, call.path["calendar_id"], event_id)
    return ACCEPTED


async def _delete_many(call: Call) -> Answer:
    fields = call.fields()
    flag = fields.flag("delete_all")
    delete_all = flag if fields.has("delete_all") else None
    calendar_ids = fields.texts("calendar_ids")
    fields.raise_if_any()
    await events.delete_events(call.ctx, delete_all, calendar_ids)
    return ACCEPTED


async def _list_events(call: Call) -> Answer:
    return await _events(call, ListRequest(call.values))


async def _next_events(call: Call) -> Answer:
    return await _events(call, requested_page(call))


async def _list_free_busy(call: Call) -> Answer:
    return await _free_busy(call, ListRequest(call.values))


async def _next_free_busy(call: Call) -> Answer:
    return await _free_busy(call, requested_page(call))


async def _events(call: Call, request: ListRequest) -> Answer:
    fields = call.fields_of(request.values)
    with_geo, localized = fields.flag("include_geo"), fields.flag("localized_times")
    page = await _page(call, request, fields, Right.READ_EVENTS)
    items = [_event(event, with_geo=with_geo, localized=localized) for event in page.items]
    return await _listed(call, request, fields, "events", page, items)


async def _free_busy(call: Call, request: ListRequest) -> Answer:
    fields = call.fields_of(request.values)
    localized = fields.flag("localized_times")
    page = await _page(call, request, fields, Right.READ_FREE_BUSY)
    items = [
        {
            "calendar_id": event.calendar_id,
            **_times(event, localized=localized),
            "free_busy_status": event.free_busy_status.value,
        }
        for event in page.items
    ]
    return await _listed(call, request, fields, "free_busy", page, items)


async def _page(call: Call, request: ListRequest, fields: Fields, right: Right) -> Page[Event]:
    """Returns a page of a list. All events here are an application's own, which are listed only if it says so."""
    tzid = fields.required_zone("tzid")
    include, only = fields.flag("include_managed"), fields.flag("only_managed")
    own = include or only
    fields.flag("include_userinfo")  # reports one that cannot be read
    window = EventWindow(
        from_=fields.bound("from", tzid),
        to=fields.bound("to", tzid),
        calendar_ids=fields.texts("calendar_ids") or None,
        include_deleted=fields.flag("include_deleted"),
        last_modified=fields.bound("last_modified", tzid),
    )

    def check() -> Problems:
        problems = Problems()
        with problems.until_full():
            window.check(problems)
        return problems

    fields.raise_if_any(check)
    found = await events.list_events(call.ctx, window, request.page(call) if own else PageRequest(1), right)
    return found if own else Page(items=[], cursors=[], has_next=False, has_previous=False)


async def _listed(
    call: Call, request: ListRequest, fields: Fields, name: str, page: Page[Event], items: list[dict[str, Any]]
) -> Answer:
    pages = request.pages(request.next_url(call, f"/v1/{name}", _PARAMETERS, page))
    more = {}
    if fields.flag("include_userinfo"):
        more["userinfo"] = user_info(await accounts.user_info(call.ctx, Right.READ_PROFILE))
    return Answer(200, {"pages": pages, name: items, **more})


def _require_event_id(fields: Fields) -> None:
    """Raises NotFound for an event that is named by its uid: that is for events of other calendars, and there are none."""
    if not fields.has("event_id") and fields.has("event_uid"):
        unknown = Problem(
            ("event_uid",), Key.UNKNOWN, "is not an event that can be changed by its uid: give its event_id"
        )
        raise NotFound(problems=[unknown])


def _draft(fields: Fields) -> EventDraft:
    start, start_tzid = fields.event_time("start")
    end, _ = fields.event_time("end")
    if fields.has_any("recurrence"):
        fields.report("recurrence", Key.UNSUPPORTED, "is not supported: upsert each event by itself, or all by GraphQL")
    return EventDraft(
        event_id=fields.required("event_id"),
        summary=fields.required("summary"),
        start=start,
        end=end,
        description=fields.text("description") or "",
        tzid=fields.text("tzid") or start_tzid or None,
        location=read_location(fields),
        url=fields.text("url") or None,
        transparency=fields.choice("transparency", Transparency, Transparency.OPAQUE),
    )


def read_location(fields: Fields) -> Location | None:
    """Returns the location of an event; None for an empty one."""
    found = fields.object("location")
    if found is None:
        return None
    location = Location(found.text("description"), found.text("lat") or None, found.text("long") or None)
    return location if location != Location() else None


def _event(event: Event, *, with_geo: bool, localized: bool) -> dict[str, Any]:
    draft = event.draft
    found: dict[str, Any] = {
        "calendar_id": event.calendar_id,
        "event_uid": event.event_uid,
        "event_id": draft.event_id,
        "summary": draft.summary,
        "description": draft.description,
        **_times(event, localized=localized),
        "deleted": event.deleted,
        "created": format_instant(event.created),
        "updated": format_instant(event.updated),
        "participation_status": "accepted",
        "attendees": [],
        "transparency": draft.transparency.value,
        "status": draft.status.value,
        "categories": [],
        "recurring": draft.recurrence_id is not None,
        "event_private": False,
        "options": {"delete": True, "update": True, "change_participation_status": False},
    }
    if draft.location is not None and (shown := _shown_location(draft.location, with_geo=with_geo)):
        found["location"] = shown
    if draft.url is not None:
        found["url"] = draft.url
    return found


def _shown_location(location: Location, *, with_geo: bool) -> dict[str, str]:
    """A location without a description has an empty one: a null one, or none, breaks the page of the Agenda."""
    geo = {"lat": location.lat, "long": location.long} if with_geo else {}
    found = {name: value for name, value in geo.items() if value is not None}
    return {"description": location.description or "", **found} if location.description or found else {}


def _times(event: Event, *, localized: bool) -> dict[str, Any]:
    draft = event.draft
    return {
        "start": _time(draft.start, draft.zone, localized=localized),
        "end": _time(draft.end, draft.zone, localized=localized),
    }


def _time(value: EventTime | Unreadable, tzid: str, *, localized: bool) -> str | dict[str, str]:
    assert not isinstance(value, Unreadable)  # a stored event was checked
    if not localized:
        return value.isoformat() if isinstance(value, date) else format_instant(value)
    text = value.isoformat() if isinstance(value, date) else local_time(value, ZoneInfo(tzid)).isoformat()
    return {"time": text, "tzid": tzid}


@contextmanager
def _without_prefix(name: str) -> Generator[None]:
    """A block whose refusals have paths below the input that the resolver calls by this name."""
    try:
        yield
    except Refusal as refusal:
        refusal.problems = tuple(
            replace(problem, path=problem.path[1:]) if problem.path[:1] == (name,) else problem
            for problem in refusal.problems
        )
        raise


ENDPOINTS = [
    Endpoint("POST", "/v1/calendars/{calendar_id}/events", _upsert, 202, in_batches=True),
    Endpoint("DELETE", "/v1/calendars/{calendar_id}/events", _delete, 202, in_batches=True),
    Endpoint("DELETE", "/v1/events", _delete_many, 202, in_batches=True),
    Endpoint("GET", "/v1/events", _list_events),
    Endpoint("GET", "/v1/events/pages/{page}", _next_events),
    Endpoint("GET", "/v1/free_busy", _list_free_busy),
    Endpoint("GET", "/v1/free_busy/pages/{page}", _next_free_busy),
]
