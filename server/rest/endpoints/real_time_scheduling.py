"""Real-time scheduling: links with which a visitor books one slot."""

from typing import Any

from core.bookings import EventCreation, TargetCalendar
from core.durations import NO_TIME
from core.errors import Key, Problems
from core.events import EventDraft
from core.instants import Unreadable, format_instant
from core.real_time_scheduling import (
    CallbackUrls,
    Completed,
    Disabled,
    HourFormat,
    Link,
    RedirectUrls,
    SchedulingRequest,
)
from resolvers import real_time_scheduling as links
from resolvers.context import Context
from resolvers.tokens import act_as_client

from ..fields import Fields
from ..responses import Answer
from ..routing import Call, Endpoint
from .availability import read_query
from .events import read_location

#: placeholder for the times of an event until its start has been chosen
_NO_TIME = Unreadable("is not known yet")


async def _create(call: Call) -> Answer:
    fields = call.fields()
    ctx = await _acting(call, fields)
    request = _request(fields, ctx)

    def check() -> Problems:
        problems = request.check(ctx.now, ctx.limits, private_callbacks=ctx.private_callbacks)
        with problems.until_full():
            for each in request.query.check(ctx.now, ctx.limits).prefixed("availability"):
                problems.add(each.path, each.key, each.description)
        return problems

    fields.raise_if_any(check)
    link = await links.create(ctx, request)
    url = ctx.link_url(link)
    return Answer(200, {"url": url, "real_time_scheduling": _status(link, url)})


async def _get(call: Call) -> Answer:
    return _found(call, await links.get(call.ctx, call.path["real_time_scheduling_id"], None))


async def _get_by_token(call: Call) -> Answer:
    fields = call.fields()
    token = fields.required("token")
    fields.raise_if_any()
    return _found(call, await links.get(call.ctx, None, token))


async def _disable(call: Call) -> Answer:
    fields = call.fields()
    ctx = await _acting(call, fields)
    message = fields.required("display_message")
    fields.raise_if_any()
    return _found(call, await links.disable(ctx, call.path["real_time_scheduling_id"], message))


async def _acting(call: Call, fields: Fields) -> Context:
    """Returns the context of the application whose credentials are in the body; without any, that of the bearer token."""
    client_id, client_secret = fields.text("client_id"), fields.text("client_secret")
    if client_id is None or client_secret is None:
        return call.ctx
    return await act_as_client(call.ctx, client_id, client_secret)


def _request(fields: Fields, ctx: Context) -> SchedulingRequest:
    event = fields.required_object("event")
    availability = fields.required_object("availability")
    callbacks, redirects = fields.object("callback_urls"), fields.object("redirect_urls")
    formatting = fields.object("formatting")
    tzid = fields.text("tzid") or None
    return SchedulingRequest(
        query=read_query(availability, ctx.limits),
        event=_event(event, tzid),
        target_calendars=[_target(each) for each in fields.objects("target_calendars") or []],
        minimum_notice=fields.duration("minimum_notice") or NO_TIME,
        callback_urls=_callback_urls(callbacks, fields.text("callback_url") or None),
        redirect_urls=RedirectUrls(redirects.text("completed_url") or None)
        if redirects is not None
        else RedirectUrls(),
        event_creation=fields.choice("event_creation", EventCreation, EventCreation.DEFAULT),
        hour_format=formatting.optional_choice("hour_format", HourFormat) if formatting is not None else None,
        tzid=tzid,
    )


def _event(fields: Fields, tzid: str | None) -> EventDraft:
    return EventDraft(
        event_id=fields.required("event_id"),
        summary=fields.required("summary"),
        start=_NO_TIME,
        end=_NO_TIME,
        description=fields.text("description") or "",
        tzid=fields.text("tzid") or tzid or "Etc/UTC",
        location=read_location(fields),
        url=fields.text("url") or None,
    )


def _callback_urls(fields: Fields | None, completed: str | None) -> CallbackUrls:
    if fields is None:
        return CallbackUrls(completed)
    return CallbackUrls(
        fields.text("completed_url") or completed,
        fields.text("no_times_suitable_url") or None,
        fields.text("no_times_displayed_url") or None,
        fields.text("rescheduled_url") or None,
        fields.text("cancelled_url") or None,
    )


def _target(fields: Fields) -> TargetCalendar:
    for name in ("event", "attendee"):
        if fields.has_any(name):
            fields.report(name, Key.UNSUPPORTED, "is not supported: all participants get the same event")
    return TargetCalendar(fields.required("sub"), fields.required("calendar_id"))


def _found(call: Call, link: Link) -> Answer:
    return Answer(200, {"real_time_scheduling": _status(link, call.ctx.link_url(link))})


def _status(link: Link, url: str) -> dict[str, Any]:
    draft, state = link.request.event, link.state
    event = {"event_id": draft.event_id, "summary": draft.summary, "tzid": draft.zone}
    if draft.description:
        event["description"] = draft.description
    found: dict[str, Any] = {
        "real_time_scheduling_id": link.scheduling_id,
        "url": url,
        "status": state.status.value,
        "event": event,
    }
    if isinstance(state, Completed):
        event["start"], event["end"] = format_instant(state.start), format_instant(state.end)
        found["participants"] = [{"sub": sub} for sub in state.participants]
    if isinstance(state, Disabled):
        found["display_message"] = state.display_message
    return found


ENDPOINTS = [
    Endpoint("POST", "/v1/real_time_scheduling", _create),
    Endpoint("GET", "/v1/real_time_scheduling", _get_by_token),
    Endpoint("GET", "/v1/real_time_scheduling/{real_time_scheduling_id}", _get),
    Endpoint("POST", "/v1/real_time_scheduling/{real_time_scheduling_id}/disable", _disable),
]
