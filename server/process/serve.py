"""Serving: the socket, the worker processes, and the messages at start and stop."""

import errno
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import resource_tracker
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from .. import demo
from ..graphql.exposure import Exposure
from ..graphql.websocket import MAX_MESSAGE
from ..observability import metrics
from ..observability.logs import configuration
from ..settings import Settings, misspelt, shown
from .http_protocol import HTTPProtocol
from .websocket_protocol import WebSocketProtocol

PROTOCOLS: dict[str, Any] = {
    "http": HTTPProtocol,
    "ws": WebSocketProtocol,
    "ws_max_size": MAX_MESSAGE,
    "ws_per_message_deflate": False,  # compression takes more memory than the rest of a socket
}
"""What uvicorn is to speak, with its limits: settings of `uvicorn.Config`."""

log = logging.getLogger("openings")

#: what a worker process builds its application with; tests have one whose clock they move
APPLICATION = "server.app:from_environment"
#: connections that may wait to be accepted
_BACKLOG = 2048
#: open files that a process with all of its connections has room in
_FILES = 65_536
#: seconds that requests in flight have to finish after a shutdown signal
_GRACE = 10
#: seconds after which a worker that does not answer its parent is replaced. It does not answer while it imports its modules,
#: which takes longer than uvicorn's five seconds on a busy machine: it would be killed, and started anew, for ever
_WORKER_STARTS = 60


class PortTakenError(RuntimeError):
    """The server cannot listen on its address."""


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, as the terminal shows it."""

    #: the database's URL without a password
    database: str
    #: where the key comes from
    key: str
    clients: int
    #: of the demo, if it is served
    credentials: demo.Credentials | None = None
    #: what does not work, with the cure
    problem: str | None = None

    def __str__(self) -> str:
        return f"{self.database} ({self.clients} client{'' if self.clients == 1 else 's'}; key: {self.key})"


class _Workers(Multiprocess):
    """Worker processes that share one socket. At shutdown it is closed first, so no connection is left in its queue.

    A terminal sends Ctrl-C to every process, and a worker that is still importing would print a traceback. So workers
    start with SIGINT blocked, and stop when the main process tells them to.
    """

    def init_processes(self) -> None:
        with _interrupts_blocked():
            super().init_processes()

    def keep_subprocess_alive(self) -> None:
        with _interrupts_blocked():
            super().keep_subprocess_alive()

    def handle_ttin(self) -> None:
        with _interrupts_blocked():
            super().handle_ttin()

    def restart_all(self) -> None:
        with _interrupts_blocked():
            super().restart_all()

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def serve(settings: Settings, listening: socket.socket, served: Served) -> None:
    """Serves requests on a socket until a shutdown signal."""
    _raise_file_limit()
    port = listening.getsockname()[1]
    mistakes = misspelt(os.environ)
    os.environ.update(replace(settings, port=port).environment())
    as_json = _as_json(settings)
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        host=settings.host,
        port=port,
        workers=settings.workers,
        log_config=configuration(as_json=as_json),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_worker_healthcheck=_WORKER_STARTS,
        **PROTOCOLS,
    )
    for name, nearest in mistakes.items():
        log.warning("%s is no setting. Did you mean %s?", name, nearest)
    if served.problem is not None:
        log.warning("%s", served.problem)
    url = f"http://{shown(settings.host)}:{port}/graphql"
    # The demo's credentials are shown as text and never logged.
    if as_json and served.credentials is None:
        what = {"database": served.database, "key": served.key, "clients": served.clients}
        facts = {"url": url, "workers": settings.workers, "profile": asdict(settings.exposure), **what}
        log.info("Openings is at %s", url, extra={"facts": facts})
    else:
        print(welcome(url, settings.exposure, served), file=sys.stderr, flush=True)
    # uvicorn stops cleanly and then raises the signal again. SIGTERM must end with status 0, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _metrics_folder(settings), suppress(KeyboardInterrupt):
        if settings.workers > 1:
            _Workers(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    if as_json:
        log.info("Stopped.")
    else:
        print("Stopped.", file=sys.stderr)


def welcome(url: str, exposure: Exposure, served: Served) -> str:
    """The message at the start: the URL, what is exposed and what is served, and the next step."""
    where = f"Openings is at {url}\n{exposure.summary}\nDatabase: {served}"
    credentials = served.credentials
    if credentials is None:
        create = "" if served.clients else "\nCreate a client with: openings client create NAME"
        return f"{where}{create}\nStop with Ctrl-C."
    # What follows the # stays in the browser: it is in no request, and in no log.
    opened = f"Open this in a browser, and press play:\n\n  {url}#token={credentials.client_secret}"
    asked = f"Send queries by POST to {url}, with Authorization: Bearer and the client secret or the access token."
    return f"""
{where}

  {opened if exposure.graphiql else asked}

  client id      {credentials.client_id}
  client secret  {credentials.client_secret}
                 authenticates the application
  access token   {credentials.access_token}
                 acts for Ada's calendar, valid for one hour, new at every start

  Stop with Ctrl-C.
"""


def listen(settings: Settings) -> socket.socket:
    """Opens the listening socket before any worker starts, so that a port in use is one clear line, not a traceback.
    Raises PortTakenError.

    Connections that come before the workers are ready wait instead of being refused, since the URL is already shown.
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
            another = settings.port + 1 if settings.port < 65535 else settings.port - 1
            choose = f"OPENINGS_PORT={another} make serve" if settings.demo else f"--port {another}"
            raise PortTakenError(f"{where} is in use: stop what is using it, or choose another: {choose}") from None
        raise PortTakenError(f"cannot listen on {where}: {error}") from None
    listening.set_inheritable(True)
    return listening


def _raise_file_limit() -> None:
    """Raises the soft limit of open files, often 1024, towards the hard one: every connection is an open file."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _interrupts_blocked() -> Generator[None]:
    """Blocks SIGINT until the end of the block, and for good in processes started within it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # The tracker would start together with the first process, and starting it unblocks signals. So start it before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _metrics_folder(settings: Settings) -> Generator[None]:
    """Provides a temporary folder for the metrics of several workers, unless the environment names one."""
    if settings.workers == 1 or not settings.with_metrics or metrics.FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="openings-metrics-") as folder:
        os.environ[metrics.FOLDER] = folder
        yield


def _as_json(settings: Settings) -> bool:
    """Whether to log JSON: by default, unless standard error is a terminal or the demo runs."""
    return settings.log == "json" or (settings.log == "auto" and not sys.stderr.isatty() and not settings.demo)
