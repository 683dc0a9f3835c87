"""Text that a caller hands in."""

import pytest

from core.errors import Key, Problems
from core.texts import check_id, check_text, is_storable


def of_text(text: str | None) -> list[Key]:
    problems = Problems()
    check_text(text, ("it",), problems, longest=5)
    return [problem.key for problem in problems]


def of_id(text: str) -> list[Key]:
    problems = Problems()
    check_id(text, ("it",), problems, longest=5)
    return [problem.key for problem in problems]


@pytest.mark.parametrize("text", ["", "plain", "ünïcö", "👩‍🚀", "\n\t\x01", "\ufffe"])
def test_nearly_everything_can_be_stored(text):
    """Nobody's name is refused for its letters; control characters are odd, but they fit."""
    assert is_storable(text)
    assert of_text(text) == []


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud83d", "low \udc00"])
def test_what_cannot_be_stored_is_reported(text):
    """PostgreSQL takes no NUL, and half of a surrogate pair has no UTF-8."""
    assert not is_storable(text)
    assert of_text(text) == [Key.INVALID]


def test_the_longest_is_allowed_and_one_more_is_not():
    """Counted in characters."""
    assert of_text("é" * 5) == []
    assert of_text("é" * 6) == [Key.TOO_LONG]


def test_text_can_be_wrong_in_two_ways():
    """Both are reported."""
    assert of_text("\0" * 6) == [Key.TOO_LONG, Key.INVALID]


def test_text_that_is_not_given_is_fine():
    """Whether it may be left out is decided elsewhere."""
    assert of_text(None) == []


def test_an_id_is_text_that_is_not_empty():
    """Otherwise as any text."""
    assert of_id("e1") == []
    assert of_id("") == [Key.REQUIRED]
    assert of_id("too long") == [Key.TOO_LONG]
    assert of_id("e\0") == [Key.INVALID]
