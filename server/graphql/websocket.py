"""GraphQL over WebSocket: the graphql-transport-ws protocol, as specified.

A connection carries several operations, each under an id that the client chooses. A violation of the protocol
closes the connection with the specified code; an error in an operation is sent under its id. The older protocol
named graphql-ws is not supported: its messages could be mistaken for others.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from time import perf_counter
from typing import Any, TypeAlias

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.access import NOBODY, Actor
from core.errors import RateLimited
from db.retries import is_unavailable

from ..http.access_log import access
from ..http.client_address import address_of
from ..http.requests import JSON, RequestError, header
from .connection_limits import LimitReached, SocketPlace
from .engine import GraphQLEngine
from .errors import format_http_error, format_request_errors
from .http import Operation, dumps, operation_in, respond

log = logging.getLogger("openings")

PROTOCOL = "graphql-transport-ws"

MAX_MESSAGE = 64 * 1024
"""Maximum bytes of a message from a client. uvicorn enforces it: see `ws_max_size` in process/serve.py."""

MAX_OPERATIONS = 100
"""Maximum concurrent operations on one socket."""

#: seconds within which a client must send connection_init
INTRODUCTION = 10.0
#: seconds within which a client must have sent a valid token
PROOF = 10.0
#: seconds that a send may block on a client that does not read
STALLED = 30.0

#: maximum characters of an operation's id
_LONGEST_ID = 256

#: the reason for closing the socket of a page that may not ask, at most 123 bytes
_FORBIDDEN = "This origin may not ask with this token: see OPENINGS_ORIGINS, and the origin of the element token"

#: message types that a client may send
_TYPES = {"connection_init", "ping", "pong", "subscribe", "complete"}

Message: TypeAlias = dict[str, Any]


class Closing(Exception):
    """Raised to close the connection with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def serve(websocket: WebSocket, engine: GraphQLEngine) -> None:
    """Serves one socket until either side closes it. Refuses sockets over the limit (503).

    A page of any origin may open one, since its token comes later; see `Connection._check_origin`.
    """
    connection = Connection(websocket, engine)
    try:
        with engine.connection_limits.socket(connection.address, connection.evict) as place:
            await connection.run(place)
    except LimitReached as full:
        await _deny(websocket, 503, str(full))


async def _deny(websocket: WebSocket, status: int, words: str) -> None:
    """Refuses the handshake with an ordinary HTTP response."""
    with suppress(WebSocketDisconnect):  # the client is gone
        await websocket.send_denial_response(respond(format_request_errors(GraphQLError(words)), JSON, status))


class Connection:
    """One socket, and the operations on it."""

    def __init__(self, websocket: WebSocket, engine: GraphQLEngine) -> None:
        self._socket = websocket
        self._engine = engine
        self._gate = engine.gate
        self._authorization = websocket.headers.get("authorization")
        self._caller: Actor | bytes = NOBODY
        self.address = address_of(websocket)
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._begun = 0
        self._group = asyncio.TaskGroup()

    async def run(self, place: SocketPlace) -> None:
        """Serves the connection, and writes its log line at the end."""
        began, code = perf_counter(), 1006
        try:
            code = await self._run(place)
        finally:
            _write(code, perf_counter() - began, self._begun)

    def evict(self) -> None:
        """Closes the socket to make room for another one, with a code that clients come back from."""
        ending = _raise(Closing(1013, "Too many sockets without a valid token"))
        try:
            self._group.create_task(ending)
        except RuntimeError:  # it is being closed already
            ending.close()

    async def _run(self, place: SocketPlace) -> int:
        """Serves the connection and returns its close code."""
        if PROTOCOL not in self._socket.scope["subprotocols"]:
            await self._socket.accept()
            return await self._close(4406, "Subprotocol not acceptable")
        await self._socket.accept(PROTOCOL)
        try:
            async with self._group:
                await self._initialise()
                self._group.create_task(self._require_token(place))
                while True:
                    await self._handle(await self._receive())
        except BaseExceptionGroup as group:
            return await self._end(group)

    async def _end(self, group: BaseExceptionGroup[BaseException]) -> int:
        """Closes the socket if still open, once all tasks have ended with these exceptions. Returns the close code."""
        for kind in (WebSocketDisconnect, TimeoutError, Closing):
            if (found := group.subgroup(kind)) is not None:
                first = found.exceptions[0]
                if isinstance(first, Closing):
                    return await self._close(first.code, first.reason)
                return first.code if isinstance(first, WebSocketDisconnect) else 1006
        log.error("fault in a WebSocket connection", exc_info=group)
        return await self._close(1011, "Internal error")

    async def _close(self, code: int, reason: str) -> int:
        with suppress(WebSocketDisconnect, TimeoutError, RuntimeError):  # the client may be gone or not read
            async with asyncio.timeout(STALLED):
                await self._socket.close(code, reason)
        return code

    async def _initialise(self) -> None:
        """Waits for connection_init and acknowledges it. Raises Closing."""
        try:
            async with asyncio.timeout(INTRODUCTION):
                while (message := await self._receive())["type"] != "connection_init":
                    if message["type"] == "subscribe":
                        raise Closing(4401, "Unauthorized")
                    await self._handle(message)
        except TimeoutError:
            raise Closing(4408, "Connection initialisation timeout") from None
        payload: Message = message["payload"] if isinstance(message.get("payload"), dict) else {}
        for name, value in payload.items():
            if name.lower() == "authorization":
                self._authorization = str(value)
        self._check_origin()
        self._caller = self._gate.caller_with(self._socket.scope, self._authorization)
        await self._send({"type": "connection_ack"})

    def _check_origin(self) -> None:
        """Raises Closing for a page whose origin may not ask, and for an element token of another origin."""
        scope, origins = self._socket.scope, self._gate.origins
        if origins.may_connect(scope, self._authorization):
            return
        origin = header(scope, b"origin")
        if origin is not None:
            origins.log_refused(origin, scope["path"])
        raise Closing(4403, _FORBIDDEN)

    async def _require_token(self, place: SocketPlace) -> None:
        """Closes the socket after PROOF seconds if it came without a valid token, so that it takes no place for long.

        Until then its operations are executed like those of a request without one. While the database does not answer,
        nobody's token can be told, and the check is repeated. Raises Closing.
        """
        while (proven := await self._has_valid_token()) is None:
            await asyncio.sleep(PROOF)
        if not proven:
            await asyncio.sleep(PROOF)
            raise Closing(4401, "Unauthorized")
        try:
            place.prove()
        except LimitReached as full:
            raise Closing(1013, str(full)) from None

    async def _has_valid_token(self) -> bool | None:
        """Whether the socket's token is valid; None if the database does not answer."""
        try:
            return (await self._gate.context(self._caller).actor()).client_key is not None
        except Exception as error:
            if is_unavailable(error):
                return None
            raise

    async def _receive(self) -> Message:
        """Receives the next message. Raises Closing if it is invalid, and WebSocketDisconnect."""
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        try:
            message = orjson.loads(received.get("text") or b"")
        except orjson.JSONDecodeError:
            raise Closing(4400, "Messages are JSON in text frames") from None
        if not isinstance(message, dict) or message.get("type") not in _TYPES:  # pyright: ignore[reportUnknownMemberType]
            raise Closing(4400, "Unknown message")
        return message  # pyright: ignore[reportUnknownVariableType]: any JSON object

    async def _handle(self, message: Message) -> None:
        """Handles a message. Raises Closing."""
        match message["type"]:
            case "connection_init":
                raise Closing(4429, "Too many initialisation requests")
            case "ping":
                await self._send({"type": "pong"})
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if isinstance(id := message.get("id"), str) and (task := self._operations.pop(id, None)) is not None:
                    task.cancel()
            case _:  # a pong needs no answer
                pass

    async def _subscribe(self, message: Message) -> None:
        id, payload = message.get("id"), message.get("payload")
        if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID or not isinstance(payload, dict):
            raise Closing(4400, "A subscribe message has an id and a payload")
        if id in self._operations:
            raise Closing(4409, f"Subscriber for {id[:64]} already exists")
        try:
            operation = operation_in(payload)  # pyright: ignore[reportUnknownArgumentType]
        except RequestError as error:
            raise Closing(4400, str(error)) from None
        if len(self._operations) >= MAX_OPERATIONS:
            words = f"This socket already has {MAX_OPERATIONS} operations open."
            errors = [{"message": words, "extensions": {"code": RateLimited.code}}]
            await self._send({"id": id, "type": "error", "payload": errors})
            return
        self._begun += 1
        self._operations[id] = self._group.create_task(self._operate(id, operation))

    async def _operate(self, id: str, operation: Operation) -> None:
        """Sends the responses to an operation. One without data becomes an `error` message, which ends it."""
        last: Message = {"id": id, "type": "complete"}
        try:
            await self._gate.admit(self._gate.context(self._caller), self.address)
            async with aclosing(self._engine.stream(operation, self._caller, self.address)) as bodies:
                async for body in bodies:
                    if "data" not in body:
                        last = {"id": id, "type": "error", "payload": body["errors"]}
                        break
                    await self._send({"id": id, "type": "next", "payload": body})
        except RequestError as error:
            last = {"id": id, "type": "error", "payload": format_http_error(error)["errors"]}
        finally:
            if self._operations.get(id) is asyncio.current_task():
                del self._operations[id]
        await self._send(last)

    async def _send(self, message: Message) -> None:
        """Sends a text frame, which clients expect. Raises TimeoutError if it blocks for STALLED seconds."""
        async with asyncio.timeout(STALLED):
            await self._socket.send_text(dumps(message).decode())


async def _raise(error: Exception) -> None:
    raise error


def _write(code: int, seconds: float, begun: int) -> None:
    facts = {
        "method": "WEBSOCKET",
        "path": "/graphql",
        "status": code,
        "milliseconds": round(seconds * 1000, 1),
        "operation": f"{begun} operations",
    }
    access.info("%(method)s %(path)s %(status)d %(milliseconds).1fms %(operation)s", facts, extra={"facts": facts})
