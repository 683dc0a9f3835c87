"""The pictures in the documentation are executed, and its limits are compared with the code's."""

import re
from pathlib import Path

import pytest

from core.instants import DAY
from core.limits import START_INTERVALS, Limits

from .support.pictures import check_picture, normalized, parse_picture, redrawn

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("README.md"), *sorted((ROOT / "docs").glob("**/*.md"))]

_PICTURE = re.compile(r"^```picture\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pictures() -> list[tuple[str, str]]:
    """Every picture, with the page and the line where it begins."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in _PICTURE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{page.relative_to(ROOT)}:{line}", match[1]))
    return found


PICTURES = pictures()


@pytest.mark.parametrize("drawing", [drawing for _, drawing in PICTURES], ids=[where for where, _ in PICTURES])
def test_every_picture_in_the_docs_matches_the_solver(drawing):
    """So that the pages stay right."""
    check_picture(drawing)


@pytest.mark.parametrize("drawing", [drawing for _, drawing in PICTURES], ids=[where for where, _ in PICTURES])
def test_every_picture_in_the_docs_is_as_the_product_draws_it(drawing):
    """Drawing what was read gives the same text, so that readers know the pictures of an explanation already."""
    assert redrawn(parse_picture(drawing)) == normalized(drawing)


def test_every_picture_in_the_docs_is_found():
    """One with a mistake in its fence would silently not run."""
    fences = sum(page.read_text("utf-8").count("```picture") for page in PAGES)
    assert len(PICTURES) == fences
    assert any(where.startswith("docs/availability.md") for where, _ in PICTURES)


def test_the_pictures_in_the_docs_use_every_feature_of_pictures():
    """All formats, several groups, periods and slots: the page on the meaning of an answer draws all of it."""
    queries = [parse_picture(drawing).query for _, drawing in PICTURES]
    assert {query.response_format.value for query in queries} == {"periods", "slots", "overlapping_slots"}
    assert max(len(query.participants) for query in queries) > 1
    assert {query.query_slots is None for query in queries} == {True, False}
    assert any(query.start_interval for query in queries)


def test_the_limits_in_the_docs_match_the_code():
    """Numbers in tables are the first to become outdated."""
    page = (ROOT / "docs" / "availability.md").read_text("utf-8")
    rows = re.findall(r"^\| .* \| ([^|]*) \| `OPENINGS_(\w+)` \|$", page, re.MULTILINE)
    limits = Limits()
    assert rows == [
        (f"{limits.max_accounts}", "MAX_ACCOUNTS"),
        (f"1 to {limits.max_query_periods}", "MAX_QUERY_PERIODS"),
        (f"1 to {limits.max_member_periods}", "MAX_MEMBER_PERIODS"),
        (f"1 minute to {limits.max_period // DAY} days", "MAX_PERIOD_DAYS"),
        (f"1 to {limits.max_results}", "MAX_RESULTS"),
    ]
    *first, last = START_INTERVALS
    assert f"`startInterval` is one of {', '.join(map(str, first))} and {last} minutes" in page
