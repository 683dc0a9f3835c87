"""Element tokens: what a page in a browser may do for a few accounts, for some hours."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import Key, Problems
from .instants import HOUR
from .origins import ORIGIN_LENGTH, normalised_origin
from .periods import check_count
from .rights import ElementPermission

LONGEST_LIFETIME = 18 * HOUR
"""Maximum lifetime of an element token in seconds, and the default."""

MAX_SUBS = 50
"""Maximum accounts of an element token."""

#: the prefix, a secret, and the proof of the page's origin: see db/encryption.py
_TOKEN = re.compile(r"elt_[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{24}", re.ASCII)


def is_element_token(token: str) -> bool:
    """Whether the text has the format of an element token, which no other bearer token has."""
    return token.startswith("elt_") and _TOKEN.fullmatch(token) is not None


NOT_VALID_HERE = (
    "This element token does not work here. Either it is unknown, was revoked or has expired, or it was made for pages of "
    "another origin."
)
"""Why an element token is rejected, the same words for every reason."""


class ElementTokenDigest(bytes):
    """The digest of an element token that was sent by a page of its origin."""


@dataclass(frozen=True, slots=True)
class ElementTokenRequest:
    """A request for an element token."""

    permissions: Sequence[ElementPermission]
    #: the accounts; most permissions are over the first only
    subs: Sequence[str]
    #: the origin of the pages from which the token works
    origin: str
    #: lifetime in seconds
    expires_in: int

    def check(self, problems: Problems) -> None:
        """Reports every problem that can be found without the database."""
        check_count(len(self.permissions), ("permissions",), problems, most=len(ElementPermission), noun="permission")
        _check_duplicates(self.permissions, "permissions", problems)
        check_count(len(self.subs), ("subs",), problems, most=MAX_SUBS, noun="sub")
        _check_duplicates(self.subs, "subs", problems)
        if len(self.origin) > ORIGIN_LENGTH:
            problems.add(("origin",), Key.TOO_LONG, f"must be at most {ORIGIN_LENGTH} characters")
        elif self.normalised_origin is None:
            words = "must be the origin of a page, as scheme://host or scheme://host:port, without a path"
            problems.add(("origin",), Key.INVALID, words)
        if self.expires_in < 1:
            problems.add(("expires_in",), Key.TOO_SHORT, "must be at least 1 second")
        if self.expires_in > LONGEST_LIFETIME:
            problems.add(("expires_in",), Key.TOO_LONG, f"must be at most {LONGEST_LIFETIME} seconds")

    @property
    def normalised_origin(self) -> str | None:
        return normalised_origin(self.origin)


@dataclass(frozen=True, slots=True)
class ElementToken:
    """An element token in clear text, with what it may do. It is shown once; only its digest is stored."""

    token: str
    permissions: Sequence[ElementPermission]
    subs: Sequence[str]
    #: as browsers write it
    origin: str
    #: lifetime in seconds
    expires_in: int


def _check_duplicates(values: Sequence[str], name: str, problems: Problems) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values[:MAX_SUBS]):
        if value in seen:
            problems.add((name, index), Key.DUPLICATE, "is in the list already")
        seen.add(value)
