"""HTTP requests: headers, bodies up to a limit, and the error for a request that cannot be read."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from core.access import Actor
from core.errors import RateLimited

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

BAD_REQUEST = "BAD_REQUEST"
"""The error code of a request that its doorway cannot read."""

MAX_ANONYMOUS = 256 * 1024
"""Maximum bytes of a body without a valid token, where a larger one is allowed with it."""

MAX_IN_FLIGHT = {False: 32 * 1024 * 1024, True: 128 * 1024 * 1024}
"""Maximum bytes of all bodies of a process that are arriving: of small ones, and of large ones with a valid token."""

NO_DETAILS: Mapping[str, str | int] = {}


class RequestError(Exception):
    """A request that is refused with an HTTP status because of its envelope, not of its content.

    Each doorway formats the response in its own way.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = BAD_REQUEST,
        details: Mapping[str, str | int] = NO_DETAILS,
        **headers: str,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        #: further fields for programs, beside the code
        self.details = details
        #: headers of the response
        self.headers = headers


def header(scope: Scope, name: bytes) -> str | None:
    """The header's value; `name` is in lower case. Repeated headers are joined with commas."""
    headers: dict[bytes, bytes] | None = scope.get(_HEADERS)
    if headers is None:
        headers = scope[_HEADERS] = _by_name(scope["headers"])
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


#: where the scope of a request has its headers by their names: six of them are read of every request
_HEADERS = "openings.headers"


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found = dict(headers)
    if len(found) < len(headers):  # some are repeated
        for name in found:
            found[name] = b", ".join(value for given, value in headers if given == name)
    return found


def sent_as(request: Request) -> str:
    """The media type of the request's body, without parameters; empty without one, or for another charset than UTF-8."""
    return _media_type(header(request.scope, b"content-type") or "")


#: the bytes of bodies that are arriving
_in_flight = {False: 0, True: 0}


async def read_body(
    request: Request, media_type: str, max_bytes: int, actor: Callable[[], Awaitable[Actor]] | None = None
) -> bytes:
    """Reads the whole body, in UTF-8. Stops as soon as it is known to be too large.

    With `actor`, which loads the caller, more than MAX_ANONYMOUS bytes are read only of a caller with a valid token.
    Raises RequestError for another media type or any content encoding (415), for more than `max_bytes` (413) and if the
    process is reading too much (503); and ClientDisconnect.
    """
    if sent_as(request) != media_type:
        raise RequestError(415, f"Send the request as {media_type}.")
    encoding = header(request.scope, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        words = f"The content encoding {encoding[:40]} is not supported: send the request without one."
        raise RequestError(415, words, code=BAD_REQUEST, details=NO_DETAILS, **{"Accept-Encoding": "identity"})
    announced = header(request.scope, b"content-length") or "0"
    if not announced.isdigit() or int(announced) > max_bytes:
        raise _too_large(max_bytes)
    small = max_bytes if actor is None else min(max_bytes, MAX_ANONYMOUS)
    if actor is not None and int(announced) > small:
        small = await _allowed(max_bytes, actor)
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body, more = message.get("body", b""), message.get("more_body", False)
    if len(body) <= small and not more:
        return body
    return await _read_rest(request, body, more, small, max_bytes, actor)


async def _read_rest(
    request: Request,
    first: bytes,
    more: bool,
    small: int,
    max_bytes: int,
    actor: Callable[[], Awaitable[Actor]] | None,
) -> bytes:
    """Reads a body that comes in several chunks, counting it as in flight."""
    body = bytearray()
    large, chunk = small > MAX_ANONYMOUS, first
    try:
        while True:
            _in_flight[large] += len(chunk)
            body += chunk
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            if len(body) > small and actor is not None:
                small = await _allowed(max_bytes, actor)
                _in_flight[large] -= len(body)
                large = True
                _in_flight[large] += len(body)
            if not more:
                return bytes(body)
            if _in_flight[large] > MAX_IN_FLIGHT[large]:
                words = "Too many requests are arriving at the same time: retry in a second."
                raise RequestError(503, words, code=RateLimited.code, details={"retryAfter": 1}, **{"Retry-After": "1"})
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk, more = message.get("body", b""), message.get("more_body", False)
    finally:
        _in_flight[large] -= len(body)


async def _allowed(max_bytes: int, actor: Callable[[], Awaitable[Actor]]) -> int:
    """The bytes that a caller with a valid token may send. Raises RequestError for any other."""
    if (await actor()).client_key is None:
        raise RequestError(413, f"A request without a valid token may have at most {MAX_ANONYMOUS} bytes.")
    return max_bytes


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(413, f"A request may have at most {max_bytes} bytes.")


#: a parameter of a media type; its value may be quoted
_PARAMETER = re.compile(r""";\s*([^\s=;"]+)=("(?:[^"\\]|\\.)*"|[^;"]*)""")


@lru_cache(1000)
def _media_type(content_type: str) -> str:
    """The media type in lower case, without its parameters; empty if they name another charset than UTF-8."""
    media_type, _, parameters = content_type.lower().partition(";")
    for name, value in _PARAMETER.findall(f";{parameters}"):
        if name == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            return ""
    return media_type.strip()
