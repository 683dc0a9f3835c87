"""A server elsewhere that has calendar files, and answers as a test chooses: rightly, late, partly, or with lies."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from .callback_receiver import ReceivedRequest

Answer: TypeAlias = bytes | int | asyncio.Event | None
"""The bytes of a whole response; a status without a body; the file, once the event is set; or nothing at all."""


@dataclass
class CalendarServer:
    """Serves `file` with an ETag, unless there are answers, which are given in turn."""

    file: bytes = b""
    url: str = ""
    etag: str | None = None
    answers: list[Answer] = field(default_factory=list[Answer])
    requests: list[ReceivedRequest] = field(default_factory=list[ReceivedRequest])
    #: what becomes of every answer on its way
    lie: Callable[[bytes], bytes] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._respond(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has closed the connection
        finally:
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.requests.append(ReceivedRequest(line, headers, b""))
        answer = self.answers.pop(0) if self.answers else self._file(headers)
        if answer is None:
            await reader.read()
            return
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = self._file(headers)
        if isinstance(answer, int):
            answer = response(b"", status=answer)
        writer.write(answer if self.lie is None else self.lie(answer))
        await writer.drain()

    def _file(self, headers: dict[str, str]) -> bytes:
        if self.etag is not None and headers.get("if-none-match") == self.etag:
            return response(b"", status=304, ETag=self.etag)
        return response(self.file, ETag=self.etag) if self.etag is not None else response(self.file)


def response(body: bytes, *, status: int = 200, **headers: str) -> bytes:
    """A whole response. In names of headers `_` stands for `-`."""
    lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def zipped(body: bytes) -> bytes:
    """A whole response with a compressed body."""
    return response(gzip.compress(body), Content_Encoding="gzip")


@asynccontextmanager
async def running_calendar_server(file: bytes = b"") -> AsyncGenerator[CalendarServer]:
    """Runs a server on a free port until the block ends."""
    server = CalendarServer(file)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield server
