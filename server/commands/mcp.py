"""`openings mcp`: the tools for assistants over standard input and output, for one that starts the command by itself."""

import argparse
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from core.access import require_client
from core.errors import Unauthenticated
from core.identity import digest
from db.database import Database
from db.migrate import migrate
from resolvers.cache import VersionedCache
from resolvers.context import Context

from ..app import clock
from ..settings import MISSING_MCP, Settings
from .running import stop, with_database


def add_command(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings mcp`."""
    command = commands.add_parser(
        "mcp",
        parents=[on_database],
        help="offer availability and booking to an assistant, as tools of the Model Context Protocol",
        description="Speaks the protocol on standard input and output, and works on the database itself, with what the "
        "token in OPENINGS_MCP_TOKEN may do. Over HTTP: OPENINGS_MCP=1 openings serve.",
        epilog="example: OPENINGS_MCP_TOKEN=… openings mcp --database-url sqlite:////var/lib/openings/openings.db",
    )
    command.set_defaults(run=_serve)


def _serve(settings: Settings, _options: Mapping[str, Any]) -> None:
    if find_spec("mcp") is None:
        stop(MISSING_MCP)
    token = settings.mcp_token or settings.client_secret
    if not token:
        stop("set OPENINGS_MCP_TOKEN to the client secret of your application, or to an account's access token")
    with_database(settings, lambda db: _run(db, settings, digest(token)))


async def _run(db: Database, settings: Settings, caller: bytes) -> None:
    from mcp.server.stdio import stdio_server  # takes a second to import, which other commands need not wait for

    from ..mcp.service import make_server

    cache = VersionedCache(settings.memory * 1024 * 1024)

    def context() -> Context:
        return Context(db, caller, clock(), settings.limits, cache)

    await migrate(db)
    try:
        require_client(await context().actor())
    except Unauthenticated as error:
        stop(f"OPENINGS_MCP_TOKEN is not valid: {error}")
    server = make_server(lambda _call: context())
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
