"""Pages of lists: the address of a next page says by itself what to list, and where the page begins.

Clients append parameters to that address, whether or not it already has some, so all of it is in the path. It is no
secret and needs no signature: whoever makes one up has sent a request like any other.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from core.element_tokens import ElementTokenDigest
from core.errors import NotFound
from core.pages import Page, PageRequest

from .requests import Values
from .routing import Call

_SIZE = 100

#: characters of the last part of a path; a request line has room for little more
_MAX_LENGTH = 16_000


@dataclass(frozen=True, slots=True)
class ListRequest:
    """One page of a list."""

    #: the parameters of the list
    values: Values
    #: the number of the page, from 1
    number: int = 1
    #: the cursor that the page begins after
    after: str | None = None

    def page(self, call: Call) -> PageRequest:
        """Returns the page to load. UI Elements show nothing before the last page, so for them it is a large one."""
        by_element = isinstance(call.ctx.caller, ElementTokenDigest)
        return PageRequest(call.ctx.limits.max_page if by_element else _SIZE, self.after)

    def next_url(self, call: Call, path: str, names: Iterable[str], page: Page[Any]) -> str | None:
        """Returns the address of the next page below `path`, or None. `names` are the parameters of the list."""
        if not page.has_next:
            return None
        values = {name: self.values[name] for name in names if self.values.get(name) is not None}
        text = base64.urlsafe_b64encode(orjson.dumps([self.number + 1, page.cursors[-1], values]))
        return f"{call.public_url}{path}/pages/{text.decode().rstrip('=')}"

    def pages(self, next_url: str | None) -> dict[str, Any]:
        """Returns the object that describes the page.

        There is no count of all pages: as long as there is a next one, the total is one more than the current number.
        """
        if next_url is None:
            return {"current": self.number, "total": self.number}
        return {"current": self.number, "total": self.number + 1, "next_page": next_url}


def requested_page(call: Call) -> ListRequest:
    """Returns the page that the address of a next page names. Raises NotFound for an address that is not ours."""
    text = call.path["page"]
    try:
        found: Any = orjson.loads(base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", b"-_", validate=True))
    except (ValueError, binascii.Error):
        found = None
    match found if len(text) <= _MAX_LENGTH else None:
        case [int(number), str(after), dict()] if 1 < number < 1 << 31:
            return ListRequest(found[2], number, after)
        case _:
            raise NotFound("There is no such page.")
