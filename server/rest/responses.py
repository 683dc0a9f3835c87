"""Responses: bodies of results and errors, with statuses that every client knows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from starlette.responses import Response

from core.errors import (
    Forbidden,
    NotFound,
    PaymentRequired,
    RateLimited,
    Refusal,
    TimedOut,
    Unauthenticated,
    Unprocessable,
    spell,
)

from ..http.deadlines import DeadlineError
from ..http.faults import log_fault, log_refusal
from ..http.requests import BAD_REQUEST, NO_DETAILS, RequestError

_STATUSES: dict[type[Refusal], tuple[int, str]] = {
    Unauthenticated: (401, "unauthorized"),
    PaymentRequired: (402, "payment_required"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
    RateLimited: (429, "rate_limited"),
    TimedOut: (503, "timeout"),
}

_NO_HEADERS: Mapping[str, str] = {}
_SOON = {"Retry-After": "1"}

#: Responses have personal data, and a token in the address would not keep a shared cache from storing them.
_NO_STORE = (b"cache-control", b"no-store")
_JSON = (b"content-type", b"application/json; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is written. `body` may contain `orjson.Fragment`s; None is an empty body."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    #: the error code for the metrics
    code: str = "OK"

    def written(self) -> bytes:
        """Returns the bytes of the body."""
        return orjson.dumps(self.body) if self.body is not None else b""


ACCEPTED = Answer(202)
"""The response to most writes."""


class _Response(Response):
    """As Starlette's response of bytes. Its general way to the headers costs a tenth of a repeated answer."""

    def __init__(self, answer: Answer, body: bytes) -> None:
        self.body = body
        self.status_code = answer.status
        self.background = None
        headers = [(b"content-length", b"%d" % len(body)), _NO_STORE]
        if body:
            headers.append(_JSON)
        for name, value in answer.headers.items():
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        self.raw_headers = headers


def respond(answer: Answer, body: bytes) -> Response:
    """Makes the response, with the body as `written` returned it."""
    return _Response(answer, body)


def problems_by_path(refusal: Refusal) -> dict[str, Any]:
    """The body of a refusal with problems."""
    found: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for problem in refusal.problems:
        found[spell(problem.path)].append({"key": problem.key.value, "description": problem.description})
    return {"errors": dict(found), **({"more": True} if refusal.more else {})}


def format_error(error: Exception, where: str) -> Answer:
    """Formats and logs any error of a request. `where` names the endpoint."""
    match error:
        case Unprocessable() if error.problems:
            log_refusal(error, where)
            return Answer(422, problems_by_path(error), code=error.code)
        case Refusal():
            log_refusal(error, where)
            return _refused(error)
        case RequestError():
            details = {_snake_case(name): value for name, value in error.details.items()}
            return _error(error.status, error.code.lower(), str(error), error.headers, details, code=error.code)
        case DeadlineError():
            words = "The request took too long and was cancelled. Send it again."
            return _error(503, "timeout", words, _SOON, code="TIMEOUT")
        case _:
            fault = log_fault(error, where)
            answer = partial(_error, message=fault.message, details={"id": fault.id}, code="INTERNAL")
            return answer(503, "unavailable", headers=_SOON) if fault.retry else answer(500, "internal")


def not_found(message: str) -> Answer:
    """The response for a path that does not exist."""
    return _error(404, "not_found", message, code=NotFound.code)


def method_not_allowed(methods: Sequence[str]) -> Answer:
    """The response for a path that has other methods only."""
    allowed = ", ".join(sorted(methods))
    return _error(405, "method_not_allowed", f"This path takes {allowed}.", {"Allow": allowed}, code=BAD_REQUEST)


def not_implemented(message: str) -> Answer:
    """The response for a documented path that this server does not have."""
    return _error(501, "not_implemented", message, code="NOT_IMPLEMENTED")


def _refused(refusal: Refusal) -> Answer:
    status, name = next((found for kind, found in _STATUSES.items() if isinstance(refusal, kind)), (422, "invalid"))
    details = {_snake_case(each): value for each, value in refusal.details.items()}
    headers = _NO_HEADERS
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    elif status in (429, 503):
        headers = {"Retry-After": str(refusal.details.get("retryAfter", 1))}
    return _error(status, name, str(refusal), headers, details, code=refusal.code)


def _error(
    status: int,
    error: str,
    message: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    details: Mapping[str, str | int] = NO_DETAILS,
    *,
    code: str,
) -> Answer:
    return Answer(status, {"error": error, "message": message, **details}, headers, code)


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
