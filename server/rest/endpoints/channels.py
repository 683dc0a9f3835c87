"""Push channels: URLs that are notified when events of the account change."""

from dataclasses import replace
from typing import Any

from core.channels import Channel, ChannelRequest
from core.errors import Problem, Problems, Unprocessable
from core.instants import format_instant
from resolvers import channels

from ..responses import ACCEPTED, Answer
from ..routing import Call, Endpoint


async def _create(call: Call) -> Answer:
    fields = call.fields()
    filters = fields.object("filters")
    calendar_ids = filters.texts("calendar_ids") if filters is not None else None
    request = ChannelRequest(fields.required("callback_url"), calendar_ids or None)

    def check() -> Problems:
        problems = Problems()
        with problems.until_full():
            request.check(problems, private=call.ctx.private_callbacks)
        return Problems(map(_as_sent, problems))

    fields.raise_if_any(check)
    try:
        channel = await channels.upsert(call.ctx, request)
    except Unprocessable as refusal:
        refusal.problems = tuple(map(_as_sent, refusal.problems))
        raise
    return Answer(200, {"channel": _channel(channel)})


async def _list(call: Call) -> Answer:
    return Answer(200, {"channels": [_channel(each) for each in await channels.list_channels(call.ctx)]})


async def _close(call: Call) -> Answer:
    await channels.close(call.ctx, call.path["channel_id"])
    return ACCEPTED


def _as_sent(problem: Problem) -> Problem:
    """Returns the problem with the path that a request has here, where calendars are filters."""
    return replace(problem, path=("filters", *problem.path)) if problem.path[0] == "calendar_ids" else problem


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "channel_id": channel.channel_id,
        "callback_url": channel.callback_url,
        "filters": channel.filters,
        "status": channel.status.value,
        "problem": channel.problem,
        "created": format_instant(channel.created),
    }


ENDPOINTS = [
    Endpoint("GET", "/v1/channels", _list),
    Endpoint("POST", "/v1/channels", _create),
    Endpoint("DELETE", "/v1/channels/{channel_id}", _close, 202),
]
