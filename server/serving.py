"""Listening: the socket, the worker processes, and what the terminal says when it is ready."""

import errno
import os
import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from . import demo
from .logs import LOGGING
from .settings import Settings

#: seconds that requests in flight have to finish in after a stop was asked for
_GRACE = 10


class PortTakenError(RuntimeError):
    """The address cannot be listened on."""


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
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )
    print(welcome(f"http://{_shown(settings.host)}:{port}/graphql", credentials), file=sys.stderr, flush=True)
    try:
        if settings.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has stopped cleanly by now, and passes the signal on
        pass
    finally:
        listening.close()
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


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
