"""GraphQL over HTTP: reads operations from requests and writes responses.

Follows the GraphQL-over-HTTP specification. Without an Accept header the response is `application/json`, and every
well-formed request has status 200. In `application/graphql-response+json` a request that could not be executed has
status 400.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..http.requests import JSON, RequestError

GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

#: the media types of responses, each with the Accept ranges that match it
_OFFERED = {
    JSON: (JSON, "application/*", "*/*"),
    GRAPHQL_JSON: (GRAPHQL_JSON, "application/*", "*/*"),
    EVENT_STREAM: (EVENT_STREAM,),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation to execute. The query is empty if `extensions.persistedQuery` replaces it."""

    query: str
    name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def read_operation(request: Request, body: bytes) -> Operation:
    """Reads the operation from a GET's parameters or a POST's body. Raises RequestError."""
    if request.method != "POST":
        parameters = request.query_params
        envelope: dict[str, Any] = {
            "query": parameters.get("query"),
            "operationName": parameters.get("operationName") or None,
        }
        for name in ("variables", "extensions"):
            envelope[name] = _json(parameters[name].encode("utf-8", "surrogatepass")) if parameters.get(name) else None
    else:
        envelope = _object(_json(body))
    return operation_in(envelope)


def operation_in(envelope: dict[str, Any]) -> Operation:
    """Reads the operation from an envelope of any transport. Raises RequestError."""
    extensions: dict[str, Any] | None = _optional(envelope, "extensions", dict)
    by_digest = envelope.get("query") is None and (extensions or {}).get("persistedQuery") is not None
    return Operation(
        query="" if by_digest else _query(envelope.get("query")),
        name=_optional(envelope, "operationName", str) or None,
        variables=_optional(envelope, "variables", dict),
        extensions=extensions,
    )


@lru_cache(1000)
def negotiate(accept: str) -> str:
    """The media type of the response: the offered one that the client prefers. Raises RequestError (406).

    The most specific range decides about a type (RFC 9110, 12.5.1). Of types with equal quality, one that is named goes
    before one matched by a wildcard, then the one named earlier, then plain JSON. Events match only their own name, and
    lose a tie to a type named before them: some clients name them last on every request but cannot read them.
    """
    ranges = _ranges(accept or "*/*")

    def preference(offered: str) -> tuple[float, bool, int]:
        for name in _OFFERED[offered]:
            if name in ranges:
                quality, position = ranges[name]
                return quality, name == offered, -position
        return 0.0, False, 0

    best = max(_OFFERED, key=preference)
    if preference(best)[0] <= 0:
        raise RequestError(406, f"Responses are available as {GRAPHQL_JSON}, {JSON} or {EVENT_STREAM}.")
    return best


def names_json(accept: str) -> bool:
    """Whether the header names a JSON type of ours. Only programs do; another site cannot make a browser do so."""
    ranges = _ranges(accept)
    return any(ranges.get(offered, (0.0, 0))[0] > 0 for offered in (JSON, GRAPHQL_JSON))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """The quality and position of each media range in the header; the first of duplicates counts."""
    ranges: dict[str, tuple[float, int]] = {}
    for position, part in enumerate(accept.split(",")):
        name, _, parameters = part.partition(";")
        ranges.setdefault(name.strip().lower(), (_quality(parameters), position))
    return ranges


def wants_html(accept: str | None) -> bool:
    """Whether the client is a person's browser, which names HTML; programs do not."""
    return "text/html" in (accept or "").lower()


def dumps(body: Any) -> bytes:
    """Serialises a response body, which may contain `orjson.Fragment`s."""
    return orjson.dumps(body)


VARY = (b"vary", b"Origin")
"""The header for caches: whether a page may read a response depends on its origin."""


class _BytesResponse(Response):
    """As Starlette's response of bytes in UTF-8. Its general way to the two headers costs a tenth of a repeated answer."""

    def __init__(self, body: bytes, status: int, media_type: str) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", _content_type(media_type)), VARY]


@lru_cache(10)
def _content_type(media_type: str) -> bytes:
    return f"{media_type}; charset=utf-8".encode("latin-1")


def respond(body: dict[str, Any] | bytes, media_type: str, status: int | None = None) -> Response:
    """Makes a response of a body, or of a serialised body with data. By default the media type decides the status."""
    if status is None:
        status = 400 if media_type == GRAPHQL_JSON and isinstance(body, dict) and "data" not in body else 200
    return _BytesResponse(body if isinstance(body, bytes) else dumps(body), status, media_type)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"The request is not JSON: {error}.") from None


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        raise RequestError(400, "A request has one operation: batches are not supported.")
    if not isinstance(value, dict):
        raise RequestError(400, "The request must be a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType]: any JSON object


def _query(value: Any) -> str:
    if value is None:
        raise RequestError(400, "The request has no query.")
    if not isinstance(value, str):
        raise RequestError(400, "The query must be a string.")
    return value


def _optional(envelope: dict[str, Any], name: str, kind: type) -> Any:
    value = envelope.get(name)
    if value is not None and not isinstance(value, kind):
        raise RequestError(400, f"{name} must be {'a string' if kind is str else 'an object'}.")
    return value
