"""Internals of uvicorn and websockets that our processes and protocols rely on, checked as in test_private_names.py."""

import ast
import inspect
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.supervisors import Multiprocess
from websockets.protocol import Protocol
from websockets.server import ServerProtocol

from tests.support.library_checks import Check, add_check

ROOT = Path(__file__).parents[1]
CHECKS: list[Check] = []
relied_on = partial(add_check, CHECKS)


@relied_on("server/process/serve.py", see="Multiprocess; _Workers overrides each of them")
def every_start_of_a_worker_is_overridden() -> bool:
    """uvicorn's Multiprocess starts processes only in these methods, and stops them in terminate_all."""
    tree = ast.parse(inspect.getsource(Multiprocess))
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    starting = {method.name for method in methods if "Process(" in ast.unparse(method)}
    expected = {"init_processes", "keep_subprocess_alive", "handle_ttin", "restart_all"}
    return starting == expected and callable(Multiprocess.terminate_all)


@relied_on("server/process/signals.py", see="capture_signals; on_shutdown_signal wraps the handler that it installs")
def uvicorn_handles_signals_by_signal_signal() -> bool:
    """uvicorn's Server installs its signal handlers by signal.signal."""
    server = uvicorn.Server(uvicorn.Config("server.app:from_environment", factory=True, log_config=None))
    with server.capture_signals():
        return signal.getsignal(signal.SIGTERM) == server.handle_exit


HTTP_PROTOCOL = "server/process/http_protocol.py"
WEBSOCKET_PROTOCOL = "server/process/websocket_protocol.py"


def texts(*functions: Callable[..., Any]) -> str:
    """The sources of functions."""
    return "".join(inspect.getsource(function) for function in functions)


@relied_on(HTTP_PROTOCOL, see="HttpToolsProtocol, of which HTTPProtocol overrides the callbacks")
def uvicorn_parses_http_as_we_extend_it() -> bool:
    """uvicorn's HttpToolsProtocol closes by transport.close(), and keeps headers, pipeline and cycle as attributes."""
    http = HttpToolsProtocol
    sending = texts(RequestResponseCycle.send, RequestResponseCycle.run_asgi, http.send_400_response)
    return (
        "self.headers.append((name, value))" in texts(http.on_header)
        and sending.count("self.transport.close()") == 5
        and "self.send_400_response(msg)" in texts(http.data_received)
        and "self.pipeline.appendleft" in texts(http.on_headers_complete)
        and "protocol.connection_made(self.transport)" in texts(http.handle_websocket_upgrade)
        and callable(http._unset_keepalive_if_required)
        and {"more_body", "message_event", "disconnected", "response_started"}
        <= set(RequestResponseCycle.__init__.__code__.co_names)
    )


@relied_on(
    WEBSOCKET_PROTOCOL, see="WebSocketsSansIOProtocol; WebSocketProtocol overrides receive and keepalive_timeout"
)
def uvicorn_reads_websockets_as_we_extend_it() -> bool:
    """uvicorn's sansio protocol closes with 1011 in keepalive_timeout, and resumes reading in receive and send alone."""
    ws = WebSocketsSansIOProtocol
    return (
        'self.conn.fail(1011, "keepalive ping timeout")' in texts(ws.keepalive_timeout)
        and inspect.getsource(ws).count("resume_reading()") == 2
        and "self.transport.resume_reading()" in texts(ws.receive)
        and "self.writable.clear()" in texts(ws.pause_writing)
        and "self.conn = ServerProtocol(" in texts(ws.__init__)
        and "self.loop.call_later(self.close_timeout, self.transport.close)" in texts(ws.send)
        and "self.handle_parser_exception()" in texts(ws.data_received)
    )


@relied_on(
    WEBSOCKET_PROTOCOL, see="Protocol.parse of websockets, which turns a ProtocolError of recv_frame into code 1002"
)
def websockets_receives_frames_one_by_one() -> bool:
    """websockets' Protocol.parse calls recv_frame for each frame, within what handles a ProtocolError."""
    source = texts(ServerProtocol.parse, Protocol.parse)
    return "self.recv_frame(frame)" in source and "except ProtocolError as exc" in source


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.holds.__name__)
def test_the_internals_that_we_rely_on_are_unchanged(check: Check) -> None:
    assert not check.failure()


def test_the_files_in_failure_messages_exist() -> None:
    assert [file for check in CHECKS for file in check.files if not (ROOT / file).is_file()] == []
