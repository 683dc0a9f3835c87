"""The pictures of tests/support/pictures.py: right ones pass, wrong ones fail legibly, invalid ones are refused."""

import pytest

from core.limits import Limits
from core.solver import Opening, solve

from .support.pictures import MIDNIGHT, InvalidPicture, check_picture, parse_picture, span_set

QUESTION = """
    09:00 every 30 minutes
    periods of 60 minutes, 1 of alice bob
    query   ############
    alice   ####....####
    bob     ....####..##
"""


def test_a_right_picture_passes():
    """The picture of the design; all other tests are about mistakes."""
    check_picture(
        QUESTION
        + """
    =bob    ####....##..
    =alice  ....####....
        """
    )


def test_a_wrong_picture_shows_the_expected_and_the_found_answer():
    """One above the other, so that the difference is visible."""
    with pytest.raises(AssertionError) as failure:
        check_picture(
            QUESTION
            + """
    =bob    ####........
    =alice  ...#####....
            """
        )
    assert str(failure.value) == (
        """\
this is not the answer that is drawn

  09:00 every 30 minutes
  periods of 60 minutes, 1 of alice bob
  query   ############
  alice   ####....####
  bob     ....####..##
drawn
  =bob    ####........
  =alice  ...#####....
found
  =bob    ####....##..
  =alice  ....####....
not found: 10:30 to 13:00 alice
not drawn: 11:00 to 13:00 alice
not drawn: 13:00 to 14:00 bob"""
    )


def test_results_that_fit_no_cell_are_described_in_words():
    """Rounding them to cells would draw a different answer."""
    picture = parse_picture(
        """
        09:00 every 30 minutes
        slots of 60 minutes, buffer 10 after
        query   ......
        query   ######
        alice   #.....
        =alice  .####.
        """
    )
    difference = picture.compare([Opening(MIDNIGHT + 9 * 3600 + 600, MIDNIGHT + 10 * 3600, ("alice",))])
    assert "found\n  (nothing)\n" in difference
    assert "not drawn: 09:10 to 10:00 alice" in difference


def test_an_answer_in_the_wrong_order_fails():
    """Rows cannot show the order, but earliest first is part of the answer."""
    picture = parse_picture(
        QUESTION
        + """
    =bob    ####....##..
    =alice  ....####....
        """
    )
    assert "not in time order: 13:00 to 14:00 bob, 11:00 to 13:00 alice, 09:00 to 11:00 bob" in picture.compare(
        picture.answer[::-1]
    )


def test_the_order_of_the_participants_matters():
    """They are in the order of the request."""
    drawing = """
        09:00 every 60 minutes
        periods of 60 minutes, all of bob alice
        query       ##
        alice       ..
        bob         ..
        =%s  ##
    """
    check_picture(drawing % "bob alice")
    with pytest.raises(AssertionError, match="not found: 09:00 to 11:00 alice bob"):
        check_picture(drawing % "alice bob")


def test_openings_that_touch_differ_by_their_mark():
    """Four hours are one period, not two slots."""
    drawing = """
        09:00 every 60 minutes
        slots of 120 minutes
        query   ####
        alice   ....
        =alice  %s
    """
    check_picture(drawing % "##==")
    with pytest.raises(AssertionError, match="found\n  =alice  ##=="):
        check_picture(drawing % "####")


def test_openings_that_overlap_are_drawn_in_several_rows_of_one_label():
    """As many rows as necessary, drawn and found."""
    drawing = """
        09:00 every 30 minutes
        overlapping slots of 60 minutes, starting every 30 minutes
        query   #####
        alice   .....
        =alice  ##==.
        =alice  .##%s
    """
    check_picture(drawing % "==")
    with pytest.raises(AssertionError, match=r"found\n  =alice  ##==\.\n  =alice  \.##=="):
        check_picture(drawing % "..")


def test_a_picture_distinguishes_events_tentative_events_and_hours():
    """So that a picture could be run against a whole server."""
    picture = parse_picture(
        """
        00:00 every 1 minute
        periods of 1 minutes, bob ignores tentative
        query        ######
        alice        #?....
        bob          #?....
        bob hours    ###...
        bob only     .####.
        =alice bob   ..#...
        """
    )
    day = MIDNIGHT
    assert {name: [(start - day, end - day) for start, end in spans] for name, spans in picture.busy.items()} == {
        "alice": [(0, 60)],
        "bob": [(0, 60)],
    }
    assert [(start - day, end - day) for start, end in picture.tentative["bob"]] == [(60, 120)]
    assert picture.hours["alice"] is None
    assert picture.hours["bob"] is not None
    assert picture.compare(solve(picture.query, picture.facts())) == ""


def test_a_drawn_set_has_one_span_per_run():
    """The short form for tests of sets."""
    assert list(span_set(".##.#")) == [(1, 3), (4, 5)]


@pytest.mark.parametrize(
    ("wrong", "right", "why"),
    [
        ("09:00 every half hour", "09:00 every 30 minutes", "first line must read like"),
        ("for 60 minutes", "periods of 60 minutes", "no clause and no row: 'for 60 minutes'"),
        ("1 of alice bob", "periods of 60 minutes, 1 of alice bob", "needs a clause such as"),
        ("1 of alice rob", "1 of alice bob", "drawn are alice, bob, but others are asked about"),
        ("1 of alice bob, rob buffer 5 after", "1 of alice bob", "drawn are alice, bob, but others are asked about"),
        ("bob     ....####..#", "bob     ....####..##", "not as wide as the row above"),
        ("rob only ....####..##", "bob     ....####..##", "no rows of a member: rob only"),
        ("=rob    ####....##..", "=bob    ####....##..", "in the answer, but not drawn: rob"),
        ("=bob    what is this", "=bob    ####....##..", "not a row"),
        ("", "=bob    ####....##..", "has no answer"),
        ("periods of 0 minutes", "periods of 60 minutes", "no query that would be answered"),
    ],
)
def test_an_inconsistent_picture_is_refused(wrong, right, why):
    """It could otherwise pass or fail for a hidden reason."""
    drawing = f"{QUESTION}    =bob    ####....##..\n"
    assert right in drawing
    with pytest.raises(InvalidPicture, match=why):
        parse_picture(drawing.replace(right, wrong))


def test_pictures_respect_the_documented_limits():
    """Their queries are valid for a server with default settings."""
    picture = parse_picture(QUESTION + "    =bob    ####....##..")
    assert picture.query.check(MIDNIGHT - 60, Limits()) == []
