"""`openings client`: creates clients, replaces their secrets, and sets what their plans leave out."""

import argparse
import json
import sys
from typing import Any

from core.features import Feature
from core.identity import is_client_id
from db import clients
from db.database import Database
from db.migrate import migrate
from db.retries import retry_transaction

from ..app import clock
from ..process.installation import ensure_key
from ..settings import Settings
from .listings import add_list
from .running import stop, with_database


def add_commands(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings client` with its actions."""
    command = commands.add_parser("client", help="manage clients", epilog="example: openings client list")
    actions = command.add_subparsers(required=True, metavar="ACTION")
    command = actions.add_parser(
        "create",
        parents=[on_database],
        help="create a client; prints its id and secret as JSON",
        epilog="example: openings client create 'Corner shop'",
    )
    command.add_argument("name", help="the name of your application")
    command.set_defaults(run=_create_client)

    command = actions.add_parser(
        "secret",
        parents=[on_database],
        help="replace a client's secret; prints the new one as JSON",
        epilog="example: openings client secret cli_64b1859e8090ea21640c915f",
    )
    command.add_argument("client_id", help="the client's id")
    command.set_defaults(run=_renew_secret)

    command = actions.add_parser(
        "plan",
        parents=[on_database],
        help="switch the named features off for a client, and all others on",
        epilog="example: openings client plan cli_64b1859e8090ea21640c915f --without managed_availability",
    )
    command.add_argument("client_id", help="the client's id")
    features = [feature.value for feature in Feature]
    command.add_argument(
        "--without", metavar="FEATURE", action="append", default=[], choices=features, help=", ".join(features)
    )
    command.set_defaults(run=_plan)

    add_list(actions, on_database, "client")


def _create_client(settings: Settings, options: dict[str, Any]) -> None:
    if not options["name"].strip():
        stop("a client needs a name, such as that of your application")

    @retry_transaction
    async def create(db: Database) -> tuple[str, str]:
        await migrate(db)
        await ensure_key(db, settings)
        async with db.write() as session:
            return await clients.create(session, db.encryption, options["name"], clock())

    client_id, secret = with_database(settings, create)
    print(json.dumps({"client_id": client_id, "client_secret": secret}))


def _renew_secret(settings: Settings, options: dict[str, Any]) -> None:
    @retry_transaction
    async def renew(db: Database) -> str | None:
        await migrate(db)
        await ensure_key(db, settings)
        async with db.write() as session:
            known = is_client_id(options["client_id"])
            return await clients.renew_secret(session, db.encryption, options["client_id"]) if known else None

    secret = with_database(settings, renew)
    if secret is None:
        stop(f"there is no client {options['client_id']!r}")
    print(json.dumps({"client_id": options["client_id"], "client_secret": secret}))


def _plan(settings: Settings, options: dict[str, Any]) -> None:
    without = [Feature(name) for name in options["without"]]

    @retry_transaction
    async def disable(db: Database) -> bool:
        await migrate(db)
        async with db.write() as session:
            return is_client_id(options["client_id"]) and await clients.disable_features(
                session, options["client_id"], without
            )

    if not with_database(settings, disable):
        stop(f"there is no client {options['client_id']!r}")
    disabled = ", ".join(without) or "none"
    print(f"Features switched off for {options['client_id']}: {disabled}.", file=sys.stderr)
