"""Batches: up to 50 writes in one request, one after the other. Each succeeds or fails by itself."""

from typing import Any, NamedTuple

from core.access import require_client
from core.periods import check_count

from ..fields import Fields
from ..requests import Values
from ..responses import Answer, format_error, not_found
from ..routing import Call, Endpoint, Match, Router
from . import events, managed_availability

_MAX_REQUESTS = 50

_ROUTER = Router([each for each in (*events.ENDPOINTS, *managed_availability.ENDPOINTS) if each.in_batches])


class _Request(NamedTuple):
    method: str
    path: str
    values: Values


async def _batch(call: Call) -> Answer:
    fields = call.fields()
    requests = [_read(each) for each in fields.required_objects("batch")]
    if fields.has("batch"):
        check_count(len(requests), ("batch",), fields.problems, most=_MAX_REQUESTS, noun="request")
    fields.raise_if_any()
    require_client(await call.ctx.actor())
    return Answer(207, {"batch": [await _response(call, request) for request in requests]})


def _read(fields: Fields) -> _Request:
    # PHP's client writes an empty object as an empty list.
    data = fields.object("data") if fields.has_any("data") else None
    path = fields.required("relative_url").partition("?")[0]
    return _Request(fields.required("method").upper(), path, dict(data.values) if data is not None else {})


async def _response(call: Call, request: _Request) -> dict[str, Any]:
    """Returns the response to one request. Clients take every status but 202 for a failure."""
    found = _ROUTER.find(request.method, request.path)
    if not isinstance(found, Match):
        answer = not_found("A batch takes writes of events, availability rules and available periods.")
    else:
        answer = await _answer(
            Call(call.ctx, found.path, request.values, call.public_url, call.max_items), found.endpoint
        )
    data = {"data": answer.body} if answer.body is not None else {}
    return {"status": 202 if answer.status == 200 else answer.status, **data}


async def _answer(call: Call, endpoint: Endpoint) -> Answer:
    try:
        return await endpoint.handler(call)
    except Exception as error:
        return format_error(error, f"a batch with {endpoint.name}")


ENDPOINTS = [Endpoint("POST", "/v1/batch", _batch, 207)]
