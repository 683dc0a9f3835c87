"""Connections whose clients may be slow or silent: what is sent is bounded in time and bytes, and closing waits for a reader.

A response to a request whose body has not arrived would be lost if the connection closed at once, because that resets it.
So what the client still sends is read and dropped.
"""

import asyncio
from typing import Any

MAX_DROPPED = 64 * 1024 * 1024
"""Maximum bytes that are read and dropped after a response."""

#: seconds for which they are
DROPPING = 30.0

#: seconds in which a client must read all that waits for it, or MIN_READ bytes of it: 2 KiB a second is a slow line
UNREAD = 30.0
MIN_READ = 64 * 1024

MAX_UNREAD = 256 * 1024 * 1024
"""Maximum bytes of one process that wait for clients to read them. Beyond it the longest stalled connection ends."""


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
        if not self.is_closing():  # uvloop raises for a transport that was aborted
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
