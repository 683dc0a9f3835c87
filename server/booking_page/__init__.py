"""The page behind a booking link: a visitor picks a day and a time, confirms, and sees the booking.

The token in the address is the only key: anyone who has it may book. So the token is not logged, responses are not
cached, and no referrer is sent to other servers. Everything works without JavaScript, by links and forms; the script
only detects the visitor's zone and prevents submitting a form twice.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..http.client_address import address_of
from ..http.context import RequestGate
from ..http.deadlines import CLIENT_GONE, DeadlineError, run_while_connected, run_with_deadline
from ..http.requests import FORM, RequestError, read_body
from .links import Links
from .notes import error_page
from .parameters import PageRequest, read_form
from .rendering import assets
from .visitor import Visitor

#: maximum size of a form in bytes; our forms have two short fields
_MAX_FORM_BYTES = 4096

Work: TypeAlias = Coroutine[Any, Any, Response]


@dataclass(frozen=True, slots=True)
class BookingPage:
    """The pages of all links."""

    links: Links
    gate: RequestGate

    def routes(self) -> list[BaseRoute]:
        """The routes of the pages, the calendar file and the assets."""
        return [
            assets().route("booking page"),
            Route("/book/{token}.ics", self.file, methods=["GET"]),
            Route("/book/{token}", self.page, methods=["GET", "POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Shows a link, or handles its submitted form."""
        return await self._serve(request, self._show_or_submit)

    async def file(self, request: Request) -> Response:
        """The booked meeting as a calendar file."""
        return await self._serve(request, self._download)

    async def _serve(self, request: Request, handler: Callable[[Request, Visitor], Awaitable[Work]]) -> Response:
        try:
            ctx = self.gate.context()
            await self.gate.admit(ctx, address_of(request))
            language = request.headers.get("accept-language", "")
            work = await handler(request, Visitor(self.links, ctx, request.path_params["token"], language))
            return await run_while_connected(request, work, self.gate.deadline)
        except ClientDisconnect:
            return CLIENT_GONE
        except Exception as error:
            return error_page(error, request)

    async def _show_or_submit(self, request: Request, visitor: Visitor) -> Work:
        if request.method == "POST":
            return visitor.send(await self._form(request))
        if request.method == "HEAD":
            return visitor.head()
        return visitor.show(PageRequest.of(request.query_params))

    async def _download(self, _request: Request, visitor: Visitor) -> Work:
        return visitor.calendar_file()

    async def _form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form. Raises RequestError, with status 408 if it does not arrive in time."""
        try:
            return read_form(await run_with_deadline(read_body(request, FORM, _MAX_FORM_BYTES), self.gate.deadline))
        except DeadlineError:
            raise RequestError(408, "The form did not arrive in time.") from None
