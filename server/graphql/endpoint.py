"""The GraphQL doorway: one HTTP request in, one answer out.

We speak GraphQL over HTTP ourselves instead of through Strawberry's view: the specification's statuses and media types, a
document cache that hits, and errors in one shape are less code from scratch than as exceptions to that view. Strawberry
is the schema and graphql-core the execution, as ever.
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


@dataclass
class GraphQLEndpoint:
    """The endpoint. `page` is GraphiQL."""

    engine: GraphQLEngine
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    #: set when the process is told to stop: streams end then, which would go on for ever
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def gate(self) -> RequestGate:
        return self.engine.gate

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As a whole application: for whoever knows already that it is a question."""
        response = await self(Request(scope, receive))
        await response(scope, receive, send)

    async def __call__(self, request: Request) -> Response:
        accept = header(request.scope, b"accept") or ""
        media_type = JSON
        try:
            if request.method != "POST" and self.engine.exposure.graphiql and wants_html(accept):
                return await self.page(request)
            media_type = negotiate(accept)
            streamed, media_type = media_type == EVENT_STREAM, JSON if media_type == EVENT_STREAM else media_type
            if request.method != "POST":
                self.engine.exposure.check_get(accept)
            context, address = self.gate.context(header(request.scope, b"authorization")), address_of(request)
            body, kept = await self._read_and_look_up(request, context, address, again=not streamed)
            if streamed:
                return self._stream(request, read_operation(request, body), address)
            if kept is not None:
                return respond(kept.answer, media_type)
            work = self._execute(request, body, context, address)
            return respond(await run_while_connected(request, work, self.gate.deadline), media_type)
        except RequestError as error:
            return _refuse(error, media_type)
        except ClientDisconnect:
            return CLIENT_GONE
        except DeadlineError:
            return respond(self.engine.timed_out(request.scope.get("state", {}).get("field", "none")), media_type)
        except Exception as error:
            return respond(format_internal_error(error), media_type, 500)

    async def _read_and_look_up(
        self, request: Request, context: Context, address: str, *, again: bool
    ) -> tuple[bytes, CachedAnswer | None]:
        """The request's body, and its answer if it may be one that was given before and holds.

        Raises RequestError, also for a body that does not arrive in time, and DeadlineError.
        """
        bodies: list[bytes] = []

        async def look() -> tuple[bytes, CachedAnswer | None]:
            bodies.append(await self._body(request))
            await self.gate.admit(context, address)
            return bodies[0], await self._cached_answer(request, context, bodies[0]) if again else None

        try:
            return await run_eagerly(look(), self.gate.deadline)
        except TimeoutError:
            raise DeadlineError if bodies else RequestError(408, "The request did not arrive in time.") from None

    async def _body(self, request: Request) -> bytes:
        """The JSON of a POST; nothing of a GET. Raises RequestError."""
        return await read_body(request, JSON, self.max_body) if request.method == "POST" else b""

    async def _cached_answer(self, request: Request, context: Context, body: bytes) -> CachedAnswer | None:
        began = perf_counter()
        kept = await get(context, body)
        if kept is not None:
            _note_operation(request, kept.log_name, kept.metric_name)
            metrics.count(kept.metric_name, "OK", perf_counter() - began)
        return kept

    async def _execute(self, request: Request, body: bytes, context: Context, address: str) -> dict[str, Any] | bytes:
        operation = read_operation(request, body)
        document, chosen = self.engine.select_operation(operation)
        if isinstance(chosen, tuple):
            return self.engine.reject(chosen)
        _note_operation(request, chosen.log_name, chosen.metric_name)
        # A HEAD is a GET whose answer is not sent.
        if chosen.kind is not OperationType.QUERY and request.method != "POST":
            raise RequestError(405, "A mutation is sent by POST.", Allow="POST")
        if chosen.kind is OperationType.SUBSCRIPTION:
            return format_request_errors(
                GraphQLError(f"A subscription is sent with Accept: {EVENT_STREAM}, or over WebSocket.")
            )
        found = await self.engine.execute(document, chosen, operation, context, address)
        if "errors" in found:
            return found
        answer = dumps(found)
        put(context, body, chosen, answer)
        return answer

    def _stream(self, request: Request, operation: Operation, address: str) -> Response:
        _, chosen = self.engine.select_operation(operation)
        if isinstance(chosen, OperationInfo):
            _note_operation(request, chosen.log_name, chosen.metric_name)
            if request.method != "POST" and chosen.kind is OperationType.MUTATION:
                raise RequestError(405, "A mutation is sent by POST.", Allow="POST")
        bodies = self.engine.stream(operation, request.headers.get("authorization"), address)
        return EventStream(bodies, self.stopping)

    async def on_websocket(self, websocket: WebSocket) -> None:
        """The same questions and answers over WebSocket."""
        await serve(websocket, self.engine)


def _note_operation(request: Request, described: str, field: str) -> None:
    """What is asked, for whoever writes the log, and for the metrics if the answer is late."""
    request.scope.setdefault("state", {}).update(operation=described, field=field)


def _refuse(error: RequestError, media_type: str) -> Response:
    response = respond(format_http_error(error), media_type, error.status)
    response.headers.update(error.headers)
    return response
