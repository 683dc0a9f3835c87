"""Pages of a long list, and the cursors between them."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Key, Problems, spell
from core.instants import EARLIEST, LATEST
from core.pages import Cursor, Page, PageRequest

NAMES = [Cursor(instant, f"evt_{instant}") for instant in range(10)]


def page(first: int, after: Cursor | None = None) -> Page[Cursor]:
    """A page of NAMES as the database layer reads it: one more item than requested."""
    request = PageRequest(first, after.encode() if after else None)
    problems = Problems()
    cursor = request.check(problems, most=100)
    assert problems == []
    behind = [name for name in NAMES if cursor is None or (name.instant, name.id) > (cursor.instant, cursor.id)]
    return Page.cut(behind[: first + 1], request, lambda name: name)


@given(st.integers(EARLIEST, LATEST), st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_cursor_survives_encoding_and_decoding(instant, id):
    """Including spaces in an id, and instants before 1970."""
    assert Cursor.decode(Cursor(instant, id).encode()) == Cursor(instant, id)


def test_a_cursor_needs_no_quoting_in_a_url():
    """Clients may put it there."""
    assert set(Cursor(1_800_349_200, "evt_???>>>").encode()) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "not a cursor",
        "é",
        "\ud800",
        base64.urlsafe_b64encode(b"no-separator").decode(),
        base64.urlsafe_b64encode(b"noon evt_1").decode(),
        base64.urlsafe_b64encode(b"5 evt\0").decode(),
        base64.urlsafe_b64encode("5 évt".encode()).decode(),
        base64.urlsafe_b64encode(b"%d evt" % (1 << 62)).decode(),
        base64.urlsafe_b64encode(b"9" * 10_000 + b" evt").decode(),
    ],
)
def test_text_that_is_no_cursor_is_refused(text):
    """It never reaches the database as a number that is too large or as text with a NUL."""
    with pytest.raises(ValueError, match="is not a cursor of this server"):
        Cursor.decode(text)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")))
def test_decoding_any_text_gives_a_cursor_or_a_value_error(text):
    """For any input."""
    with suppress(ValueError):
        Cursor.decode(text)


@pytest.mark.parametrize(
    ("first", "after", "problems"),
    [
        (1, None, []),
        (100, None, []),
        (0, None, [("events.first", Key.TOO_FEW)]),
        (-1, None, [("events.first", Key.TOO_FEW)]),
        (101, None, [("events.first", Key.TOO_MANY)]),
        (10, "garbage", [("events.after", Key.INVALID)]),
        (0, "garbage", [("events.first", Key.TOO_FEW), ("events.after", Key.INVALID)]),
    ],
)
def test_the_page_size_and_the_cursor_are_checked(first, after, problems):
    """The bounds are inclusive; both arguments are checked together."""
    collected = Problems()
    assert PageRequest(first, after).check(collected, most=100, at=("events",)) is None
    assert [(spell(problem.path), problem.key) for problem in collected] == problems


def test_the_first_page_has_a_next_page_and_no_previous_one():
    """The extra item that was found is not in the page."""
    first = page(4)
    assert first.items == NAMES[:4]
    assert (first.has_previous, first.has_next) == (False, True)


def test_the_last_page_has_a_previous_page_and_no_next_one():
    """Even if it is exactly full."""
    last = page(4, NAMES[5])
    assert last.items == NAMES[6:]
    assert (last.has_previous, last.has_next) == (True, False)


def test_each_item_has_its_own_cursor():
    """A client can continue from the middle of a page."""
    first = page(4)
    assert [Cursor.decode(cursor) for cursor in first.cursors] == first.items


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_all_pages_together_are_the_list(size):
    """Without repetition or omission, and in a finite number of pages."""
    seen, after, more = [], None, True
    while more:
        found = page(size, after)
        seen += found.items
        after, more = Cursor.decode(found.cursors[-1]), found.has_next
    assert seen == NAMES


def test_an_empty_list_is_one_empty_page():
    """It has no cursors and no next page."""
    assert Page.cut([], PageRequest(5), lambda name: name) == Page([], [], has_next=False, has_previous=False)
