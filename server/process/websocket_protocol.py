"""WebSocket below ASGI: bounds on frames, and a close code from which clients come back. uvicorn and websockets parse."""

import asyncio
from time import monotonic
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from .connections import Connection

MAX_FRAMES = 64
"""Maximum frames of a WebSocket message."""

#: control frames that a WebSocket may send at once, and per second afterwards
CONTROL_FRAMES = 100
_CONTROL_FRAMES_PER_SECOND = 10.0

#: seconds that a closed WebSocket waits for its client's close frame; uvicorn's ten would hold sockets that were evicted
CLOSE_TIMEOUT = 2.0

PING_TIMEOUT = 4499
"""The close code of a WebSocket that does not answer a ping: its client's machine may have slept, and it may come back.

graphql-ws never reconnects after uvicorn's 1011. It uses 4499 itself for a socket that froze.
"""


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
        self.close_timeout = CLOSE_TIMEOUT
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
