"""Handles the request of one visitor to one link, from the parameters to the response."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from core.bookings import NEXT_SLOTS, SlotTaken
from core.errors import NotFound
from core.instants import Instant, Unreadable, read_instant
from core.member_statuses import CalendarNotKnown
from core.real_time_scheduling import Completed, Disabled, Link, Open
from core.zones import local_midnight
from resolvers.context import Context
from resolvers.real_time_scheduling import Offer

from ..http.requests import RequestError
from . import views
from .calendar_file import calendar_file
from .days import Days, beginning, month
from .links import Links
from .parameters import PageRequest, address, known_zone
from .rendering import blank, file
from .views import PageContext


@dataclass(frozen=True, slots=True)
class Visitor:
    """One request: the token of its link, and the visitor's Accept-Language header."""

    links: Links
    ctx: Context
    token: str
    language: str

    async def show(self, wish: PageRequest) -> Response:
        """The page of the link in its current state."""
        offer = await self._offer(self.ctx.now, wish.tzid)
        visit = self._visit(offer.link, wish.tzid)
        match offer.link.state:
            case Completed() as state:
                return views.done(visit, state, f"./{quote(self.token)}.ics")
            case Disabled() as state:
                return views.disabled(visit, state)
            case Open():
                return await self._choose(visit, offer, wish)

    async def send(self, form: Mapping[str, str]) -> Response:
        """Books the chosen time, or reports that none suits. Redirects to the result."""
        tzid = known_zone(form.get("tz")) or (await self._link()).request.page_tzid
        if "none" in form:
            link = await self.links.report_no_suitable_time(self.ctx, self.token, tzid)
            return _redirect(address(tz=tzid, told="1" if isinstance(link.state, Open) else None))
        start = read_instant(form.get("start", ""))
        if isinstance(start, Unreadable):
            raise RequestError(400, f"The start {start.why}.")
        match await self.links.book(self.ctx, self.token, start, tzid):
            case SlotTaken() as taken:
                return await self._taken(taken, start, tzid)
            case CalendarNotKnown():
                return views.not_known(self._visit(await self._link(), tzid), start, status=409)
            case link:
                return _redirect(self._application_url(link, start) or address(tz=tzid))

    async def head(self) -> Response:
        """Answers a HEAD request; raises NotFound. It does not load times: mail scanners send it for every address."""
        await self._link()
        return blank()

    async def calendar_file(self) -> Response:
        """The booked meeting for the visitor's calendar. Raises NotFound if nothing is booked."""
        link = await self._link()
        if not isinstance(link.state, Completed):
            raise NotFound
        return file("meeting.ics", calendar_file(link, link.state, self.ctx.now), "text/calendar")

    async def _choose(self, visit: PageContext, offer: Offer, wish: PageRequest) -> Response:
        if wish.feedback_sent and visit.can_tell:
            return views.feedback_sent(visit)
        if wish.start is not None:
            return await self._confirm(visit, offer, wish.start)
        days = Days.of(offer, visit.wording)
        begin = beginning(wish.day, wish.since, days.end)
        if begin is not None:
            days = Days.of(await self._offer(local_midnight(begin, visit.wording.zone), visit.tzid), visit.wording)
        found = month(days, wish.day, wish.since, begin)
        if found is not None:
            return views.choose(visit, found, wish.day)
        return views.not_known(visit) if offer.not_known else views.nothing_left(visit)

    async def _confirm(self, visit: PageContext, offer: Offer, start: Instant | Unreadable) -> Response:
        if isinstance(start, Unreadable):
            raise RequestError(400, f"The start {start.why}.")
        if offer.more_from is not None and start >= offer.more_from:
            offer = await self._offer(start, visit.tzid)
        chosen = next((opening for opening in offer.openings if opening.start == start), None)
        if chosen is not None:
            return views.confirm(visit, chosen)
        if any(opening.start == start for opening in offer.not_known):
            return views.not_known(visit, start, status=200)
        later = [opening for opening in offer.openings if opening.start > start]
        return views.taken(visit, start, (later or offer.openings)[:NEXT_SLOTS], status=200)

    async def _taken(self, taken: SlotTaken, start: Instant, tzid: str) -> Response:
        link = await self._link()
        if not isinstance(link.state, Open):
            return _redirect(address(tz=tzid))  # its state has changed in the meantime: show that
        return views.taken(self._visit(link, tzid), start, taken.next_slots, status=409)

    async def _offer(self, since: Instant, tzid: str | None) -> Offer:
        return await self.links.offer(self.ctx, self.token, since, tzid)

    async def _link(self) -> Link:
        """The link, without the times that it offers."""
        return await self.links.get_by_token(self.ctx, self.token)

    def _visit(self, link: Link, tzid: str | None) -> PageContext:
        return PageContext.at(link, tzid, self.language, self.ctx.now)

    def _application_url(self, link: Link, start: Instant) -> str | None:
        """The application's URL to send the visitor to after this booking, with the token. None if there is none.

        A second submission of the same start finds a completed link and gets the same redirect: a browser follows the
        response to the last one.
        """
        url = link.request.redirect_urls.completed_url
        if url is None or not isinstance(link.state, Completed) or link.state.start != start:
            return None
        before, hash, fragment = url.partition("#")
        return f"{before}{'&' if '?' in before else '?'}token={quote(self.token)}{hash}{fragment}"


def _redirect(url: str) -> Response:
    """Redirects the browser to a URL with GET."""
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
