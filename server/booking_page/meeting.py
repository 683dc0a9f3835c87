"""The details of a meeting, as text for the visitor: on the page, and in the file for the visitor's calendar."""

import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.events import Location
from core.real_time_scheduling import Link

from .wording import duration

#: letters and symbols that show nothing, although Unicode counts them among the visible ones
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


@dataclass(frozen=True, slots=True)
class Meeting:
    """The details of a meeting. What would show nothing is empty or None."""

    summary: str
    duration: str
    description: str
    where: str | None
    #: latitude and longitude in decimal degrees
    coordinates: tuple[str, str] | None
    url: str | None

    @classmethod
    def of(cls, link: Link) -> "Meeting":
        event = link.request.event
        place = event.location or Location()
        coordinates = (place.lat, place.long) if place.lat is not None and place.long is not None else None
        where = _visible(place.description or "") or (", ".join(coordinates) if coordinates is not None else None)
        return cls(
            _visible(event.summary) or "Meeting",
            duration(link.request.query.duration),
            _visible(event.description),
            where,
            coordinates,
            event.url,
        )

    @property
    def href(self) -> str | None:
        """The URL if it is http or https, else None."""
        return self.url if self.url is not None and urlsplit(self.url).scheme in ("http", "https") else None

    @property
    def map_href(self) -> str | None:
        """The place as a `geo:` URI (RFC 5870), which a phone opens in its map."""
        return f"geo:{','.join(self.coordinates)}" if self.coordinates is not None else None


def _visible(text: str) -> str:
    """The text without surrounding white space; empty if it has nothing to see, such as a zero-width space alone."""
    seen = any(unicodedata.category(character)[0] in "LNPS" and character not in _BLANKS for character in text)
    return text.strip() if seen else ""
