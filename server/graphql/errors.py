"""GraphQL response bodies: errors formatted, refusals with their code, faults masked."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from core.errors import RateLimited, Refusal, TimedOut, WrongCredentials
from schema.errors import extensions, message, spell

from ..http.faults import log_fault, log_refusal
from ..http.requests import BAD_REQUEST, RequestError

log = logging.getLogger("openings")

TIMEOUT = TimedOut.code
"""The error code of an operation that exceeded the deadline, or waited too long for other requests."""


def format_result(result: ExecutionResult) -> dict[str, Any]:
    """The response body for the result of an execution."""
    if not result.errors:
        return {"data": result.data}
    errors = [_formatted(error, places) for error, places in _distinct(result.errors)]
    # Without paths the request failed, not a field. Nothing was executed, so the body has no `data`.
    if result.data is None and all(error.path is None for error in result.errors):
        return {"errors": errors}
    return {"errors": errors, "data": result.data}


def format_request_errors(*errors: GraphQLError) -> dict[str, Any]:
    """The response body for a document that is not executed."""
    return {"errors": [_bad_request(error) for error in errors]}


def format_http_error(error: RequestError) -> dict[str, Any]:
    """The response body for a request that is refused because of its envelope."""
    return {"errors": [{"message": str(error), "extensions": {"code": error.code, **error.details}}]}


def format_internal_error(error: BaseException) -> dict[str, Any]:
    """The response body for a fault of the server outside the execution."""
    return {"errors": [_masked(GraphQLError(""), error)]}


def format_timeout(seconds: float) -> dict[str, Any]:
    """The response body for an execution that was cancelled after this many seconds."""
    log.warning("cancelled after %s seconds", seconds)
    words = (
        f"The operation took longer than {seconds} seconds and was cancelled. Earlier mutations of the same request are "
        "done; whether the last one is done is not known, because the database may have been about to confirm it. The same "
        "request can be sent again: what is done already is not done twice."
    )
    return {"errors": [{"message": words, "extensions": {"code": TIMEOUT, "retry": True}}], "data": None}


def wrong_credentials(result: ExecutionResult) -> Sequence[WrongCredentials]:
    """The wrong credentials among the errors of a result."""
    causes = [_cause(error) for error in result.errors or ()]
    return [cause for cause in causes if isinstance(cause, WrongCredentials)]


def replace_wrong_credentials(result: ExecutionResult, refusal: RateLimited) -> ExecutionResult:
    """Replaces each error that would confirm wrong credentials by this refusal."""
    return ExecutionResult(
        result.data,
        [
            GraphQLError(str(refusal), error.nodes, path=error.path, original_error=refusal)
            if isinstance(_cause(error), WrongCredentials)
            else error
            for error in result.errors or ()
        ],
    )


def _distinct(errors: Sequence[GraphQLError]) -> list[tuple[GraphQLError, int]]:
    """Returns one error for all items of a list that have the same, and the number of them."""
    found: dict[tuple[object, ...], list[GraphQLError]] = {}
    for error in errors:
        cause = _cause(error) or error
        same = (type(cause), str(cause), *cause.problems) if isinstance(cause, Refusal) else (id(cause),)
        found.setdefault((*same, *(step for step in error.path or () if isinstance(step, str))), []).append(error)
    return [(each[0], len(each)) for each in found.values()]


def _formatted(error: GraphQLError, places: int) -> dict[str, Any]:
    """Formats an error, which has occurred at so many places."""
    cause = _cause(error)
    if isinstance(cause, Refusal):
        formatted = _refused(error, cause)
    elif cause is None and error.path is None:
        formatted = _bad_request(error)
    else:
        formatted = _masked(error, cause or error)
    if places > 1:
        formatted["extensions"] = {**formatted["extensions"], "places": places}
    return formatted


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _refused(error: GraphQLError, refusal: Refusal) -> dict[str, Any]:
    log_refusal(refusal, _field(error), spell)
    return {**error.formatted, "message": message(refusal), "extensions": extensions(refusal)}


def _masked(error: GraphQLError, cause: BaseException) -> dict[str, Any]:
    """Hides a fault from the client, except for the id under which the log has it."""
    fault = log_fault(cause, _field(error))
    shown = {name: value for name, value in error.formatted.items() if name in ("locations", "path")}
    return {
        "message": fault.message,
        **shown,
        "extensions": {"code": "INTERNAL", "id": fault.id, "retry": fault.retry},
    }


def _bad_request(error: GraphQLError) -> dict[str, Any]:
    return {**error.formatted, "extensions": {"code": BAD_REQUEST, **(error.extensions or {})}}


def _field(error: GraphQLError) -> str:
    """The root field's name or alias: safe to log (letters, digits, underscores), but cut as it may be long."""
    return str(error.path[0])[:64] if error.path else "the request"
