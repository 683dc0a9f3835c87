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

from ..http.deadlines import UNREAD, DeadlineError, at_once, while_connected
from ..observability import metrics
from .answer_cache import Kept, find, keep
from .credential_throttle import address_of
from .documents import Asked
from .engine import Answers
from .errors import fault, rejected
from .http import (
    EVENT_STREAM,
    JSON,
    Operation,
    TransportError,
    dumps,
    header,
    negotiate,
    read_body,
    read_operation,
    respond,
    wants_html,
)
from .sse import EventStream
from .websocket import serve


@dataclass
class GraphQL:
    """The endpoint. `page` is GraphiQL."""

    answers: Answers
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    #: set when the process is told to stop: streams end then, which would go on for ever
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As a whole application: for whoever knows already that it is a question."""
        response = await self(Request(scope, receive))
        await response(scope, receive, send)

    async def __call__(self, request: Request) -> Response:
        accept = header(request.scope, b"accept") or ""
        media_type = JSON
        try:
            if request.method != "POST" and self.answers.profile.graphiql and wants_html(accept):
                return await self.page(request)
            media_type = negotiate(accept)
            streamed, media_type = media_type == EVENT_STREAM, JSON if media_type == EVENT_STREAM else media_type
            if request.method != "POST":
                self.answers.profile.check_get(accept)
            context, address = self.answers.context(header(request.scope, b"authorization")), address_of(request)
            body, kept = await self._arrived(request, context, address, again=not streamed)
            if streamed:
                return self._stream(request, read_operation(request, body), address)
            if kept is not None:
                return respond(kept.answer, media_type)
            work = self._anew(request, body, context, address)
            return respond(await while_connected(request, work, self.answers.deadline), media_type)
        except TransportError as error:
            return _refuse(error, media_type)
        except ClientDisconnect:
            return UNREAD
        except DeadlineError:
            return respond(self.answers.late(request.scope.get("state", {}).get("field", "none")), media_type)
        except Exception as error:
            return respond(fault(error), media_type, 500)

    async def _arrived(
        self, request: Request, context: Context, address: str, *, again: bool
    ) -> tuple[bytes, Kept | None]:
        """The request's body, and its answer if it may be one that was given before and holds.

        Raises TransportError, also for a body that does not arrive in time, and DeadlineError.
        """
        bodies: list[bytes] = []

        async def look() -> tuple[bytes, Kept | None]:
            bodies.append(await read_body(request, self.max_body))
            await self.answers.admit(context, address)
            return bodies[0], await self._kept(request, context, bodies[0]) if again else None

        try:
            return await at_once(look(), self.answers.deadline)
        except TimeoutError:
            raise DeadlineError if bodies else TransportError(408, "The request did not arrive in time.") from None

    async def _kept(self, request: Request, context: Context, body: bytes) -> Kept | None:
        began = perf_counter()
        kept = await find(context, body)
        if kept is not None:
            _note(request, kept.described, kept.field)
            metrics.count(kept.field, "OK", perf_counter() - began)
        return kept

    async def _anew(self, request: Request, body: bytes, context: Context, address: str) -> dict[str, Any] | bytes:
        operation = read_operation(request, body)
        document, chosen = self.answers.chosen(operation)
        if isinstance(chosen, tuple):
            return self.answers.refuse(chosen)
        _note(request, chosen.described, chosen.field)
        # A HEAD is a GET whose answer is not sent.
        if chosen.kind is not OperationType.QUERY and request.method != "POST":
            raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        if chosen.kind is OperationType.SUBSCRIPTION:
            return rejected(GraphQLError(f"A subscription is sent with Accept: {EVENT_STREAM}, or over WebSocket."))
        found = await self.answers.once(document, chosen, operation, context, address)
        if "errors" in found:
            return found
        answer = dumps(found)
        keep(context, body, chosen, answer)
        return answer

    def _stream(self, request: Request, operation: Operation, address: str) -> Response:
        _, chosen = self.answers.chosen(operation)
        if isinstance(chosen, Asked):
            _note(request, chosen.described, chosen.field)
            if request.method != "POST" and chosen.kind is OperationType.MUTATION:
                raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        bodies = self.answers.to(operation, request.headers.get("authorization"), address)
        return EventStream(bodies, self.stopping)

    async def on_websocket(self, websocket: WebSocket) -> None:
        """The same questions and answers over WebSocket."""
        await serve(websocket, self.answers)


def _note(request: Request, described: str, field: str) -> None:
    """What is asked, for whoever writes the log, and for the metrics if the answer is late."""
    request.scope.setdefault("state", {}).update(operation=described, field=field)


def _refuse(error: TransportError, media_type: str) -> Response:
    response = respond(rejected(error.error), media_type, error.status)
    response.headers.update(error.headers)
    return response
