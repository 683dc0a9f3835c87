"""The GraphQL endpoint: one HTTP request in, one response out.

It implements GraphQL over HTTP itself instead of using Strawberry's view: the specification's statuses and media
types, a document cache that hits, and one error format take less code from scratch than as overrides of that view.
Strawberry still makes the schema, and graphql-core executes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from resolvers.context import Context

from ..http.client_address import address_of
from ..http.context import RequestGate
from ..http.deadlines import CLIENT_GONE, DeadlineError, run_eagerly, run_while_connected
from ..http.requests import JSON, RequestError, header, read_body
from ..observability import metrics
from .answer_cache import CachedAnswer, get, put
from .documents import OperationInfo
from .engine import GraphQLEngine
from .errors import format_http_error, format_internal_error, format_request_errors
from .http import (
    EVENT_STREAM,
    Operation,
    dumps,
    negotiate,
    read_operation,
    respond,
    wants_html,
)
from .sse import EventStream
from .websocket import serve

_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
"""The methods of the endpoint. OPTIONS is answered before it is called."""


@dataclass
class GraphQLEndpoint:
    """Serves /graphql. `page` returns GraphiQL, or what a browser gets where that is off."""

    engine: GraphQLEngine
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    #: set by a shutdown signal: ends the streams, which would otherwise never end
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    gate: RequestGate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = self.engine.gate

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The endpoint as an ASGI application, for a caller that has already matched the path."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        accept = header(request.scope, b"accept") or ""
        media_type = JSON
        try:
            if request.method not in _METHODS:
                raise RequestError(405, "Method Not Allowed.", Allow=", ".join(_METHODS))
            if self._is_for_page(request, accept):
                return await self.page(request)
            media_type = negotiate(accept)
            streamed, media_type = media_type == EVENT_STREAM, JSON if media_type == EVENT_STREAM else media_type
            if request.method != "POST":
                self.engine.exposure.check_get(accept)
            context = self.gate.context(self.gate.caller(request.scope))
            body, cached = await self._read_and_look_up(request, context, use_cache=not streamed)
            if cached is not None:
                return respond(cached.answer, media_type)
            address = address_of(request)
            if streamed:
                return self._stream(request, read_operation(request, body), context, address)
            work = self._execute(request, body, context, address)
            return respond(await run_while_connected(request, work, self.gate.deadline), media_type)
        except RequestError as error:
            return _refuse(error, media_type)
        except ClientDisconnect:
            return CLIENT_GONE
        except DeadlineError:
            return respond(self.engine.timed_out(request.scope.get("state", {}).get("metric_name", "none")), media_type)
        except Exception as error:
            return respond(format_internal_error(error), media_type, 500)

    def _is_for_page(self, request: Request, accept: str) -> bool:
        """Whether a person's browser asks for the page. Where GraphiQL is off, it may still send a query by GET."""
        if request.method not in ("GET", "HEAD") or not wants_html(accept):
            return False
        return self.engine.exposure.graphiql or "query" not in request.query_params

    async def _read_and_look_up(
        self, request: Request, context: Context, *, use_cache: bool
    ) -> tuple[bytes, CachedAnswer | None]:
        """Reads the request's body, counts it against the rate limits, and looks up its cached response.

        Raises RequestError, also if the body does not arrive within the deadline, and DeadlineError if the rest is
        late.
        """
        bodies: list[bytes] = []  # has the body once it has arrived

        async def read_and_look_up() -> tuple[bytes, CachedAnswer | None]:
            bodies.append(await self._body(request, context))
            if self.gate.rates:
                await self.gate.admit(context, address_of(request))
            return bodies[0], await self._cached_answer(request, context, bodies[0]) if use_cache else None

        try:
            return await run_eagerly(read_and_look_up(), self.gate.deadline)
        except TimeoutError:
            raise DeadlineError if bodies else RequestError(408, "The request did not arrive in time.") from None

    async def _body(self, request: Request, context: Context) -> bytes:
        """The JSON body of a POST; empty for a GET. Raises RequestError."""
        return await read_body(request, JSON, self.max_body, context.actor) if request.method == "POST" else b""

    async def _cached_answer(self, request: Request, context: Context, body: bytes) -> CachedAnswer | None:
        began = perf_counter()
        cached = await get(context, body)
        if cached is not None:
            _note_operation(request, cached.log_name, cached.metric_name)
            metrics.count(cached.metric_name, "OK", perf_counter() - began)
        return cached

    async def _execute(self, request: Request, body: bytes, context: Context, address: str) -> dict[str, Any] | bytes:
        operation = read_operation(request, body)
        document, info = self.engine.select_operation(operation)
        if isinstance(info, tuple):
            return self.engine.reject(info)
        _note_operation(request, info.log_name, info.metric_name)
        # Not only GET: HEAD is a GET whose response body is not sent.
        if info.kind is not OperationType.QUERY and request.method != "POST":
            raise RequestError(405, "A mutation is sent by POST.", Allow="POST")
        if info.kind is OperationType.SUBSCRIPTION:
            return format_request_errors(
                GraphQLError(f"A subscription is sent with Accept: {EVENT_STREAM}, or over WebSocket.")
            )
        result = await self.engine.execute(document, info, operation, context, address)
        if "errors" in result:
            return result
        answer = dumps(result)
        put(context, body, info, answer)
        return answer

    def _stream(self, request: Request, operation: Operation, context: Context, address: str) -> Response:
        _, info = self.engine.select_operation(operation)
        if isinstance(info, OperationInfo):
            _note_operation(request, info.log_name, info.metric_name)
            if request.method != "POST" and info.kind is OperationType.MUTATION:
                raise RequestError(405, "A mutation is sent by POST.", Allow="POST")
        bodies = self.engine.stream(operation, context.caller, address)
        return EventStream(bodies, self.stopping)

    async def on_websocket(self, websocket: WebSocket) -> None:
        """Serves the same operations over WebSocket."""
        await serve(websocket, self.engine)


def _note_operation(request: Request, log_name: str, metric_name: str) -> None:
    """Stores the operation's names in the scope: for the access log, and for the metrics after a timeout."""
    request.scope.setdefault("state", {}).update(operation=log_name, metric_name=metric_name)


def _refuse(error: RequestError, media_type: str) -> Response:
    response = respond(format_http_error(error), media_type, error.status)
    response.headers.update(error.headers)
    return response
