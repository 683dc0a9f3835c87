"""Cross-origin resource sharing: lets pages of other origins ask, and read responses, refusals included."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .origins import Origins
from .requests import header

_PREFLIGHT = [
    # A browser sends no token with it, so it says nothing about the origin: the response to the request itself does.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    # The wildcard does not include Authorization.
    (b"access-control-allow-headers", b"Authorization, Content-Type, *"),
    (b"access-control-max-age", b"86400"),
    (b"allow", b"GET, HEAD, OPTIONS, POST"),
]

_EXPOSED = [(b"access-control-expose-headers", b"Retry-After, X-Request-ID")]


class CrossOrigin:
    """An endpoint whose responses pages of allowed origins may read. Credentials of the browser are never allowed."""

    def __init__(self, app: ASGIApp, path: str, origins: Origins) -> None:
        self._app = app
        self._path = path.encode()
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
            return
        origin = header(scope, b"origin")
        allowed = None if origin is None else self._allow(scope, origin)
        if allowed is None:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, adding(send, readable_headers(allowed)))

    def _allow(self, scope: Scope, origin: str) -> str | None:
        """The origin to allow, or None, which is logged unless the page is one of this server's own."""
        allowed = self._origins.readable_by(origin, header(scope, b"authorization"))
        same = header(scope, b"sec-fetch-site") == "same-origin" or self._origins.is_own(scope, origin)
        if allowed is None and not same:
            self._origins.log_refused(origin, scope["path"])
        return allowed

    def headers_of_refusal(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers for a request that is refused before the application is asked, by what has arrived of it."""
        sent = {name: value.decode("latin-1") for name, value in headers}
        if target.partition(b"?")[0] != self._path or b"origin" not in sent:
            return []
        allowed = self._origins.readable_by(sent[b"origin"], sent.get(b"authorization"))
        return readable_headers(allowed) if allowed is not None else []


def readable_headers(allowed: str) -> list[tuple[bytes, bytes]]:
    """The headers that let a page of the allowed origin read a response."""
    return [(b"access-control-allow-origin", allowed.encode("ascii")), *_EXPOSED]


def adding(send: Send, headers: Sequence[tuple[bytes, bytes]]) -> Send:
    """Returns what sends a response with these headers added to its own."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers
