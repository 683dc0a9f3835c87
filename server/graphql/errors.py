"""From what the execution gave to what the client sees: refusals with their code, faults of ours masked."""

import logging
import secrets
from typing import Any

from graphql import ExecutionResult, GraphQLError

from core.errors import Refusal
from db.retries import is_away, is_lost_race
from schema.errors import extensions as extensions_of
from schema.errors import message

log = logging.getLogger("openings")

BAD_REQUEST = "BAD_REQUEST"
"""The code of an error in the GraphQL itself: the document, or variables that do not fit it."""

TIMEOUT = "TIMEOUT"
"""The code of an answer that did not come in time."""


def outcome(result: ExecutionResult) -> dict[str, Any]:
    """The body of the answer to an execution."""
    if not result.errors:
        return {"data": result.data}
    errors = [_formatted(error) for error in result.errors]
    # Without a path it is the request that failed, not a field: then there was no execution, and there is no data.
    if result.data is None and all(error.path is None for error in result.errors):
        return {"errors": errors}
    return {"errors": errors, "data": result.data}


def rejected(*errors: GraphQLError) -> dict[str, Any]:
    """The body of the answer to a document that is not executed."""
    return {"errors": [_bad_request(error) for error in errors]}


def fault(error: BaseException) -> dict[str, Any]:
    """The body of the answer when something of ours broke outside the execution."""
    return {"errors": [_masked(GraphQLError("", original_error=error), error)]}  # pyright: ignore[reportArgumentType]


def timed_out(seconds: float) -> dict[str, Any]:
    """The body of the answer to an execution that was called off because it took longer than that."""
    log.warning("called off after %s seconds", seconds)
    words = (
        f"This took longer than {seconds} seconds and was called off. What it was changing is undone; of several "
        "mutations, those before it are done. The same request can be sent again."
    )
    return {"errors": [{"message": words, "extensions": {"code": TIMEOUT, "retry": True}}], "data": None}


def _formatted(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, Refusal):
        return _refused(error, cause)
    if cause is None and error.path is None:
        return _bad_request(error)
    return _masked(error, cause or error)


def note(refusal: Refusal, what: str) -> dict[str, Any]:
    """The extensions of a refusal, of which the log has the code and the first paths from here on."""
    found = extensions_of(refusal)
    problems = [f"{path} {problem['key']}" for path, at in found.get("errors", {}).items() for problem in at]
    log.info("refused %s: %s", what, "; ".join([refusal.code, *problems[:5]]))
    return found


def _refused(error: GraphQLError, refusal: Refusal) -> dict[str, Any]:
    return {**error.formatted, "message": message(refusal), "extensions": note(refusal, _field(error))}


def _masked(error: GraphQLError, cause: BaseException) -> dict[str, Any]:
    """Nothing of what went wrong leaves the house but an id, under which the log has all of it."""
    id = secrets.token_hex(8)
    if is_away(cause) or is_lost_race(cause):
        log.error("fault %s in %s: the database did not answer (%s)", id, _field(error), type(cause).__name__)
        words = f"The database did not answer. The same request can be sent again. The log has it under {id}."
        extensions = {"code": "INTERNAL", "id": id, "retry": True}
    else:
        log.error("fault %s in %s", id, _field(error), exc_info=cause)
        words = f"Something went wrong here, not with your request. The log has it under {id}."
        extensions = {"code": "INTERNAL", "id": id, "retry": False}
    shown = {name: value for name, value in error.formatted.items() if name in ("locations", "path")}
    return {"message": words, **shown, "extensions": extensions}


def _bad_request(error: GraphQLError) -> dict[str, Any]:
    return {**error.formatted, "extensions": {"code": BAD_REQUEST, **(error.extensions or {})}}


def _field(error: GraphQLError) -> str:
    """Which root field it was, by the name that the client gave it: letters, digits and underscores, but any number."""
    return str(error.path[0])[:64] if error.path else "the request"
