"""Listening: the socket, the worker processes, and what the terminal says when it is ready."""

import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

import uvicorn
from uvicorn.supervisors import Multiprocess

from . import demo, metrics
from .logs import configuration
from .settings import Settings
from .websocket import MAX_MESSAGE

WS: Literal["websockets-sansio"] = "websockets-sansio"
"""Which of uvicorn's ways of speaking WebSocket: the one that the makers of its library recommend."""

#: seconds that requests in flight have to finish in after a stop was asked for
_GRACE = 10


class PortTakenError(RuntimeError):
    """The address cannot be listened on."""


class _Workers(Multiprocess):
    """Worker processes behind one socket. Once they are told to stop, nobody is left waiting in its queue."""

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def serve(settings: Settings, credentials: demo.Credentials | None) -> None:
    """Answers requests until it is told to stop. Raises PortTakenError."""
    listening = _listen(settings)
    port = listening.getsockname()[1]
    os.environ.update(settings.environment())
    config = uvicorn.Config(
        "server.app:from_environment",
        factory=True,
        host=settings.host,
        port=port,
        workers=settings.workers,
        log_config=configuration(as_json=_as_json(settings)),
        access_log=False,
        server_header=False,
        ws=WS,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # it would take more memory than all else that a socket needs
        timeout_graceful_shutdown=_GRACE,
    )
    print(welcome(f"http://{_shown(settings.host)}:{port}/graphql", credentials), file=sys.stderr, flush=True)
    # uvicorn stops cleanly, and then passes the signal on as if it had not: SIGTERM is to end like Ctrl-C, with status 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listening, _metrics_folder(settings), suppress(KeyboardInterrupt):
        if settings.workers > 1:
            _Workers(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    print("Stopped.", file=sys.stderr)


def welcome(url: str, credentials: demo.Credentials | None) -> str:
    """What to do next."""
    if credentials is None:
        return f"Openings is at {url}\nMake a client with: openings client create NAME\nStop with Ctrl-C."
    return f"""
Openings is at {url}

  Open it in a browser, paste the access token, and press play.

  access token   {credentials.access_token}
                 speaks for Ada's calendar for an hour
  client id      {credentials.client_id}
  client secret  {credentials.client_secret}
                 is the application's own key; both are new at every start

  Stop with Ctrl-C.
"""


def _listen(settings: Settings) -> socket.socket:
    """A socket on the address; bound here, so that a taken port is one clear line and not a worker's traceback."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listening.close()
        where = f"port {settings.port} of {settings.host}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortTakenError(f"{where} is in use: stop what is using it, or choose another with --port") from None
        raise PortTakenError(f"cannot listen on {where}: {error}") from None
    listening.set_inheritable(True)
    return listening


@contextmanager
def _metrics_folder(settings: Settings) -> Generator[None]:
    """Where several workers keep their numbers, for as long as they run; one that the environment names is kept."""
    if settings.workers == 1 or not settings.with_metrics or metrics.FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="openings-metrics-") as folder:
        os.environ[metrics.FOLDER] = folder
        yield


def _as_json(settings: Settings) -> bool:
    return settings.log == "json" or (settings.log == "auto" and not sys.stderr.isatty())


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
