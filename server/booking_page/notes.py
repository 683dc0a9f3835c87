"""Messages for a visitor when a link cannot be shown."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound, RateLimited, Refusal, TimedOut

from ..http.deadlines import DeadlineError
from ..http.faults import log_fault, log_refusal
from ..http.requests import RequestError
from .rendering import html


class Note(NamedTuple):
    """A message."""

    heading: str
    words: str
    #: label of the button that leads on; None for no button
    way: str | None = None


_UNREADABLE = Note(
    "That could not be understood",
    "Something that the browser sent was missing or wrong. Nothing was booked.",
    "Back to the times",
)
_IN_A_MOMENT = Note(
    "One moment, please", "This is taking longer than it should. Please try again in a few seconds.", "Try again"
)

_NOTES = {
    400: _UNREADABLE,
    404: Note(
        "There is nothing here",
        "Is the address complete? If so, please ask whoever sent you this link for another one.",
    ),
    408: _IN_A_MOMENT,
    409: Note("This link cannot be used at the moment", "Please ask whoever sent it to you."),
    413: _UNREADABLE,
    415: _UNREADABLE,
    429: Note(
        "One moment, please", "There were too many requests at once. Please try again in a few seconds.", "Try again"
    ),
    500: Note(
        "Something went wrong here",
        "It is our fault, not yours. Please try again later, or ask whoever sent you this link.",
        "Try again",
    ),
    503: _IN_A_MOMENT,
}

_SOON = {"Retry-After": "5"}
"""Seconds after which a temporary failure may be over."""


def error_page(error: Exception, request: Request) -> Response:
    """The page that explains an error."""
    match error:
        case RequestError():
            return _note(error.status, request, error.headers)
        case NotFound():
            return _note(404, request)
        case RateLimited():
            return _note(429, request, _SOON)
        case TimedOut():
            log_refusal(error, "a visitor")
            return _note(503, request, _SOON)
        case Refusal():
            log_refusal(error, "a visitor")  # the visitor does not see why; the sender of the link may ask
            return _note(409, request)
        case DeadlineError():
            return _note(503, request, _SOON)
        case _:
            retry = log_fault(error, "a visitor").retry
            return _note(503, request, _SOON) if retry else _note(500, request)


def _note(status: int, request: Request, headers: Mapping[str, str] | None = None) -> Response:
    found = _NOTES.get(status, _UNREADABLE)
    # A GET can be repeated as it was; an invalid form would only be invalid again.
    back = f"?{request.url.query}" if request.method == "GET" and found is not _UNREADABLE else "?"
    response = html(
        "note.html",
        status=status,
        guessed_zone=None,
        heading=found.heading,
        words=found.words,
        way=found.way,
        back=back if found.way is not None else None,
    )
    response.headers.update(headers or {})
    return response
