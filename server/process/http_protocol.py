"""HTTP/1.1 below ASGI: bounds on what a connection may send and hold before any of our code is asked. uvicorn parses."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from core.fair_set import FairSet

from ..http.client_address import network
from . import connections
from .connections import Connection

MAX_HEAD = 64 * 1024
"""Maximum bytes of a request's head; also of what frames its body: chunk sizes, trailers."""

MAX_HEADERS = 100
"""Maximum headers of a request."""

#: seconds in which a request's head must arrive, from the connection or from its first byte
HEAD_DEADLINE = 10.0

MAX_WAITING = 2_000
"""Maximum connections of a process on which no request is being answered: none has come yet, or not all of it."""

MAX_PIPELINED = 100
"""Maximum requests of one connection that wait for the response to an earlier one."""

HeadersOfRefusal: TypeAlias = Callable[[bytes, Sequence[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]
"""From the target of a request and its headers, as far as they have arrived, to headers of the response."""

HEADERS_OF_REFUSAL = "headers_of_refusal"
"""The name of such a function in the state of the application."""

#: seconds for which the rest of a refused body is dropped during a shutdown
_DROPPING_AT_SHUTDOWN = 1.0
#: maximum bytes of a header's line in a WebSocket handshake: the limit of the websockets library
_MAX_HANDSHAKE_LINE = 8000


# Looked up once: `super()` costs a tenth of a microsecond a call, and these are called for every request.
_data_received = HttpToolsProtocol.data_received
_on_message_begin = HttpToolsProtocol.on_message_begin
_on_headers_complete = HttpToolsProtocol.on_headers_complete
_on_body = HttpToolsProtocol.on_body
_on_message_complete = HttpToolsProtocol.on_message_complete
_on_response_complete = HttpToolsProtocol.on_response_complete


class _HTTPConnection(Connection):
    """As `Connection`; closes after dropping what the client still sends if its request has not arrived."""

    def __init__(self, transport: asyncio.Transport, protocol: "HTTPProtocol") -> None:
        super().__init__(transport, protocol.loop)
        self._protocol = protocol

    def close(self) -> None:
        if self._closing:
            return
        if self._protocol.arriving:
            self.close_after_dropping(_DROPPING_AT_SHUTDOWN if self._protocol.stopping else connections.DROPPING)
        else:
            super().close()


#: Connections on which no request is being answered, by their client's network. A newcomer evicts an old one, so that
#: silent clients cannot keep others out.
_waiting = FairSet["HTTPProtocol"](MAX_WAITING, lambda protocol: protocol.connection.abort())


class HTTPProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection."""

    connection: Connection
    #: the client's network, by which connections are counted
    _network = ""
    #: whether a request has begun to arrive and not ended
    arriving = False
    #: whether the process is shutting down
    stopping = False
    #: whether the connection has become a WebSocket, which is another protocol's
    _upgraded = False
    #: whether its head has not ended
    _in_head = False
    #: bytes of the request so far, except for those of its body and as many again
    _framing = 0
    #: bytes that are being parsed
    _size = 0
    #: the status and the words for a request that one of the callbacks refuses
    _refusal: tuple[int, str] | None = None
    #: the call that closes the connection if a head does not arrive
    _head: asyncio.TimerHandle | None = None
    #: the call that closes the connection if the rest of a refused request does not arrive
    _rest: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.connection = _HTTPConnection(transport, self)
        super().connection_made(self.connection)
        self._network = network(self.client[0]) if self.client is not None else ""
        _waiting.add(self, self._network)
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _waiting.discard(self)
        self.connection.ended()
        self._stop_waiting_for_a_head()
        self._stop_waiting_for_the_rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.connection.dropping:
            self.connection.drop(len(data))
            return
        self._size = len(data)
        self._framing += self._size
        _data_received(self, data)
        if self._framing > MAX_HEAD:
            self._refuse(431, f"The head of a request may have at most {MAX_HEAD} bytes.")
        elif self._rest is not None:
            self.connection.drop(len(data))
        elif self._head is None and (self._in_head or self._is_idle()) and not self._upgraded:
            self._wait_for_a_head()

    def _is_idle(self) -> bool:
        """Whether no request is arriving or being answered."""
        return not self.arriving and (not self.cycle or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise self._exceeded(400, f"At most {MAX_PIPELINED} requests may wait.")
        self.arriving = self._in_head = True
        _on_message_begin(self)

    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_HEADERS:
            raise self._exceeded(431, f"A request may have at most {MAX_HEADERS} headers.")
        if self._size > MAX_HEAD and len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers) > MAX_HEAD:
            raise self._exceeded(431, f"The head of a request may have at most {MAX_HEAD} bytes.")
        self._in_head = False
        if self._head is not None:
            self._stop_waiting_for_a_head()
        _on_headers_complete(self)

    def on_body(self, body: bytes) -> None:
        self._framing -= 2 * len(body)
        _on_body(self, body)

    def handle_websocket_upgrade(self) -> None:
        if max(len(name) + len(value) for name, value in self.headers) > _MAX_HANDSHAKE_LINE:
            self._refuse(431, f"A header may have at most {_MAX_HANDSHAKE_LINE} bytes.")
        else:
            self._upgraded = True
            _waiting.discard(self)
            self._stop_waiting_for_a_head()
            super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        self.connection.pause_writing()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.connection.resume_writing()
        super().resume_writing()

    def on_message_complete(self) -> None:
        _waiting.discard(self)
        self.arriving = False
        self._framing = 0
        if self._rest is not None:
            self._stop_waiting_for_the_rest()
            self.connection.dropped = 0
            self._wait_for_the_next()
        _on_message_complete(self)

    def on_response_complete(self) -> None:
        _on_response_complete(self)
        if self.cycle.response_complete:
            _waiting.add(self, self._network)
        if self.arriving and self.cycle.more_body and not self.transport.is_closing():
            # uvicorn drops the rest of the request, and would wait for it for ever.
            self._unset_keepalive_if_required()
            self._rest = self.loop.call_later(connections.DROPPING, self.connection.finish)

    def send_400_response(self, msg: str) -> None:
        self._refuse(*(self._refusal or (400, msg)))

    def shutdown(self) -> None:
        self.stopping = True
        super().shutdown()
        if self.connection.dropping:
            self.connection.finish()

    def _refuse(self, status: int, words: str) -> None:
        """Answers a request that cannot be parsed, unless an answer has begun, and closes the connection."""
        cycle: Any = self.cycle
        self.arriving = True
        _waiting.add(self, self._network)
        if cycle is None or cycle.response_complete or not cycle.response_started:
            headers = [*self.server_state.default_headers, *self._headers_of_refusal()]
            usual = b"".join(b"%b: %b\r\n" % pair for pair in headers)
            self.transport.write(
                b"%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
                % (STATUS_LINE[status], usual, len(words), words.encode())
            )
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _headers_of_refusal(self) -> list[tuple[bytes, bytes]]:
        """The headers that the application adds to a refusal: they let a page read it."""
        added: HeadersOfRefusal | None = self.app_state.get(HEADERS_OF_REFUSAL)
        target: bytes | None = vars(self).get("url")  # uvicorn sets it, and the headers, when a request begins
        return added(target, self.headers) if added is not None and target is not None else []

    def _exceeded(self, status: int, words: str) -> ValueError:
        """The exception for a callback to raise: the parser stops, and the request is refused."""
        self._refusal = status, words
        return ValueError(words)

    def _wait_for_a_head(self) -> None:
        self._head = self.loop.call_later(HEAD_DEADLINE, self._on_late_head)

    def _on_late_head(self) -> None:
        self._head = None
        if self._in_head:
            self._refuse(408, "The request did not arrive in time.")
        elif self._is_idle():
            self.transport.close()

    def _stop_waiting_for_a_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _wait_for_the_next(self) -> None:
        """Closes the connection if no further request comes in the usual time."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_waiting_for_the_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
