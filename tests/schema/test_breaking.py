"""Breaking changes since the last release must be announced in the changelog."""

from pathlib import Path

import pytest

from schema import schema

from .breaking import admitted, released, unannounced

FOLDER = Path(__file__).parent / "released"
CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")

OLD = """
enum Sureness { SURE UNSURE }
input EventsInput { from: String }
type Event { summary: String! sureness: Sureness }
type Query { events(input: EventsInput, first: Int): [Event!] count: Int }
"""

#: from a change of OLD to the words that must announce it
BREAKING = {
    ("summary: String!", ""): "Field Event.summary was removed.",
    ("summary: String!", "summary: String"): "Field Event.summary changed type from String! to String.",
    (", first: Int", ""): "Argument Query.events(first:) was removed.",
    (" UNSURE", ""): "Enum value Sureness.UNSURE was removed.",
    ("from: String", "from: String to: String!"): "A required field EventsInput.to was added.",
}


def versions() -> list[str]:
    """The versions whose schema is stored, the newest first."""
    kept = [path.stem for path in FOLDER.glob("*.graphql")]
    return sorted(kept, key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def changelog(*lines: str) -> str:
    """A changelog whose newest version has these lines."""
    return "\n".join(["# Changelog", "", "## 0.2.0, unreleased", "", *lines, "", "## 0.1.0, 2026-12-01", "", "- All."])


def test_the_schema_of_every_release_is_stored() -> None:
    """For comparison with the next one. The first is stored before its release."""
    assert set(versions()) >= {"0.1.0", *released(CHANGELOG)}


def test_no_client_of_the_last_release_breaks_unannounced() -> None:
    """Intended changes go into CHANGELOG.md in these words, under `### Breaking` of the version that makes them."""
    last = (FOLDER / f"{versions()[0]}.graphql").read_text("utf-8")
    assert unannounced(last, schema.as_str(), CHANGELOG) == []


@pytest.mark.parametrize(("change", "words"), BREAKING.items(), ids=BREAKING.values())
def test_a_breaking_change_is_detected_and_can_be_announced(change: tuple[str, str], words: str) -> None:
    """The same words, with any line breaks and more text around them, but in the right section."""
    new = OLD.replace(*change)
    assert unannounced(OLD, new, changelog("- Faster.")) == [words]
    long = f"- Nobody read it, so {words.rstrip('.').replace(' ', chr(10) + '  ')}; ask for the events instead."
    assert unannounced(OLD, new, changelog("- Faster.", "", "### Breaking", "", long)) == []
    assert unannounced(OLD, new, changelog(long)) == [words]
    assert unannounced(OLD, new, changelog("### Breaking", "", "- Another.", "", "### Fixed", "", long)) == [words]
    older = f"{changelog('- Faster.')}\n\n### Breaking\n\n{long}\n"
    assert unannounced(OLD, new, older) == [words]


def test_additions_are_not_breaking() -> None:
    """A field, an optional argument, a type."""
    new = OLD.replace("first: Int", "first: Int after: String").replace("sureness:", "start: String sureness:")
    assert unannounced(OLD, new, changelog("- More.")) == []


def test_a_version_is_released_unless_its_heading_says_otherwise() -> None:
    """In the order of the changelog, the newest first."""
    assert released(changelog()) == ["0.1.0"]
    assert released(changelog().replace(", unreleased", ", 2027-02-01")) == ["0.2.0", "0.1.0"]
    assert admitted(changelog()) == ""
