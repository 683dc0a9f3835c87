"""UI Elements: pages with an element token in the address (`?et=`), which may read the responses to their requests."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from core.access import Actor
from core.element_tokens import NOT_VALID_HERE, is_element_token

from ..http.context import RequestGate
from ..http.cors import adding, readable_headers
from ..http.origins import Origins
from ..http.requests import header
from .requests import MAX_PARAMETERS

_PATHS = ("/v1/", b"/v1/")
"""What the paths begin with, decoded and as sent."""

_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"cronofy-element, content-type"),
    (b"access-control-max-age", b"600"),
    (b"vary", b"Origin"),
]

_NO_ELEMENT = Actor(rejection="A request with an element token in its address needs the header Cronofy-Element.")


def caller(gate: RequestGate, scope: Scope) -> Actor | bytes:
    """The caller of a request, by its Authorization header, or else by the element token in its address."""
    token = _token(scope["query_string"]) if header(scope, b"authorization") is None else None
    if token is None:
        return gate.caller(scope)
    if header(scope, b"cronofy-element") is None:
        return _NO_ELEMENT
    return gate.caller_with(scope, f"Bearer {token}") if is_element_token(token) else Actor(rejection=NOT_VALID_HERE)


@dataclass(frozen=True, slots=True)
class ElementsCrossOrigin:
    """Lets the page of an element token in the address ask, and read every response, refusals included.

    A browser keeps the address in a preflight, so the token's origin is known there too. Requests with other tokens are
    readable by no page of another origin.
    """

    app: ASGIApp
    origins: Origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine: most requests have no such token, and should not pay for one.
        if b"et=" in scope["query_string"] and scope["path"].startswith(_PATHS[0]):
            return self._serve_page(scope, receive, send)
        return self.app(scope, receive, send)

    async def _serve_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope["query_string"]
        allowed = self._allowed(header(scope, b"origin"), query)
        if allowed is not None and scope["method"] == "OPTIONS":
            headers = [(b"access-control-allow-origin", allowed.encode("ascii")), *_PREFLIGHT]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        readable = readable_headers(allowed) if allowed is not None else []
        await self.app(scope, receive, adding(send, [*readable, (b"vary", b"Origin")]))

    def headers_of_refusal(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers for a request that is refused before the application is asked, by what has arrived of it."""
        path, _, query = target.partition(b"?")
        sent = {name: value.decode("latin-1") for name, value in headers}
        allowed = self._allowed(sent.get(b"origin"), query) if path.startswith(_PATHS[1]) else None
        return readable_headers(allowed) if allowed is not None else []

    def _allowed(self, origin: str | None, query: bytes) -> str | None:
        """The origin that may read the response, if it is that of the token, valid or not."""
        token = _token(query)
        return self.origins.of_element(origin, token) if origin is not None and token is not None else None


def _token(query: bytes) -> str | None:
    """The value of `et`, the last one if it is given twice; None without it."""
    if b"et=" not in query:
        return None
    try:
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)).get("et")
    except ValueError:
        return None
