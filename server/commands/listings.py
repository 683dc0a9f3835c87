"""`openings client list`, `account list` and `link list`: what is in the database, for people and for programs."""

import argparse
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from db import clients
from db.database import Database, Session
from db.listings import list_accounts, list_clients, list_links
from db.migrate import migrate

from ..settings import Settings
from .running import stop, with_database


def add_list(actions: Any, on_database: argparse.ArgumentParser, noun: str) -> None:
    """Adds the action that lists clients, accounts or links."""
    command = actions.add_parser(
        "list",
        parents=[on_database],
        help=f"list the {noun}s",
        epilog=f"example: openings {noun} list --json",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object a line, with all that is known")
    if noun != "client":
        command.add_argument("--client", metavar="CLIENT_ID", help=f"only the {noun}s of this client")
    command.set_defaults(run=_RUNS[noun])


def add_commands(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings account` and `openings link`."""
    for noun, what in (("account", "accounts: application calendars, users and resources"), ("link", "booking links")):
        command = commands.add_parser(noun, help=f"list {what}", epilog=f"example: openings {noun} list")
        add_list(command.add_subparsers(required=True, metavar="ACTION"), on_database, noun)


def _run(rows: Callable[[Session, str | None], AsyncIterator[dict[str, Any]]]) -> Callable[[Settings, Any], None]:
    """Returns the function of a command that prints rows."""

    def run(settings: Settings, options: Mapping[str, Any]) -> None:
        client_id = options.get("client")

        async def read(db: Database) -> list[dict[str, Any]]:
            await migrate(db)
            async with db.read() as session:
                if client_id is not None and await clients.find(session, client_id) is None:
                    stop(f"there is no client {client_id!r}: openings client list shows all")
                return [row async for row in rows(session, client_id)]

        found = with_database(settings, read)
        print("\n".join(map(json.dumps, found)) if options["json"] else _table(found), end="\n" if found else "")

    return run


_RUNS = {
    "client": _run(lambda session, _: list_clients(session)),
    "account": _run(list_accounts),
    "link": _run(list_links),
}


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as columns under their names; what is None is empty. Only the columns in which something stands."""
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)] if rows else []
    cells = [names, *([_shown(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _shown(value: Any) -> str:
    """The value on one line. Line breaks and other control characters in a name would break the table."""
    text = "" if value is None else str(value)
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)[1:-1]
