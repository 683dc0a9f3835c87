"""The tools over HTTP: one POST, one answer, on the gate that all doorways share. There are no sessions.

A page of another site can make a browser send requests here, under any name that resolves to this address. So the request
must name one of the server's own addresses, and come from a page of one of them, or from a program.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from core.access import require_client
from core.errors import RateLimited, Unauthenticated, WrongCredentials
from resolvers.context import Context

from ..http.client_address import address_of
from ..http.context import RequestGate
from ..http.credential_throttle import CredentialThrottle
from ..http.deadlines import CLIENT_GONE, DeadlineError, run_eagerly, run_while_connected
from ..http.faults import log_fault
from ..http.requests import JSON, RequestError, header, read_body
from .service import make_server

#: where the scope of a request has its context, for the tool that it calls
_CONTEXT = "openings.context"


@dataclass
class MCPEndpoint:
    """Serves the path, as an ASGI application."""

    gate: RequestGate
    #: shared with the other doorways
    throttle: CredentialThrottle
    max_body: int
    _manager: StreamableHTTPSessionManager = field(init=False)

    def __post_init__(self) -> None:
        self._manager = StreamableHTTPSessionManager(
            make_server(_context_of), stateless=True, json_response=True, max_request_body_size=self.max_body
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Requests can be answered within the block, which a worker enters once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            self._check_sender(request)
            body = await self._admit(request)
            return await run_while_connected(request, self._exchange(request.scope, body), self.gate.deadline)
        except ClientDisconnect:
            return CLIENT_GONE
        except RequestError as error:
            return _error(error.status, str(error), error.headers)
        except Unauthenticated as error:
            return _error(401, str(error), {"WWW-Authenticate": "Bearer"})
        except RateLimited as error:
            return _error(429, str(error), {"Retry-After": str(error.details.get("retryAfter", 1))})
        except DeadlineError:
            return _error(503, "The request took too long and was cancelled. Send it again.", {"Retry-After": "1"})
        except Exception as error:
            fault = log_fault(error, "mcp")
            return _error(503 if fault.retry else 500, fault.message, {"Retry-After": "1"} if fault.retry else {})

    def _check_sender(self, request: Request) -> None:
        """Raises RequestError for another method, a Host that is not this server's, and a page of another origin."""
        if request.method != "POST":
            words = "This path takes POST. It has no sessions, and nothing to listen to."
            raise RequestError(405, words, Allow="POST")
        origins, scope = self.gate.origins, request.scope
        if not origins.is_own_host(scope):
            words = "The Host header names another server: set OPENINGS_PUBLIC_URL to the address that clients use."
            raise RequestError(421, words)
        origin = header(scope, b"origin")
        if origin is not None and not origins.is_own(scope, origin):
            raise RequestError(403, "Pages of other origins may not ask here.")

    async def _admit(self, request: Request) -> bytes:
        """As `_admit_and_read`. Wrong tokens that are repeated are answered late, or with RateLimited."""
        try:
            return await self._admit_and_read(request)
        except WrongCredentials as error:
            refusal = await self.throttle.delay_if_repeated([error], address_of(request))
            raise refusal or error from None

    async def _admit_and_read(self, request: Request) -> bytes:
        """Returns the body of a caller with a valid token. Raises RequestError, Unauthenticated and DeadlineError."""
        context = self.gate.context(self.gate.caller(request.scope))
        request.scope[_CONTEXT] = context
        read: list[bytes] = []  # has the body once it has arrived

        async def admit_and_read() -> bytes:
            await self.gate.admit(context, address_of(request))
            require_client(await context.actor())
            read.append(await read_body(request, JSON, self.max_body, context.actor))
            return read[0]

        try:
            return await run_eagerly(admit_and_read(), self.gate.deadline)
        except TimeoutError:
            raise DeadlineError if read else RequestError(408, "The request did not arrive in time.") from None

    async def _exchange(self, scope: Scope, body: bytes) -> Response:
        """Passes a request to the SDK, and returns its response."""
        arriving: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Message:
            if arriving:
                return arriving.pop()
            return await asyncio.get_running_loop().create_future()  # the connection is watched outside

        async def send(message: Message) -> None:
            sent.append(message)

        await self._manager.handle_request(scope, receive, send)
        head, *rest = sent
        response = Response(b"".join(message.get("body", b"") for message in rest), head["status"])
        response.raw_headers = [*head["headers"], (b"cache-control", b"no-store")]
        return response


def _context_of(ctx: ServerRequestContext[Any, Any]) -> Context:
    assert ctx.request is not None  # over HTTP every call has one
    return ctx.request.scope[_CONTEXT]


def _error(status: int, message: str, headers: Any) -> Response:
    return JSONResponse({"error": message}, status, {**headers, "Cache-Control": "no-store"})
