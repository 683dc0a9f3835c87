"""Refused WebSocket handshakes on a real server: the status, and one line in the log."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.server_process import ServerProcess, running_server
from tests.support.waiting import TIMEOUT, until

HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

LONG = "http://" + "x" * 1000

# The Origin header, and as it is logged.
ORIGINS = [
    ("http://[", "'http://['"),
    ("http://]:80", "'http://]:80'"),
    ("http://ex\u00a0\u00e4mple:port", "'http://ex\\xa0\\xe4mple:port'"),
    ("http://a[b", "'http://a[b'"),
    ("null", "'null'"),
    ("http://evil.example", "'http://evil.example'"),
    ('http://evil.example" status=200', "'http://evil.example\" status=200'"),
    (LONG, f"'{LONG[:198]}'"),
]


async def handshake(server: ServerProcess, path: str, origin: str, *, read: bool = True) -> str:
    """Sends a handshake, and returns the response without reading it further than needed."""
    host = server.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(HANDSHAKE.format(path, host, origin).encode("latin-1"))
    if not read:
        writer.transport.abort()
        return ""
    async with asyncio.timeout(TIMEOUT):
        response = await reader.read()
    writer.close()
    return response.decode("latin-1")


async def test_a_refusal_is_one_line(tmp_path: Path, sqlite_template: Path) -> None:
    """At INFO, with path, status and origin, and with an id; the secret part of a path is left out."""
    async with running_server(tmp_path, f"sqlite:///{sqlite_template}", OPENINGS_LOG="json") as server:
        for origin, logged in ORIGINS:
            before = len(server.log_lines)
            assert (await handshake(server, "/nowhere", origin)).startswith("HTTP/1.1 403 "), origin
            [line] = await new_lines(server, before)
            assert (line["level"], line["path"], line["status"], line["origin"]) == ("INFO", "/nowhere", 403, logged)
            assert len(line["origin"]) <= 200
            assert logged in line["message"]
            assert line["request_id"] != "-"
        before = len(server.log_lines)
        assert (await handshake(server, "/book/a-secret", "null")).startswith("HTTP/1.1 403 ")
        [line] = await new_lines(server, before)
        assert (line["path"], line["status"], line["level"]) == ("/book/…", 403, "INFO")


@pytest.mark.parametrize("origin", ["http://[", "null"])
async def test_a_client_that_hangs_up_is_no_error(tmp_path: Path, sqlite_template: Path, origin: str) -> None:
    async with running_server(tmp_path, f"sqlite:///{sqlite_template}", OPENINGS_LOG="json") as server:
        for _ in range(20):
            await handshake(server, "/graphql", origin, read=False)
        await new_lines(server, 0)
        assert {json.loads(line)["level"] for line in server.log_lines} == {"INFO"}


async def new_lines(server: ServerProcess, before: int) -> list[dict[str, Any]]:
    """The lines that were logged since, without those of health checks, one of which it sends to know when they are there."""
    sent = (await server.http.get("/healthz")).headers["X-Request-ID"]

    def logged() -> list[dict[str, Any]]:
        return [json.loads(line) for line in server.log_lines[before:]]

    await until(lambda: any(line["request_id"] == sent for line in logged()))
    return [line for line in logged() if line.get("path") not in ("/healthz", "/readyz")]
