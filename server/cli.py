"""The command line: `openings serve`, `migrate`, `client create`, `schema` and others.

Results for programs go to standard output, everything else to standard error. A user's mistake ends in one line
that says how to correct it.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from io import TextIOWrapper
from typing import Any, NoReturn, cast

from core.texts import is_storable
from db import clients
from db.database import Database
from db.database_urls import DatabaseUrlError
from db.migrate import NewerDatabaseError, migrate
from db.pooler import PoolerError, push_problem
from db.retries import retry_transaction
from schema import schema

from . import demo
from .app import clock
from .commands import calendar_files, explain, listings
from .commands import clients as client_commands
from .commands import keys as key_commands
from .commands import mcp as mcp_command
from .commands.running import stop, with_database
from .process.installation import OtherKeyError, ensure_key, key_source
from .process.serve import PortTakenError, Served, listen, serve
from .settings import MISSING_MCP, SettingError, Settings

_DATABASE_URL = "sqlite:///path/file.db or postgresql://user@host/name"

#: a value in a usage error that can be shown
_PLAIN = r"'[\w.-]*'|"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. Exits with 0, with 1 if it failed, with 2 if the command line or a setting is wrong."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not all(map(is_storable, arguments)):
        stop("an argument has bytes that are not UTF-8, or the terminal is not set to UTF-8: try LC_ALL=C.UTF-8", 2)
    _set_output(errors="backslashreplace")  # a name may have characters that a terminal lacks
    commands = parser()
    if not arguments:
        commands.print_help(sys.stderr)
        raise SystemExit(2)
    options = vars(commands.parse_args(arguments))
    if "show" in options:  # needs no settings, which may be what somebody looks for help with
        options["show"](options)
        return
    run: Callable[[Settings, dict[str, Any]], None] = options.pop("run")
    flags = {name: options.pop(name, None) for name in ("database_url", "host", "port", "workers", "demo")}
    try:
        run(Settings.read(os.environ, **flags), options)
    except SettingError as error:
        stop(str(error), 2)
    except (DatabaseUrlError, NewerDatabaseError, OtherKeyError, PoolerError, PortTakenError) as error:
        stop(str(error))


def _serve(settings: Settings, _options: dict[str, Any]) -> None:
    if settings.mcp and find_spec("mcp") is None:
        raise SettingError(MISSING_MCP)
    # The address first: a server that cannot start leaves the database, which another one may serve, as it is.
    with listen(settings) as listening:
        serve(settings, listening, with_database(settings, lambda db: _prepare(db, settings)))


def _migrate(settings: Settings, _options: dict[str, Any]) -> None:
    before, after = with_database(settings, migrate)
    if before == after:
        print(f"The database is at revision {after} already.", file=sys.stderr)
    else:
        print(
            f"The database is now at revision {after}; it was {f'at {before}' if before else 'empty'}.", file=sys.stderr
        )


def _schema(_options: dict[str, Any]) -> None:
    _set_output(encoding="utf-8")  # as a file of GraphQL is, whatever the terminal
    print(schema.as_str())


def _help(options: dict[str, Any]) -> None:
    parser().parse_args([*options["words"], "--help"])


@retry_transaction
async def _prepare(db: Database, settings: Settings) -> Served:
    """Migrates the database and creates what the first request needs. Returns what the terminal shows of it."""
    await migrate(db)
    await ensure_key(db, settings)  # here, not in a worker
    if settings.client_id:
        async with db.write() as session:
            await clients.ensure(
                session, db.encryption, settings.client_id, settings.client_secret, clock(), name=settings.client_id
            )
    credentials = await demo.prepare(db, clock()) if settings.demo else None
    async with db.read() as session:
        count = await clients.count(session)
    return Served(db.shown_url, key_source(settings), count, credentials, problem=await push_problem(db))


def _set_output(*, encoding: str | None = None, errors: str | None = None) -> None:
    """Sets how standard output encodes text, if it is a terminal, a pipe or a file."""
    if isinstance(sys.stdout, TextIOWrapper):
        cast("TextIOWrapper[Any]", sys.stdout).reconfigure(encoding=encoding, errors=errors)


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line, and keeps the lines of examples apart."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.formatter_class = argparse.RawDescriptionHelpFormatter

    def error(self, message: str) -> NoReturn:
        stop(f"{_without_values(message)}; see {self.prog} --help", 2)


def _without_values(message: str) -> str:
    """The message of a usage error with its flags and plain words only: any other word may be part of a database URL."""
    start, unrecognized, words = message.partition("unrecognized arguments: ")
    if unrecognized:
        flags = re.findall(r"(?<!\S)--?[a-z][a-z-]*(?![^\s=])", words)
        return f"{start}unrecognized arguments: {' '.join(flags) or 'quote an argument that contains spaces'}"
    start, option, words = message.partition("ambiguous option: ")
    if option:
        return f"{start}{option}{words.partition('=')[0].partition(' ')[0]} {words[words.rindex('could match') :]}"
    start, invalid, value = message.partition(" value: ") if " value: " in message else message.partition(" choice: ")
    quoted, choose, choices = value.rpartition(" (choose from ") if " (choose from " in value else (value, "", "")
    return f"{start}{invalid}{quoted if re.fullmatch(_PLAIN, quoted) else '…'}{choose}{choices}"


def parser() -> argparse.ArgumentParser:
    """The commands and their flags."""
    root = _Parser(
        prog="openings",
        description="A self-hosted scheduling engine with a GraphQL API.",
        epilog="To try it with demo data:  openings serve --demo\nTo see more of a command:  openings help serve",
    )
    root.add_argument("--version", action="version", version=f"openings {version('openings')}")
    root.add_argument("--database-url", metavar="URL", help=_DATABASE_URL)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    on_database = _Parser(add_help=False)
    # No default: it would replace what was given before the command.
    on_database.add_argument("--database-url", metavar="URL", help=_DATABASE_URL, default=argparse.SUPPRESS)

    command = commands.add_parser(
        "serve",
        parents=[on_database],
        help="migrate the database and serve requests",
        epilog="example: openings serve --database-url sqlite:////var/lib/openings/openings.db --port 8080",
    )
    command.add_argument("--host", help="address to listen on (127.0.0.1)")
    command.add_argument("--port", type=int, help="port to listen on (8000)")
    command.add_argument("--workers", type=int, help="number of worker processes (1)")
    command.add_argument(
        "--demo", action="store_true", default=None, help="create demo data, with examples in GraphiQL"
    )
    command.set_defaults(run=_serve)

    command = commands.add_parser(
        "migrate",
        parents=[on_database],
        help="migrate the database to this version",
        epilog="example: openings migrate --database-url postgresql://openings@localhost/openings",
    )
    command.set_defaults(run=_migrate)

    client_commands.add_commands(commands, on_database)
    listings.add_commands(commands, on_database)
    key_commands.add_commands(commands, on_database)
    explain.add_command(commands, on_database)
    calendar_files.add_commands(commands, on_database)
    mcp_command.add_command(commands, on_database)

    command = commands.add_parser(
        "schema", help="print the GraphQL schema", epilog="example: openings schema > schema.graphql"
    )
    command.set_defaults(show=_schema)

    command = commands.add_parser(
        "help", help="explain openings, or a command", epilog="example: openings help client create"
    )
    command.add_argument("words", metavar="COMMAND", nargs="*", help="a command, and its action")
    command.set_defaults(show=_help)
    return root


if __name__ == "__main__":
    main()
