"""Checks of text from a caller: its length, and whether it can be stored."""

import re

from .errors import Key, Path, Problems

# PostgreSQL's text cannot contain NUL, and half of a surrogate pair cannot be encoded in UTF-8.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether both databases can hold the text."""
    return _UNSTORABLE.search(text) is None


def check_text(text: str | None, path: Path, problems: Problems, *, longest: int) -> None:
    """Reports text that is too long or cannot be stored."""
    if text is None:
        return
    if len(text) > longest:
        problems.add(path, Key.TOO_LONG, f"must be at most {longest} characters")
    if not is_storable(text[:longest]):  # what is too long is not read to its end
        problems.add(path, Key.INVALID, "has a character that cannot be stored")


def check_id(text: str, path: Path, problems: Problems, *, longest: int) -> None:
    """Reports an id that is empty, too long or cannot be stored."""
    if not text:
        problems.add(path, Key.REQUIRED, "must not be empty")
    check_text(text, path, problems, longest=longest)
