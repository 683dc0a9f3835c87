"""GraphQL over HTTP: from a request to what is to be executed, and from an answer to a response.

Follows the GraphQL-over-HTTP specification. A client that says nothing about it is answered in `application/json`, where
whatever is well-formed GraphQL over HTTP has status 200; in `application/graphql-response+json` a request that could not
be executed at all has status 400.
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

#: what a client may be sent, with the ranges that it may ask for it by
_OFFERED = {
    JSON: (JSON, "application/*", "*/*"),
    GRAPHQL_JSON: (GRAPHQL_JSON, "application/*", "*/*"),
    EVENT_STREAM: (EVENT_STREAM,),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client wants executed. The query is empty where `extensions.persistedQuery` stands for it."""

    query: str
    name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def read_operation(request: Request, body: bytes) -> Operation:
    """The operation in a GET's parameters, or in a POST's body. Raises RequestError."""
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
    """The operation in an envelope, whatever brought it here. Raises RequestError."""
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
    """The media type to answer in: the acceptable one that the client likes best. Raises RequestError.

    What a client says of a type itself counts more than what it says of all types (RFC 9110, 12.5.1). Of two that it
    likes as well, the one that it names goes first, then the one that it names earlier, then plain JSON. Events are for
    those who name them; some clients name them last on every request, and would not know what to do with them.
    """
    ranges = _ranges(accept or "*/*")

    def liking(offered: str) -> tuple[float, bool, int]:
        for name in _OFFERED[offered]:
            if name in ranges:
                quality, position = ranges[name]
                return quality, name == offered, -position
        return 0.0, False, 0

    best = max(_OFFERED, key=liking)
    if liking(best)[0] <= 0:
        raise RequestError(406, f"Answers come as {GRAPHQL_JSON}, {JSON} or {EVENT_STREAM}.")
    return best


def names_json(accept: str) -> bool:
    """Whether a type that we answer in is named: nothing but a program does that, and no other site can have it done."""
    ranges = _ranges(accept)
    return any(ranges.get(offered, (0.0, 0))[0] > 0 for offered in (JSON, GRAPHQL_JSON))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """From each media range of the header to its quality and its place; of one that is given twice, the first counts."""
    ranges: dict[str, tuple[float, int]] = {}
    for position, part in enumerate(accept.split(",")):
        name, _, parameters = part.partition(";")
        ranges.setdefault(name.strip().lower(), (_quality(parameters), position))
    return ranges


def wants_html(accept: str | None) -> bool:
    """Whether this is a person with a browser: it names HTML, and no program does."""
    return "text/html" in (accept or "").lower()


def dumps(body: Any) -> bytes:
    """The JSON of an answer. It may hold fragments of JSON."""
    return orjson.dumps(body)


def respond(body: dict[str, Any] | bytes, media_type: str, status: int | None = None) -> Response:
    """The answer, or the JSON of one with data, as a response; its status follows from the media type unless it is given."""
    if status is None:
        status = 400 if media_type == GRAPHQL_JSON and isinstance(body, dict) and "data" not in body else 200
    return Response(body if isinstance(body, bytes) else dumps(body), status, media_type=f"{media_type}; charset=utf-8")


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
        raise RequestError(400, "One operation a request: batches are not supported.")
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
