"""Calendar feeds: addresses at which a phone, Thunderbird or Google follows the events of an account.

The token in the address is the only key, so it is not logged. Programs ask again every few minutes to hours; a response
has an ETag made of the versions of its calendars, and a program that has it already is answered without reading an event.
What cannot be read is an error and never an empty calendar, since programs would delete what they have.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.calendar_feeds import FollowedFeed, window_of
from core.errors import NotFound, Refusal, TimedOut
from core.instants import Instant
from resolvers import calendar_feeds
from resolvers.context import Context

from ..http.client_address import address_of
from ..http.context import RequestGate
from ..http.deadlines import CLIENT_GONE, DeadlineError, run_while_connected
from ..http.faults import log_fault, log_refusal
from ..http.requests import RequestError
from .calendar_file import calendar_file

#: changes whenever the same events are written in another way
_FORMAT = 2
#: the zones that are described
_TZDATA = version("tzdata")

_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex"}
_SOON = {"Retry-After": "60"}


@dataclass(frozen=True, slots=True)
class CalendarFeeds:
    """The feeds of all accounts."""

    gate: RequestGate

    def route(self) -> Route:
        return Route("/feeds/{token}.ics", self.respond, methods=["GET"])

    async def respond(self, request: Request) -> Response:
        """The feed as an iCalendar file, or 304 for a program that has it."""
        try:
            ctx = self.gate.context()
            await self.gate.admit(ctx, address_of(request))
            return await run_while_connected(request, _respond(ctx, request), self.gate.deadline)
        except ClientDisconnect:
            return CLIENT_GONE
        except Exception as error:
            return _error(error)


async def _respond(ctx: Context, request: Request) -> Response:
    feed = await calendar_feeds.follow(ctx, request.path_params["token"])
    tag = etag(feed, ctx.now)
    headers = {**_HEADERS, "ETag": tag}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="calendar.ics"'
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/calendar")
    events = await calendar_feeds.read_events(ctx, feed)
    series = await calendar_feeds.read_series(ctx, feed, events)
    return Response(await calendar_file(feed, events, series, ctx.now), headers=headers, media_type="text/calendar")


def etag(feed: FollowedFeed, now: Instant) -> str:
    """The ETag of a feed: another one whenever its file is another one."""
    said = (_FORMAT, _TZDATA, feed.feed, feed.name, sorted(feed.calendars), window_of(now))
    return f'"{sha256(repr(said).encode()).hexdigest()[:32]}"'


def _has(request: Request, tag: str) -> bool:
    """Whether the program has the file with this ETag. A proxy that compresses makes it a weak one."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]


def _error(error: Exception) -> Response:
    match error:
        case RequestError():
            return _words(error.status, str(error), dict(error.headers))
        case NotFound():
            return _words(404, "There is no such feed, or it was ended.")
        case Refusal():
            log_refusal(error, "a feed")
            return _words(503 if isinstance(error, TimedOut) else 409, str(error), _SOON)
        case DeadlineError():
            return _words(503, "The feed could not be read in time.", _SOON)
        case _:
            retry = log_fault(error, "a feed").retry
            return _words(503 if retry else 500, "The feed could not be read.", _SOON)


def _words(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{words}\n", status, {**_HEADERS, **(headers or {})})
