"""The command line: `openings serve`, `migrate`, `client create`, `schema`.

Results for programs go to standard output, everything else to standard error. A user's mistake ends in one line
that says how to correct it.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from db import clients
from db.database import Database
from db.database_urls import DatabaseUrlError
from db.migrate import NewerDatabaseError, migrate
from schema import schema

from . import demo
from .app import clock
from .commands import clients as client_commands
from .commands import keys as key_commands
from .commands.running import stop, with_database
from .process.installation import OtherKeyError, ensure_key
from .process.serve import PortTakenError, serve
from .settings import SettingError, Settings

#: a value in a usage error that can be shown
_PLAIN = r"'[\w.-]*'|"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. Exits with 0, with 1 if it failed, with 2 if the command line or a setting is wrong."""
    options = vars(parser().parse_args(arguments))
    run: Callable[[Settings, dict[str, Any]], None] = options.pop("run")
    flags = {name: options.pop(name, None) for name in ("database_url", "host", "port", "workers", "demo")}
    try:
        run(Settings.read(os.environ, **flags), options)
    except SettingError as error:
        stop(str(error), 2)
    except (DatabaseUrlError, NewerDatabaseError, OtherKeyError, PortTakenError) as error:
        stop(str(error))


def _serve(settings: Settings, _options: dict[str, Any]) -> None:
    credentials = with_database(settings, lambda db: _prepare(db, settings))
    serve(settings, credentials)


def _migrate(settings: Settings, _options: dict[str, Any]) -> None:
    before, after = with_database(settings, migrate)
    if before == after:
        print(f"The database is at revision {after} already.", file=sys.stderr)
    else:
        print(
            f"The database is now at revision {after}; it was {f'at {before}' if before else 'empty'}.", file=sys.stderr
        )


def _schema(_settings: Settings, _options: dict[str, Any]) -> None:
    print(schema.as_str())


async def _prepare(db: Database, settings: Settings) -> demo.Credentials | None:
    """Migrates the database and creates what the first request needs. Returns the demo's credentials, if any."""
    await migrate(db)
    await ensure_key(db, settings)  # here, not in a worker
    if settings.client_id:
        async with db.write() as session:
            await clients.ensure(
                session, db.encryption, settings.client_id, settings.client_secret, clock(), name=settings.client_id
            )
    return await demo.prepare(db, clock()) if settings.demo else None


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

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
    root = _Parser(prog="openings", description="A self-hosted scheduling engine with a GraphQL API.")
    root.add_argument("--version", action="version", version=f"openings {version('openings')}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    on_database = _Parser(add_help=False)
    on_database.add_argument(
        "--database-url", metavar="URL", help="sqlite:///path/file.db or postgresql://user@host/name"
    )

    command = commands.add_parser("serve", parents=[on_database], help="migrate the database and serve requests")
    command.add_argument("--host", help="address to listen on (127.0.0.1)")
    command.add_argument("--port", type=int, help="port to listen on (8000)")
    command.add_argument("--workers", type=int, help="number of worker processes (1)")
    command.add_argument(
        "--demo", action="store_true", default=None, help="create demo data, with examples in GraphiQL"
    )
    command.set_defaults(run=_serve)

    command = commands.add_parser("migrate", parents=[on_database], help="migrate the database to this version")
    command.set_defaults(run=_migrate)

    client_commands.add_commands(commands, on_database)
    key_commands.add_commands(commands, on_database)

    command = commands.add_parser("schema", help="print the GraphQL schema")
    command.set_defaults(run=_schema)
    return root


if __name__ == "__main__":
    main()
