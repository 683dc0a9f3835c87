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
    """A page of NAMES as a database would read it: one item more than asked for."""
    request = PageRequest(first, after.encode() if after else None)
    problems = Problems()
    cursor = request.check(problems, most=100)
    assert problems == []
    behind = [name for name in NAMES if cursor is None or (name.instant, name.id) > (cursor.instant, cursor.id)]
    return Page.cut(behind[: first + 1], request, lambda name: name)


@given(st.integers(EARLIEST, LATEST), st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_cursor_comes_back_as_it_went_out(instant, id):
    """Spaces in an id, and instants before 1970, included."""
    assert Cursor.decode(Cursor(instant, id).encode()) == Cursor(instant, id)


def test_a_cursor_fits_into_an_address():
    """Some client will put it there: no character of it has to be quoted."""
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
def test_what_no_page_gave_out_is_not_a_cursor(text):
    """It is refused with its path, and never reaches a database as a number that is too large or a text with a NUL."""
    with pytest.raises(ValueError, match="is not a cursor that was given out here"):
        Cursor.decode(text)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")))
def test_no_text_makes_a_cursor_fail_in_another_way(text):
    """Whatever a client sends: a cursor or a ValueError."""
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
def test_a_page_has_one_to_so_many_items(first, after, problems):
    """The edges belong to what is allowed; both arguments are checked at once."""
    collected = Problems()
    assert PageRequest(first, after).check(collected, most=100, at=("events",)) is None
    assert [(spell(problem.path), problem.key) for problem in collected] == problems


def test_the_first_page_has_a_next_and_no_previous():
    """One item more was found than asked for, and it is not shown."""
    first = page(4)
    assert first.items == NAMES[:4]
    assert (first.has_previous, first.has_next) == (False, True)


def test_the_last_page_has_a_previous_and_no_next():
    """A page that is just full is no sign of another."""
    last = page(4, NAMES[5])
    assert last.items == NAMES[6:]
    assert (last.has_previous, last.has_next) == (True, False)


def test_each_item_has_its_own_cursor():
    """One can go on from the middle of a page."""
    first = page(4)
    assert [Cursor.decode(cursor) for cursor in first.cursors] == first.items


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_all_pages_together_are_the_list(size):
    """Nothing twice, nothing left out, and the walk ends."""
    seen, after, more = [], None, True
    while more:
        found = page(size, after)
        seen += found.items
        after, more = Cursor.decode(found.cursors[-1]), found.has_next
    assert seen == NAMES


def test_an_empty_list_is_one_empty_page():
    """No cursors, and nothing next."""
    assert Page.cut([], PageRequest(5), lambda name: name) == Page([], [], has_next=False, has_previous=False)
