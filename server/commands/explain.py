"""`openings explain`: the picture and the sentences of an availability query's explanation, on a terminal."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from core.errors import Refusal, WrongCredentials
from core.identity import digest
from db.database import Database
from db.migrate import migrate
from resolvers.context import Context
from schema import schema
from schema.errors import message

from ..app import clock
from ..settings import Settings
from .running import stop, with_database

_EXPLANATION = """
query ($input: AvailabilityInput!, $tzid: String!, $width: Int!) {
  availability(input: $input) { explanation { summary picture(tzid: $tzid, width: $width) } }
}
"""
#: a query of ten members over a year of days fits many times
_LONGEST = 1024 * 1024


def add_command(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings explain`."""
    command = commands.add_parser(
        "explain",
        parents=[on_database],
        help="explain the answer to an availability query: who is busy when, and what would help",
        description="Reads the database itself, with the key of the application in OPENINGS_CLIENT_ID and "
        "OPENINGS_CLIENT_SECRET.",
        epilog="example: openings explain query.json --tzid Europe/Paris\n\nquery.json has the input of the GraphQL field "
        'availability, or a request with it: {"variables": {"input": {"participants": …}}}',
    )
    command.add_argument("query", metavar="QUERY.json", help="a file with the query, or - for standard input")
    command.add_argument("--tzid", default="Etc/UTC", help="IANA time zone of days and clocks (Etc/UTC)")
    command.add_argument("--width", type=int, default=96, help="maximum number of cells in a row, 12 to 288 (96)")
    command.set_defaults(run=_explain)


def _explain(settings: Settings, options: Mapping[str, Any]) -> None:
    if not settings.client_secret:
        stop(
            "set OPENINGS_CLIENT_ID and OPENINGS_CLIENT_SECRET to those of your application: see openings client create"
        )
    variables = {"input": _read(options["query"]), "tzid": options["tzid"], "width": options["width"]}

    async def explain(db: Database) -> dict[str, str]:
        await migrate(db)
        ctx = Context(db, digest(settings.client_secret), clock(), settings.limits)
        answer = await schema.execute(_EXPLANATION, variable_values=variables, context_value=ctx)
        if answer.errors:
            _fail([_cause(error) for error in answer.errors])
        return cast("Any", answer.data)["availability"]["explanation"]

    logging.getLogger("strawberry.execution").disabled = True  # it would write errors with their tracebacks
    found = with_database(settings, explain)
    print(f"{found['picture']}\n\n{found['summary']}")


def _cause(error: Any) -> Any:
    """The error that a resolver has raised, or the error itself if the query does not fit the schema."""
    while getattr(error, "original_error", None) is not None:
        error = error.original_error
    return error


def _fail(errors: Sequence[Any]) -> NoReturn:
    """Ends with what is wrong with the query or the key. Raises any other error."""
    for error in errors:
        if isinstance(error, WrongCredentials):
            stop("OPENINGS_CLIENT_SECRET is not the secret of a client in this database: see openings client list")
        if not isinstance(error, Refusal) and not hasattr(error, "message"):
            raise error
    stop("; ".join(message(error) if isinstance(error, Refusal) else str(error.message) for error in errors))


def _read(name: str) -> Any:
    """Returns the input in a file. Ends with one line if there is none."""
    try:
        text = sys.stdin.read(_LONGEST + 1) if name == "-" else _text(Path(name))
    except OSError as error:
        stop(f"cannot read {name}: {error.strerror}")
    except UnicodeDecodeError:
        stop(f"{name} is not UTF-8")
    if len(text) > _LONGEST:
        stop(f"{name} has more than {_LONGEST} characters")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        stop(f"{'standard input' if name == '-' else name} is not JSON: {error}")
    for key in ("variables", "input"):
        if isinstance(given, dict) and key in given:
            given = cast("dict[str, Any]", given)[key]
    if not isinstance(given, dict):
        stop(f"{name} must have the input of an availability query, an object with participants")
    return cast("dict[str, Any]", given)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_LONGEST + 1)
