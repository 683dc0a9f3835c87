"""Listening: the socket, the worker processes, and what the terminal says when it is ready."""

import errno
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from multiprocessing import resource_tracker
from typing import Literal

import uvicorn
from uvicorn.supervisors import Multiprocess

from .. import demo
from ..graphql.exposure import Exposure
from ..graphql.websocket import MAX_MESSAGE
from ..observability import metrics
from ..observability.logs import configuration
from ..settings import Settings, shown

WS: Literal["websockets-sansio"] = "websockets-sansio"
"""Which of uvicorn's ways of speaking WebSocket: the one that the makers of its library recommend."""

log = logging.getLogger("openings")

#: connections that wait to be let in
_BACKLOG = 2048
#: seconds that requests in flight have to finish in after a stop was asked for
_GRACE = 10


class PortTakenError(RuntimeError):
    """The address cannot be listened on."""


class _Workers(Multiprocess):
    """Worker processes behind one socket. Once they are told to stop, nobody is left waiting in its queue.

    A terminal sends Ctrl-C to all of them, and one that is still importing would answer with a traceback. So they are
    started deaf to it, and do what the first process tells them.
    """

    def init_processes(self) -> None:
        with _interrupts_held():
            super().init_processes()

    def keep_subprocess_alive(self) -> None:
        with _interrupts_held():
            super().keep_subprocess_alive()

    def handle_ttin(self) -> None:
        with _interrupts_held():
            super().handle_ttin()

    def restart_all(self) -> None:
        with _interrupts_held():
            super().restart_all()

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def serve(settings: Settings, credentials: demo.Credentials | None) -> None:
    """Answers requests until it is told to stop. Raises PortTakenError."""
    listening = _listen(settings)
    port = listening.getsockname()[1]
    os.environ.update(replace(settings, port=port).environment())
    as_json = _as_json(settings)
    config = uvicorn.Config(
        "server.app:from_environment",
        factory=True,
        host=settings.host,
        port=port,
        workers=settings.workers,
        log_config=configuration(as_json=as_json),
        access_log=False,
        server_header=False,
        ws=WS,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # it would take more memory than all else that a socket needs
        timeout_graceful_shutdown=_GRACE,
    )
    url = f"http://{shown(settings.host)}:{port}/graphql"
    # Credentials are for the eyes of whoever tries the demo, and for no log.
    if as_json and credentials is None:
        facts = {"url": url, "workers": settings.workers, "profile": asdict(settings.exposure)}
        log.info("Openings is at %s", url, extra={"facts": facts})
    else:
        print(welcome(url, settings.exposure, credentials), file=sys.stderr, flush=True)
    # uvicorn stops cleanly, and then passes the signal on as if it had not: SIGTERM is to end like Ctrl-C, with status 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listening, _metrics_folder(settings), suppress(KeyboardInterrupt):
        if settings.workers > 1:
            _Workers(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    if as_json:
        log.info("Stopped.")
    else:
        print("Stopped.", file=sys.stderr)


def welcome(url: str, profile: Exposure, credentials: demo.Credentials | None) -> str:
    """Where it is, what is open there, and what to do next."""
    if credentials is None:
        where = f"Openings is at {url}\n{profile.summary}"
        return f"{where}\nMake a client with: openings client create NAME\nStop with Ctrl-C."
    return f"""
Openings is at {url}
{profile.summary}

  Open it in a browser, paste the access token, and press play.

  access token   {credentials.access_token}
                 speaks for Ada's calendar for an hour
  client id      {credentials.client_id}
  client secret  {credentials.client_secret}
                 is the application's own key; both are new at every start

  Stop with Ctrl-C.
"""


def _listen(settings: Settings) -> socket.socket:
    """A socket on the address; bound here, so that a taken port is one clear line and not a worker's traceback.

    Whoever comes before the workers are ready is let in when they are, and not turned away: the address was shown already.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        where = f"port {settings.port} of {settings.host}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortTakenError(f"{where} is in use: stop what is using it, or choose another with --port") from None
        raise PortTakenError(f"cannot listen on {where}: {error}") from None
    listening.set_inheritable(True)
    return listening


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Ctrl-C waits until the end of the block; a process that is started in it never hears of one."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # It is started with the first process, and lets signals in when it has been: so it has to be there before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
    """Whether there is anybody to read lines as text: at a terminal, or where the demo is tried."""
    return settings.log == "json" or (settings.log == "auto" and not sys.stderr.isatty() and not settings.demo)
