"""GraphQL responses: results with their errors formatted, refusals with their code, faults masked."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from core.errors import RateLimited, Refusal, WrongCredentials
from schema.errors import extensions, message, spell

from ..http.faults import log_fault, log_refusal
from ..http.requests import BAD_REQUEST, RequestError

log = logging.getLogger("openings")

TIMEOUT = "TIMEOUT"
"""The code of an answer that did not come in time."""


def format_result(result: ExecutionResult) -> dict[str, Any]:
    """The body of the answer to an execution."""
    if not result.errors:
        return {"data": result.data}
    errors = [_formatted(error) for error in result.errors]
    # Without a path it is the request that failed, not a field: then there was no execution, and there is no data.
    if result.data is None and all(error.path is None for error in result.errors):
        return {"errors": errors}
    return {"errors": errors, "data": result.data}


def format_request_errors(*errors: GraphQLError) -> dict[str, Any]:
    """The body of the answer to a document that is not executed."""
    return {"errors": [_bad_request(error) for error in errors]}


def format_http_error(error: RequestError) -> dict[str, Any]:
    """The body of the answer to a request that is refused for its envelope."""
    return {"errors": [{"message": str(error), "extensions": {"code": error.code, **error.details}}]}


def format_internal_error(error: BaseException) -> dict[str, Any]:
    """The body of the answer when something of ours broke outside the execution."""
    return {"errors": [_masked(GraphQLError(""), error)]}


def format_timeout(seconds: float) -> dict[str, Any]:
    """The body of the answer to an execution that was called off because it took longer than that."""
    log.warning("called off after %s seconds", seconds)
    words = (
        f"This took longer than {seconds} seconds and was called off. What it was changing is undone; of several "
        "mutations, those before it are done. The same request can be sent again."
    )
    return {"errors": [{"message": words, "extensions": {"code": TIMEOUT, "retry": True}}], "data": None}


def wrong_credentials(result: ExecutionResult) -> Sequence[WrongCredentials]:
    """The errors of a result that are about wrong credentials."""
    causes = [_cause(error) for error in result.errors or ()]
    return [cause for cause in causes if isinstance(cause, WrongCredentials)]


def replace_wrong_credentials(result: ExecutionResult, refusal: RateLimited) -> ExecutionResult:
    """The result with this refusal in place of each error that would say whether credentials were wrong."""
    return ExecutionResult(
        result.data,
        [
            GraphQLError(str(refusal), error.nodes, path=error.path, original_error=refusal)
            if isinstance(_cause(error), WrongCredentials)
            else error
            for error in result.errors or ()
        ],
    )


def _formatted(error: GraphQLError) -> dict[str, Any]:
    cause = _cause(error)
    if isinstance(cause, Refusal):
        return _refused(error, cause)
    if cause is None and error.path is None:
        return _bad_request(error)
    return _masked(error, cause or error)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _refused(error: GraphQLError, refusal: Refusal) -> dict[str, Any]:
    log_refusal(refusal, _field(error), spell)
    return {**error.formatted, "message": message(refusal), "extensions": extensions(refusal)}


def _masked(error: GraphQLError, cause: BaseException) -> dict[str, Any]:
    """Nothing of a fault leaves the server but its id, under which the log has all of it."""
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
    """The root field by the name that the client gave it: letters, digits and underscores, but any number of them."""
    return str(error.path[0])[:64] if error.path else "the request"
