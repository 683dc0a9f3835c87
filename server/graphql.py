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

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from resolvers.context import Context

from . import metrics
from .answers import Answers
from .documents import asked_for, describe, is_query
from .event_stream import EventStream
from .failed_credentials import address_of
from .kept import Kept, find, keep
from .outcome import fault, rejected
from .transport import (
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
from .waiting import UNREAD, DeadlineError, while_connected
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
            return respond(self.answers.late(getattr(request.state, "asked_for", "none")), media_type)
        except Exception as error:
            return respond(fault(error), media_type, 500)

    async def _arrived(
        self, request: Request, context: Context, address: str, *, again: bool
    ) -> tuple[bytes, Kept | None]:
        """The request's body, and its answer if it may be one that was given before and holds.

        Raises TransportError, also for a body that does not arrive in time, and DeadlineError.
        """
        late: Exception = TransportError(408, "The request did not arrive in time.")
        try:
            # One timer for all of it: making one takes as long as finding an answer that is kept.
            async with asyncio.timeout(self.answers.deadline or None):
                body = await read_body(request, self.max_body)
                late = DeadlineError()
                await self.answers.admit(context, address)
                return body, await self._kept(request, context, body) if again else None
        except TimeoutError:
            raise late from None

    async def _kept(self, request: Request, context: Context, body: bytes) -> Kept | None:
        began = perf_counter()
        kept = await find(context, body)
        if kept is not None:
            request.state.operation = kept.described
            metrics.count(kept.asked_for, "OK", perf_counter() - began)
        return kept

    async def _anew(self, request: Request, body: bytes, context: Context, address: str) -> dict[str, Any] | bytes:
        operation = read_operation(request, body)
        document, chosen = self.answers.chosen(operation)
        if isinstance(chosen, tuple):
            return self.answers.refuse(chosen)
        request.state.operation, request.state.asked_for = describe(chosen), asked_for(chosen)
        if request.method != "POST" and not is_query(chosen):  # a HEAD is a GET whose answer is not sent
            raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        if chosen.operation is OperationType.SUBSCRIPTION:
            return rejected(GraphQLError(f"A subscription is sent with Accept: {EVENT_STREAM}, or over WebSocket."))
        found = await self.answers.once(document, chosen, operation, context, address)
        if "errors" in found:
            return found
        answer = dumps(found)
        keep(context, body, chosen, answer)
        return answer

    def _stream(self, request: Request, operation: Operation, address: str) -> Response:
        _, chosen = self.answers.chosen(operation)
        if isinstance(chosen, OperationDefinitionNode):
            request.state.operation = describe(chosen)
            if request.method != "POST" and chosen.operation is OperationType.MUTATION:
                raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        bodies = self.answers.to(operation, request.headers.get("authorization"), address)
        return EventStream(bodies, self.stopping)

    async def on_websocket(self, websocket: WebSocket) -> None:
        """The same questions and answers over WebSocket."""
        await serve(websocket, self.answers)


def _refuse(error: TransportError, media_type: str) -> Response:
    response = respond(rejected(error.error), media_type, error.status)
    response.headers.update(error.headers)
    return response
