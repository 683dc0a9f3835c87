"""The documentation as a site: every page is on it, says what it is for, and loads nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from graphql import build_schema

from website.__main__ import build, llms, sections
from website.pages import ROOT, opening, pages

PAGES = pages()
IN_ORDER = [name for _, names in sections() for name in names]


def test_every_page_is_in_the_sidebar_once() -> None:
    assert sorted(IN_ORDER) == sorted(PAGES)
    assert [heading for heading, _ in sections()][:4] == ["Start", "Guides", "Reference", "Operate"]


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_page_opens_with_what_it_is_for(path: Path) -> None:
    """In the first paragraph, which llms.txt shows beside the title."""
    _, purpose = opening(path.read_text("utf-8"))
    assert "This page" in purpose


def test_the_api_reference_has_every_operation_and_type() -> None:
    """With its description, and links that lead to what they name."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
    page = PAGES["api.md"]
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert root is not None
        assert [name for name in root.fields if f"\n### {name}\n" not in page] == []
    linked = set(re.findall(r"\(#(type-\w+)\)", page))
    assert linked - set(re.findall(r"\{#(type-\w+)\}", page)) == set()
    assert len(linked) > 50


def test_llms_txt_lists_every_page_with_what_it_is_for() -> None:
    text = llms(PAGES)
    assert text.startswith("# Openings\n\n> ")
    assert re.findall(r"^- \[[^\]]+\]\((\S+)\): \S", text, re.MULTILINE) == IN_ORDER


def test_the_site_is_whole_and_asks_no_other_server(tmp_path: Path) -> None:
    """Warnings, such as of a broken link, fail the build. Each page has its Markdown beside it, and the search its index."""
    site = build(tmp_path / "work")
    assert {name for name in PAGES if not (site / name).is_file()} == set()
    assert (site / "search.json").is_file()
    for name in PAGES:
        html = (site / name.replace(".md", ".html")).read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|source|iframe)[^>]*?\s(?:src|srcset)="([^"]+)"', html)
        loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|preload|icon|preconnect)"[^>]*href="([^"]+)"', html)
        loaded += re.findall(r'<link[^>]*href="([^"]+)"[^>]*rel="(?:stylesheet|preload|icon|preconnect)"', html)
        assert len(loaded) > 1
        foreign = [address for address in loaded if "//" in address and not address.startswith("data:")]
        assert foreign == [], name
        assert [each for each in loaded if "//" not in each and not (site / each.partition("?")[0]).is_file()] == [], (
            name
        )
        assert "content.code.copy" in html
