"""The page behind a booking link: a visitor picks a day and a time, confirms, and sees that it is done.

Whoever has the address may book: its token is the only key, so neither the log nor anybody's cache keeps it, and the page
tells no other server where its visitor comes from. Everything works without JavaScript, by links and forms; what there
is of it finds out the visitor's zone, and keeps an impatient finger from sending a form twice.
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

#: bytes of a form that was filled in on our page: it has two short fields
_MOST = 4096

Work: TypeAlias = Coroutine[Any, Any, Response]


@dataclass(frozen=True, slots=True)
class BookingPage:
    """The pages of all links."""

    links: Links
    gate: RequestGate

    def routes(self) -> list[BaseRoute]:
        """Where the pages and their files are."""
        return [
            assets().route("booking page"),
            Route("/book/{token}.ics", self.file, methods=["GET"]),
            Route("/book/{token}", self.page, methods=["GET", "POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """What there is to be seen of a link, and what becomes of a choice."""
        return await self._serve(request, self._show_or_submit)

    async def file(self, request: Request) -> Response:
        """What was booked, to be taken along."""
        return await self._serve(request, self._download)

    async def _serve(self, request: Request, understood: Callable[[Request, Visitor], Awaitable[Work]]) -> Response:
        try:
            ctx = self.gate.context(None)
            await self.gate.admit(ctx, address_of(request))
            language = request.headers.get("accept-language", "")
            work = await understood(request, Visitor(self.links, ctx, request.path_params["token"], language))
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
        """The fields of a form. Raises RequestError, also for one that does not arrive in time."""
        try:
            return read_form(await run_with_deadline(read_body(request, FORM, _MOST), self.gate.deadline))
        except DeadlineError:
            raise RequestError(408, "The form did not arrive in time.") from None
