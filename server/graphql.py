"""The GraphQL doorway: one HTTP request in, one answer out.

We speak GraphQL over HTTP ourselves instead of through Strawberry's view: the specification's statuses and media types, a
document cache that hits, and errors in one shape are less code from scratch than as exceptions to that view. Strawberry
is the schema and graphql-core the execution, as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from resolvers.context import Context

from . import metrics
from .answers import Answers
from .documents import describe, is_query
from .event_stream import EventStream
from .kept import Kept, find, keep
from .outcome import fault, rejected
from .transport import (
    EVENT_STREAM,
    JSON,
    Operation,
    TransportError,
    dumps,
    negotiate,
    read_body,
    read_operation,
    respond,
    wants_html,
)
from .websocket import serve

T = TypeVar("T")

#: what nobody will read: the client has hung up
_UNREAD = Response(status_code=499)


@dataclass
class GraphQL:
    """The endpoint. `page` is GraphiQL."""

    answers: Answers
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    #: set when the process is told to stop: streams end then, which would go on for ever
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: Request) -> Response:
        accept = ", ".join(request.headers.getlist("accept"))
        media_type = JSON
        try:
            if request.method != "POST" and wants_html(accept):
                return await self.page(request)
            media_type = negotiate(accept)
            streamed, media_type = media_type == EVENT_STREAM, JSON if media_type == EVENT_STREAM else media_type
            body = await read_body(request, self.max_body)
            if streamed:
                return self._stream(request, read_operation(request, body))
            return respond(await self._answer(request, body), media_type)
        except TransportError as error:
            return _refuse(error, media_type)
        except ClientDisconnect:
            return _UNREAD
        except Exception as error:
            return respond(fault(error), media_type, 500)

    async def _answer(self, request: Request, body: bytes) -> dict[str, Any] | bytes:
        began = perf_counter()
        context = self.answers.context(request.headers.get("authorization"))
        if (kept := await find(context, body)) is not None:
            return _again(request, kept, began)
        return await _while_connected(request, self._anew(request, body, context))

    async def _anew(self, request: Request, body: bytes, context: Context) -> dict[str, Any] | bytes:
        operation = read_operation(request, body)
        document, chosen = self.answers.chosen(operation)
        if isinstance(chosen, tuple):
            return self.answers.refuse(chosen)
        request.state.operation = describe(chosen)
        if request.method != "POST" and not is_query(chosen):  # a HEAD is a GET whose answer is not sent
            raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        if chosen.operation is OperationType.SUBSCRIPTION:
            return rejected(GraphQLError(f"A subscription is sent with Accept: {EVENT_STREAM}, or over WebSocket."))
        found = await self.answers.once(document, chosen, operation, context)
        if "errors" in found:
            return found
        answer = dumps(found)
        keep(context, body, chosen, answer)
        return answer

    def _stream(self, request: Request, operation: Operation) -> Response:
        _, chosen = self.answers.chosen(operation)
        if isinstance(chosen, OperationDefinitionNode):
            request.state.operation = describe(chosen)
            if request.method != "POST" and chosen.operation is OperationType.MUTATION:
                raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        return EventStream(self.answers.to(operation, request.headers.get("authorization")), self.stopping)

    async def on_websocket(self, websocket: WebSocket) -> None:
        """The same questions and answers over WebSocket."""
        await serve(websocket, self.answers)


def _again(request: Request, kept: Kept, began: float) -> bytes:
    request.state.operation = kept.described
    metrics.count(kept.asked_for, "OK", perf_counter() - began)
    return kept.answer


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled, and its transaction undone, when the client hangs up first."""
    working = asyncio.ensure_future(work)
    hanging_up = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({working, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        hanging_up.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})


async def _hang_up(request: Request) -> None:
    """Comes back when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refuse(error: TransportError, media_type: str) -> Response:
    response = respond(rejected(GraphQLError(str(error))), media_type, error.status)
    headers: Mapping[str, str] = error.headers
    response.headers.update(headers)
    return response
