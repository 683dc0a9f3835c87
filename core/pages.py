"""Keyset pagination: a cursor names the last item of a page, and the next page starts after it.

So every page costs the same, however far down the list it is, and an item that is added or deleted between
two requests neither repeats nor hides another.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import Key, Path, Problems
from .instants import Instant

T = TypeVar("T")
U = TypeVar("U")

#: characters of a cursor: an instant, and an id of ours or of at most 64 characters
_CURSOR_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list that is sorted by instant, then by id."""

    instant: Instant
    id: str

    def encode(self) -> str:
        """Returns opaque text for a client to send back."""
        return base64.urlsafe_b64encode(f"{self.instant} {self.id}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Parses text from `encode`. Raises ValueError for any other text."""
        if len(text) > _CURSOR_LENGTH:
            raise ValueError("is not a cursor of this server")
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            instant, separator, id = base64.b64decode(padded, b"-_", validate=True).decode("ascii").partition(" ")
            cursor = cls(int(instant), id)
        except (ValueError, binascii.Error):
            raise ValueError("is not a cursor of this server") from None
        if not separator or not id.isprintable() or abs(cursor.instant) >= 1 << 62:
            raise ValueError("is not a cursor of this server")
        return cursor


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The `first` items after the cursor `after`; None: from the beginning."""

    first: int
    after: str | None = None

    def check(self, problems: Problems, *, most: int, at: Path = ()) -> Cursor | None:
        """Returns the cursor. Reports a page size outside 1 to `most`, and an invalid cursor."""
        if self.first < 1:
            problems.add((*at, "first"), Key.TOO_FEW, "must be at least 1")
        elif self.first > most:
            problems.add((*at, "first"), Key.TOO_MANY, f"must be at most {most}")
        if self.after is None:
            return None
        try:
            return Cursor.decode(self.after)
        except ValueError as error:
            problems.add((*at, "after"), Key.INVALID, str(error))
            return None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of a list, each with its cursor."""

    items: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool

    @classmethod
    def cut(cls, found: Sequence[T], request: PageRequest, cursor_of: Callable[[T], Cursor]) -> "Page[T]":
        """Makes a page of the items found after the cursor. An item beyond `first` means that there is a next page."""
        items = found[: request.first]
        cursors = [cursor_of(item).encode() for item in items]
        return cls(items, cursors, has_next=len(found) > request.first, has_previous=request.after is not None)

    def map(self, convert: Callable[[T], U]) -> "Page[U]":
        """Returns the page with its items converted."""
        return Page([convert(item) for item in self.items], self.cursors, self.has_next, self.has_previous)
