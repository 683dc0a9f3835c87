"""Protocols below ASGI: bounds on what a connection may send and hold before any of our code is asked.

uvicorn parses; these subclasses count. A request that is refused before its body has arrived is answered, and what its
client still sends is read and dropped: closing at once would reset the connection, and the response would be lost.
"""

import asyncio
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MAX_DROPPED = 64 * 1024 * 1024
"""Maximum bytes that are read and dropped after a response."""

#: seconds for which they are
DROPPING = 30.0
#: and during a shutdown
_DROPPING_AT_SHUTDOWN = 1.0

#: seconds in which a client must read all that waits for it, or MIN_READ bytes of it: 2 KiB a second is a slow line
UNREAD = 30.0
MIN_READ = 64 * 1024

MAX_HEAD = 64 * 1024
"""Maximum bytes of a request's head; also of what frames its body: chunk sizes, trailers."""

MAX_HEADERS = 100
"""Maximum headers of a request, with its trailers."""

#: seconds in which a request's head must arrive, from the connection or from its first byte
HEAD_DEADLINE = 10.0

MAX_PIPELINED = 100
"""Maximum requests of one connection that wait for the response to an earlier one."""

MAX_UNREAD = 256 * 1024 * 1024
"""Maximum bytes of one process that wait for clients to read them. Beyond it the longest stalled connection ends."""

MAX_FRAMES = 64
"""Maximum frames of a WebSocket message."""

#: control frames that a WebSocket may send at once, and per second afterwards
CONTROL_FRAMES = 100
_CONTROL_FRAMES_PER_SECOND = 10.0

PING_TIMEOUT = 4499
"""The close code of a WebSocket that does not answer a ping: its client's machine may have slept, and it may come back.

graphql-ws never reconnects after uvicorn's 1011. It uses 4499 itself for a socket that froze.
"""

#: maximum bytes of a header's line in a WebSocket handshake: the limit of the websockets library
_MAX_HANDSHAKE_LINE = 8000


class _Stalled:
    """The connections of this process that wait for their clients to read, in the order in which they began to."""

    def __init__(self) -> None:
        self._sizes: dict[Connection, int] = {}
        self._total = 0

    def add(self, connection: "Connection") -> None:
        """Adds a connection, and aborts the first ones while all of them hold more than MAX_UNREAD bytes."""
        self.remove(connection)
        self._sizes[connection] = size = connection.get_write_buffer_size()
        self._total += size
        while self._total > MAX_UNREAD:
            first = next(iter(self._sizes))
            self.remove(first)
            first.abort()

    def remove(self, connection: "Connection") -> None:
        self._total -= self._sizes.pop(connection, 0)


_stalled = _Stalled()


class Connection(asyncio.Transport):
    """The transport of a connection, whose `close` is bounded in time and lets a client read its response first."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._closing = False
        #: whether what the client sends is dropped, and how much has been
        self.dropping = False
        self.dropped = 0
        #: all bytes that were written
        self._written = 0
        #: the call that aborts the connection if its client does not read
        self._unread: asyncio.TimerHandle | None = None
        #: the call that ends the connection if its client does not
        self._last_call: asyncio.TimerHandle | None = None

    def write(self, data: Any) -> None:
        if not self._closing:
            self._written += len(data)
            self._transport.write(data)
            if self._unread is not None:
                _stalled.add(self)

    def pause_writing(self) -> None:
        """Aborts the connection if its client does not read, or too slowly."""
        if self._unread is None:
            self._watch_reading()
        _stalled.add(self)

    def _watch_reading(self) -> None:
        self._unread = self._loop.call_later(UNREAD, self._abort_if_unread, self._read_bytes())

    def _read_bytes(self) -> int:
        """Returns how much of what was written has left for the client."""
        return self._written - self.get_write_buffer_size()

    def _abort_if_unread(self, before: int) -> None:
        if self._read_bytes() - before < MIN_READ:
            self.abort()
        else:
            self._watch_reading()

    def resume_writing(self) -> None:
        """Stops watching: the client has read nearly all of it."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
            _stalled.remove(self)
            if self._closing:
                self._abort_later()

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def close(self) -> None:
        """Closes the connection when all has been sent, or its client does not read it."""
        if not self._closing:
            self.finish()

    def close_after_dropping(self, seconds: float = DROPPING) -> None:
        """Sends all and the end of the stream, drops what still arrives, and closes when the client does.

        Also closes after MAX_DROPPED bytes or so many seconds.
        """
        if self._transport.is_closing():
            return
        self._closing = self.dropping = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._call_later(seconds, self.finish)

    def drop(self, size: int) -> None:
        """Counts so many bytes that have arrived and are dropped. Closes the connection if they are too many."""
        self.dropped += size
        if self.dropped > MAX_DROPPED:
            self.finish()

    def finish(self) -> None:
        """Closes the connection without waiting for what its client still sends."""
        self._closing = True
        self._transport.close()
        # A transport waits for ever for a client that does not read.
        if self._unread is None:
            self._abort_later()

    def _abort_later(self) -> None:
        if self._transport.get_write_buffer_size():
            self._call_later(UNREAD, self._transport.abort)

    def ended(self) -> None:
        """Cancels what was to end the connection."""
        self.resume_writing()
        self._cancel_last_call()

    def _cancel_last_call(self) -> None:
        if self._last_call is not None:
            self._last_call.cancel()
            self._last_call = None

    def _call_later(self, seconds: float, call: Any) -> None:
        self._cancel_last_call()
        self._last_call = self._loop.call_later(seconds, call)

    def after_upgrade(self) -> "Connection":
        """The same connection for another protocol."""
        self.ended()
        return Connection(self._transport, self._loop)

    # Everything else is the transport's.

    def abort(self) -> None:
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)


class _HTTPConnection(Connection):
    """As `Connection`; closes after dropping what the client still sends if its request has not arrived."""

    def __init__(self, transport: asyncio.Transport, protocol: "HTTPProtocol") -> None:
        super().__init__(transport, protocol.loop)
        self._protocol = protocol

    def close(self) -> None:
        if self._closing:
            return
        if self._protocol.arriving:
            self.close_after_dropping(_DROPPING_AT_SHUTDOWN if self._protocol.stopping else DROPPING)
        else:
            super().close()


class HTTPProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection."""

    connection: Connection
    #: whether a request has begun to arrive and not ended
    arriving = False
    #: whether the process is shutting down
    stopping = False
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
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
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
        super().data_received(data)
        if self._framing > MAX_HEAD:
            self._refuse(431, f"The head of a request may have at most {MAX_HEAD} bytes.")
        elif self._rest is not None:
            self.connection.drop(len(data))
        elif self._head is None and (self._in_head or self._is_idle()):
            self._wait_for_a_head()

    def _is_idle(self) -> bool:
        """Whether no request is arriving or being answered."""
        return not self.arriving and (not self.cycle or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise self._exceeded(400, f"At most {MAX_PIPELINED} requests may wait.")
        self.arriving = self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MAX_HEADERS:
            raise self._exceeded(431, f"A request may have at most {MAX_HEADERS} headers.")
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._size > MAX_HEAD and len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers) > MAX_HEAD:
            raise self._exceeded(431, f"The head of a request may have at most {MAX_HEAD} bytes.")
        self._in_head = False
        if self._head is not None:
            self._stop_waiting_for_a_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing -= 2 * len(body)
        super().on_body(body)

    def handle_websocket_upgrade(self) -> None:
        if max(len(name) + len(value) for name, value in self.headers) > _MAX_HANDSHAKE_LINE:
            self._refuse(431, f"A header may have at most {_MAX_HANDSHAKE_LINE} bytes.")
        else:
            self._stop_waiting_for_a_head()
            super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        self.connection.pause_writing()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.connection.resume_writing()
        super().resume_writing()

    def on_message_complete(self) -> None:
        self.arriving = False
        self._framing = 0
        if self._rest is not None:
            self._stop_waiting_for_the_rest()
            self.connection.dropped = 0
            self._wait_for_the_next()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.arriving and self.cycle.more_body and not self.transport.is_closing():
            # uvicorn drops the rest of the request, and would wait for it for ever.
            self._unset_keepalive_if_required()
            self._rest = self.loop.call_later(DROPPING, self.connection.finish)

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
        if cycle is None or cycle.response_complete or not cycle.response_started:
            usual = b"".join(b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)
            self.transport.write(
                b"%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
                % (STATUS_LINE[status], usual, len(words), words.encode())
            )
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

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


class _WebSocket(ServerProtocol):
    """The parser of a WebSocket, with limits on frames. websockets limits only their bytes."""

    _frames = 0
    _controls = 0.0
    _since = 0.0

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CONT:
            self._frames += 1
            if self._frames > MAX_FRAMES:
                raise ProtocolError(f"a message may have at most {MAX_FRAMES} frames")
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._frames = 1
        else:
            self._count_control_frame()
        super().recv_frame(frame)

    def _count_control_frame(self) -> None:
        """A bucket that holds CONTROL_FRAMES and runs out at _CONTROL_FRAMES_PER_SECOND."""
        now = monotonic()
        self._controls = max(0, self._controls - (now - self._since) * _CONTROL_FRAMES_PER_SECOND) + 1
        self._since = now
        if self._controls > CONTROL_FRAMES:
            raise ProtocolError("too many control frames")


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket on one connection. Without extensions: compressed messages are not supported."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.conn = _WebSocket(max_size=self.config.ws_max_size, logger=self.conn.logger)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Connection), "uvicorn passes on the transport of HTTPProtocol"
        self.connection = transport.after_upgrade()
        super().connection_made(self.connection)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection.ended()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Also pauses reading, so that no answers to a client's pings pile up."""
        super().pause_writing()
        self.connection.pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.connection.resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> Any:
        """As uvicorn's, which resumes reading when its queue is empty; here only if writing is not paused."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.writable.is_set():
                self.transport.resume_reading()
        return message

    def keepalive_timeout(self) -> None:
        """Closes a socket whose client has not answered a ping, with a code that clients come back from."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.fail(PING_TIMEOUT, "The ping was not answered in time")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
