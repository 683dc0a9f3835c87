"""Calendar feeds for tests: making one, and following it."""

from typing import Any

from httpx2 import Response

from .api import Account, Api

CALENDAR_FEED = "mutation ($input: CalendarFeedInput!) { calendarFeed(input: $input) { feedId url } }"


async def make_feed(api: Api, whose: Account, **given: Any) -> dict[str, str]:
    """Makes a feed; `given` are the fields of the input."""
    return (await api.data(CALENDAR_FEED, whose.token, input=given))["calendarFeed"]


async def get(api: Api, url: str, **headers: str) -> Response:
    """Asks for a feed by its address. In names of headers `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.get(url[url.index("/feeds/") :], headers=named)
