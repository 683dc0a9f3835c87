"""The parameters of a visitor's address and form. In an address most invalid ones are ignored; a form must be valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

from core.instants import Instant, Unreadable, format_instant, parse_date, read_instant
from core.zones import known_zones, todays_name

from ..http.requests import RequestError

Parameter: TypeAlias = str | date | Instant | None

_MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a visitor wants to see of a link."""

    tzid: str | None = None
    day: date | None = None
    #: show times from this day on
    since: date | None = None
    start: Instant | Unreadable | None = None
    #: the visitor has just reported that no time suits
    feedback_sent: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "PageRequest":
        start = query.get("start")
        return cls(
            known_zone(query.get("tz")),
            _day(query.get("day")),
            _day(query.get("from")),
            read_instant(start) if start is not None else None,
            query.get("told") == "1",
        )


def known_zone(text: str | None) -> str | None:
    """The zone of this name under its current name. None if there is none."""
    return todays_name(text) if text in known_zones() else None


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises RequestError if it cannot be parsed."""
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise RequestError(400, f"The form cannot be read: {error}.") from None


def address(**parameters: Parameter) -> str:
    """An address of the same link, relative to any of its pages. `since` is written `from`, a keyword in Python."""
    given = {name: _written(value) for name, value in parameters.items() if value is not None}
    if "since" in given:
        given["from"] = given.pop("since")
    return "?" + urlencode(given, safe="/:")


def _day(text: str | None) -> date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _written(value: str | date | Instant) -> str:
    return format_instant(value) if isinstance(value, int) else str(value)
