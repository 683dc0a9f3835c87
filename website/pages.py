"""The pages of the site: the Markdown files of the repository, with links that work there."""

import re
from collections.abc import Iterator
from pathlib import Path

from .reference import api_reference

ROOT = Path(__file__).parents[1]

#: pages that do not stand in docs/, and their names on the site
ELSEWHERE = {
    "README.md": "index.md",
    "examples/README.md": "examples.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}

#: words after the language of a block of code, which only tests read
_INFO = re.compile(r"^(```\w+) .*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)")
#: where a page outside of docs/ names a picture in it
_PICTURE = re.compile(r'(\]\(|srcset="|src=")docs/(?=[\w-]+\.(?:png|svg))')


def pages() -> dict[str, str]:
    """Returns the Markdown of every page of the site by its name."""
    found = {path.name: _page(path) for path in sorted((ROOT / "docs").glob("*.md"))}
    found |= {name: _page(ROOT / source) for source, name in ELSEWHERE.items()}
    return found | {"api.md": api_reference((ROOT / "schema" / "schema.graphql").read_text("utf-8"))}


def pictures() -> Iterator[Path]:
    """Yields the files beside the pages."""
    yield from (path for path in (ROOT / "docs").iterdir() if path.suffix in {".png", ".svg"})


def opening(markdown: str) -> tuple[str, str]:
    """Returns the title of a page, and its first paragraph as plain text: what the page is for."""
    title, *parts = re.split(r"\n\s*\n", markdown.strip())
    paragraph = next((part for part in parts if not part.startswith(("<", "!", "#", "```"))), "")
    return title.lstrip("# "), re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))


def _page(path: Path) -> str:
    folder, text = path.parent.relative_to(ROOT), _PICTURE.sub(r"\1", path.read_text("utf-8"))
    return _LINK.sub(lambda found: _relinked(found, folder), _INFO.sub(r"\1", text))


def _relinked(found: re.Match[str], folder: Path) -> str:
    """A link between pages of the site; of a file that is none of them, the text of the link is left."""
    words, path, anchor = found[1], found[2], found[3] or ""
    target = (ROOT / folder / path).resolve().relative_to(ROOT.resolve()).as_posix()
    if target in ELSEWHERE:
        return f"[{words}]({ELSEWHERE[target]}{anchor})"
    if target == "schema/schema.graphql":
        return f"[{words}](api.md)"
    if target.startswith("docs/") and target.endswith(".md"):
        return f"[{words}]({target.removeprefix('docs/')}{anchor})"
    return words if "`" in words else f"`{words}`"
