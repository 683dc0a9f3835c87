"""HTTP requests: headers, bodies up to a limit, and the error for a request that cannot be read."""

from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

BAD_REQUEST = "BAD_REQUEST"
"""The error code of a request that its doorway cannot read."""

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
    found: bytes | None = None
    for given, value in scope["headers"]:
        if given == name:
            found = value if found is None else b"%b, %b" % (found, value)
    return None if found is None else found.decode("latin-1")


async def read_body(request: Request, media_type: str, max_bytes: int) -> bytes:
    """Reads the whole body, in UTF-8. Stops as soon as it is known to be too large.

    Raises RequestError for another media type (415) and for more than `max_bytes` (413), and ClientDisconnect.
    """
    if _media_type(header(request.scope, b"content-type") or "") != media_type:
        raise RequestError(415, f"Send the request as {media_type}.")
    announced = header(request.scope, b"content-length") or "0"
    body = bytearray()
    if not announced.isdigit() or int(announced) > max_bytes:
        raise _too_large(max_bytes)
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(413, f"A request may have at most {max_bytes} bytes.")


@lru_cache(1000)
def _media_type(content_type: str) -> str:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.lower().partition("charset=")[2].strip(' "')
    return media_type.strip().lower() if charset in ("", "utf-8", "utf8") else ""
