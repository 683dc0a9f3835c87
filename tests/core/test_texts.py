"""Text from callers."""

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
def test_nearly_all_text_can_be_stored(text):
    """No name is refused for its letters; control characters are unusual, but can be stored."""
    assert is_storable(text)
    assert of_text(text) == []


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud83d", "low \udc00"])
def test_text_that_cannot_be_stored_is_reported(text):
    """PostgreSQL stores no NUL, and a lone surrogate has no UTF-8."""
    assert not is_storable(text)
    assert of_text(text) == [Key.INVALID]


def test_the_maximum_length_is_inclusive():
    """Counted in characters."""
    assert of_text("é" * 5) == []
    assert of_text("é" * 6) == [Key.TOO_LONG]


def test_text_can_have_two_problems():
    """Both are reported."""
    assert of_text("\0" * 6) == [Key.TOO_LONG, Key.INVALID]


def test_omitted_text_is_accepted():
    """Whether it may be omitted is decided elsewhere."""
    assert of_text(None) == []


def test_an_id_is_text_that_is_not_empty():
    """All other rules for text apply."""
    assert of_id("e1") == []
    assert of_id("") == [Key.REQUIRED]
    assert of_id("too long") == [Key.TOO_LONG]
    assert of_id("e\0") == [Key.INVALID]
