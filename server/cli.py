"""The command line: `openings serve`, `migrate`, `client create`, `schema`.

Results for programs go to standard output, everything else to standard error. A user's mistake ends in one line
that says how to correct it.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

from core.features import Feature
from core.identity import is_client_id
from db import clients
from db.database import Database
from db.database_urls import UNUSABLE, DatabaseUrlError, cause_of
from db.migrate import NewerDatabaseError, migrate
from schema import schema

from . import demo
from .app import clock
from .process.installation import database
from .process.serve import PortTakenError, serve
from .settings import SettingError, Settings

T = TypeVar("T")

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
        _stop(str(error), 2)
    except (DatabaseUrlError, NewerDatabaseError, PortTakenError) as error:
        _stop(str(error))


def _serve(settings: Settings, _options: dict[str, Any]) -> None:
    credentials = _with_database(settings, lambda db: _prepare(db, settings))
    serve(settings, credentials)


def _migrate(settings: Settings, _options: dict[str, Any]) -> None:
    before, after = _with_database(settings, migrate)
    if before == after:
        print(f"The database is at revision {after} already.", file=sys.stderr)
    else:
        print(
            f"The database is now at revision {after}; it was {f'at {before}' if before else 'empty'}.", file=sys.stderr
        )


def _create_client(settings: Settings, options: dict[str, Any]) -> None:
    if not options["name"].strip():
        _stop("a client needs a name, such as that of your application")

    async def create(db: Database) -> tuple[str, str]:
        await migrate(db)
        async with db.write() as session:
            return await clients.create(session, db.encryption, options["name"], clock())

    client_id, secret = _with_database(settings, create)
    print(json.dumps({"client_id": client_id, "client_secret": secret}))


def _renew_secret(settings: Settings, options: dict[str, Any]) -> None:
    async def renew(db: Database) -> str | None:
        await migrate(db)
        async with db.write() as session:
            known = is_client_id(options["client_id"])
            return await clients.renew_secret(session, db.encryption, options["client_id"]) if known else None

    secret = _with_database(settings, renew)
    if secret is None:
        _stop(f"there is no client {options['client_id']!r}")
    print(json.dumps({"client_id": options["client_id"], "client_secret": secret}))


def _plan(settings: Settings, options: dict[str, Any]) -> None:
    without = [Feature(name) for name in options["without"]]

    async def disable(db: Database) -> bool:
        await migrate(db)
        async with db.write() as session:
            return is_client_id(options["client_id"]) and await clients.disable_features(
                session, options["client_id"], without
            )

    if not _with_database(settings, disable):
        _stop(f"there is no client {options['client_id']!r}")
    disabled = ", ".join(without) or "none"
    print(f"Features switched off for {options['client_id']}: {disabled}.", file=sys.stderr)


def _schema(_settings: Settings, _options: dict[str, Any]) -> None:
    print(schema.as_str())


async def _prepare(db: Database, settings: Settings) -> demo.Credentials | None:
    """Migrates the database and creates what the first request needs. Returns the demo's credentials, if any."""
    await migrate(db)
    _ = db.encryption  # a missing or unusable key fails here, not in a worker
    if settings.client_id:
        async with db.write() as session:
            await clients.ensure(
                session, db.encryption, settings.client_id, settings.client_secret, clock(), name=settings.client_id
            )
    return await demo.prepare(db, clock()) if settings.demo else None


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Runs `work` on the database and returns its result. Exits with one line if the database cannot be used."""

    async def run() -> T:
        db = database(settings)
        try:
            return await work(db)
        except UNUSABLE as error:
            _stop(f"cannot use the database {db.shown_url}: {cause_of(error)}")
        finally:
            await db.close()

    return asyncio.run(run())


def _stop(words: str, status: int = 1) -> NoReturn:
    print(f"openings: {words}", file=sys.stderr)
    raise SystemExit(status)


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        _stop(f"{_without_values(message)}; see {self.prog} --help", 2)


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
    commands = root.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
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

    _add_client_commands(commands, on_database)

    command = commands.add_parser("schema", help="print the GraphQL schema")
    command.set_defaults(run=_schema)
    return root


def _add_client_commands(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings client` with its actions."""
    command = commands.add_parser("client", help="manage clients")
    actions = command.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    command = actions.add_parser(
        "create", parents=[on_database], help="create a client; prints its id and secret as JSON"
    )
    command.add_argument("name", help="the name of your application")
    command.set_defaults(run=_create_client)

    command = actions.add_parser(
        "secret",
        parents=[on_database],
        help="replace a client's secret; prints the new one as JSON",
    )
    command.add_argument("client_id", help="the client's id")
    command.set_defaults(run=_renew_secret)

    command = actions.add_parser(
        "plan", parents=[on_database], help="switch the named features off for a client, and all others on"
    )
    command.add_argument("client_id", help="the client's id")
    features = [feature.value for feature in Feature]
    command.add_argument(
        "--without", metavar="FEATURE", action="append", default=[], choices=features, help=", ".join(features)
    )
    command.set_defaults(run=_plan)


if __name__ == "__main__":
    main()
