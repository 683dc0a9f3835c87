"""Origins: which pages may read the responses of this server, and from which of them an element token works.

A program can send any Origin header. So an origin restricts pages, which browsers name truthfully, and nothing else.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

from starlette.types import Scope

from core.element_tokens import is_element_token
from core.lru import LRU
from core.origins import ORIGIN_LENGTH, normalised_origin

from . import auth
from .requests import header

log = logging.getLogger("openings")

ANY = "*"
"""The setting that allows every origin."""

#: seconds until a refused origin is logged again
_EACH = 60.0
#: origins whose last log line is remembered
_REMEMBERED = 1000
#: maximum characters of an origin in a line
_LONGEST = 200


@dataclass
class Origins:
    """The origins whose pages may ask, and the server's own."""

    #: whether an element token was issued for pages of an origin
    is_for_origin: Callable[[str, str], bool]
    #: the origins of the setting, or ANY alone
    allowed: frozenset[str] = frozenset()
    #: the origin of the public URL, if one is set
    public: str | None = None
    #: other origins under which the address that the server listens on is reached
    local: frozenset[str] = frozenset()
    clock: Callable[[], float] = monotonic
    _logged: LRU[str, float] = field(default_factory=lambda: LRU(most=_REMEMBERED))

    def fits(self, scope: Scope, element_token: str) -> bool:
        """Whether the element token was issued for the page that sends the request."""
        origin = header(scope, b"origin")
        if origin is not None:
            sent = _normalised(origin)
            return sent is not None and self.is_for_origin(element_token, sent)
        # Browsers leave the header out of a GET to the page's own origin.
        if header(scope, b"sec-fetch-site") != "same-origin":
            return False
        return any(self.is_for_origin(element_token, own) for own in self._own(scope))

    def readable_by(self, origin: str, authorization: str | None) -> str | None:
        """The value of Access-Control-Allow-Origin for a page of this origin; None if it may not read the response.

        It may if the setting allows its origin, or if it sends an element token for it, valid or not.
        """
        if ANY in self.allowed:
            return ANY
        sent = _normalised(origin)
        if sent is None:
            return None
        token = auth.element_token(authorization)
        return sent if sent in self.allowed or (token is not None and self.is_for_origin(token, sent)) else None

    def of_element(self, origin: str, token: str) -> str | None:
        """The value of Access-Control-Allow-Origin for a page of this origin that sends what may be an element token.

        None if it is not one that we issued for the origin.
        """
        sent = _normalised(origin)
        return sent if sent is not None and is_element_token(token) and self.is_for_origin(token, sent) else None

    def may_connect(self, scope: Scope, authorization: str | None) -> bool:
        """Whether the client of a WebSocket may use it: a program, or a page of an origin that fits its token."""
        token = auth.element_token(authorization)
        if token is not None:
            return self.fits(scope, token)
        origin = header(scope, b"origin")
        return origin is None or self.is_own(scope, origin) or self.readable_by(origin, None) is not None

    def is_own(self, scope: Scope, origin: str) -> bool:
        """Whether the page is one of this server's own."""
        return _normalised(origin) in self._own(scope)

    def is_own_host(self, scope: Scope) -> bool:
        """Whether the Host header names one of this server's own addresses, and not a domain that points here."""
        host = header(scope, b"host")
        own = self._own(scope)
        return host is not None and any(_normalised(f"{scheme}://{host}") in own for scheme in ("http", "https"))

    def _own(self, scope: Scope) -> frozenset[str]:
        """The server's own origins: of its public URL, or else of the address at which it was reached.

        Never of the Host header, which a client chooses, and which a domain that points here makes a browser send.
        """
        if self.public is not None:
            return frozenset({self.public})
        address = scope.get("server")
        reached = _of_address(*address) if address is not None else None
        return self.local if reached is None else self.local | {reached}

    def log_refused(self, origin: str, path: str) -> None:
        """Logs that pages of this origin cannot read a response, with the remedy: once a minute for each origin."""
        now = self.clock()
        shown = f"'{ascii(origin)[1:-1][: _LONGEST - 2]}'"
        last = self._logged.get(shown)
        if last is not None and now - last < _EACH:
            return
        self._logged.put(shown, now)
        sent = _normalised(origin)
        remedy = "only OPENINGS_ORIGINS=* allows it" if sent is None else f"add {sent} to OPENINGS_ORIGINS to allow it"
        log.info("refused origin %s at %s: %s", shown, path, remedy)


def local_origins(host: str, port: int) -> frozenset[str]:
    """The origins under which a server that listens on this host is reached on its own machine."""
    hosts = {"localhost", host} if host in ("localhost", "127.0.0.1", "::1") else {host}
    hosts = {"localhost"} if host in ("0.0.0.0", "::") else hosts
    found = (_of_address(each, port) for each in hosts)
    return frozenset(each for each in found if each is not None)


def _of_address(host: str, port: int | None) -> str | None:
    host = f"[{host}]" if ":" in host else host
    return normalised_origin(f"http://{host}" if port is None else f"http://{host}:{port}")


def _normalised(origin: str) -> str | None:
    return _cached(origin) if len(origin) <= ORIGIN_LENGTH else None


_cached = lru_cache(1000)(normalised_origin)


def parse_origins(text: str) -> frozenset[str]:
    """Parses origins separated by commas, or `*`. Raises ValueError with the invalid part."""
    found: set[str] = set()
    for part in (part.strip() for part in text.split(",")) if text else ():
        origin = part if part == ANY else normalised_origin(part)
        if origin is None:
            raise ValueError(part)
        found.add(origin)
    return frozenset(found)
