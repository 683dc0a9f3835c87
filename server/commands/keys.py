"""`openings key`: checks that the installation's key is the database's, and replaces a key that was lost."""

import argparse
import sys
from typing import Any

from db import installation
from db.database import Database
from db.migrate import migrate
from db.retries import retry_transaction

from ..process.installation import ensure_key
from ..settings import Settings
from .running import with_database


def add_commands(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings key` with its actions."""
    command = commands.add_parser(
        "key", help="manage the key that encrypts stored secrets", epilog="example: openings key check"
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    command = actions.add_parser(
        "check",
        parents=[on_database],
        help="check that the key is the database's",
        epilog="example: OPENINGS_KEY_FILE=kept-elsewhere.key openings key check",
    )
    command.set_defaults(run=_check)
    command = actions.add_parser(
        "replace",
        parents=[on_database],
        help="use this key for the database from now on: its old one is lost, and booking links get other addresses",
        epilog="example: openings key replace",
    )
    command.set_defaults(run=_replace)


def _check(settings: Settings, _options: dict[str, Any]) -> None:
    @retry_transaction
    async def check(db: Database) -> None:
        await migrate(db)
        await ensure_key(db, settings)

    with_database(settings, check)
    print("The key is the database's.", file=sys.stderr)


def _replace(settings: Settings, _options: dict[str, Any]) -> None:
    @retry_transaction
    async def replace(db: Database) -> list[str]:
        await migrate(db)
        async with db.write() as session:
            return await installation.replace_key(session, db.encryption)

    lost = with_database(settings, replace)
    print("The database now uses this key. Booking links have other addresses.", file=sys.stderr)
    for client_id in lost:
        print(f"Callbacks need a new secret: openings client secret {client_id}", file=sys.stderr)
