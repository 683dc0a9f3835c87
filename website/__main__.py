"""Builds the site: `python -m website` writes it to .site, with llms.txt and the Markdown of each page beside it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .pages import ROOT, opening, pages, pictures

_CONFIGURATION = Path(__file__).parent / "mkdocs.yml"


def build(work: Path) -> Path:
    """Builds the site in a folder. Returns where it is. Raises CalledProcessError, with a warning as the reason as well."""
    shutil.rmtree(work, ignore_errors=True)
    source = work / "pages"
    source.mkdir(parents=True)
    shutil.copy(_CONFIGURATION, work)
    found = pages()
    for name, text in found.items():
        (source / name).write_text(text, "utf-8")
    for picture in pictures():
        shutil.copy(picture, source)
    program = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"]
    subprocess.run(program, cwd=work, check=True, capture_output=True, text=True)
    site = work / "site"
    for name, text in found.items():
        (site / name).write_text(text, "utf-8")
    (site / "llms.txt").write_text(llms(found), "utf-8")
    return site


def llms(found: dict[str, str]) -> str:
    """Returns the overview for programs that read the documentation: every page, and what it is for."""
    configuration = _configuration()
    lines = [f"# {configuration['site_name']}", "", f"> {configuration['site_description']}", ""]
    for heading, names in sections():
        lines += [f"## {heading}", ""]
        lines += [f"- [{title}]({name}): {purpose}" for name in names for title, purpose in [opening(found[name])]]
        lines.append("")
    return "\n".join(lines)


def sections() -> Iterator[tuple[str, list[str]]]:
    """Yields the headings of the sidebar, each with the names of its pages."""
    for section in _configuration()["nav"]:
        for heading, entries in section.items():
            yield heading, [next(iter(each.values())) if isinstance(each, dict) else each for each in entries]


def _configuration() -> dict[str, Any]:
    return yaml.safe_load(_CONFIGURATION.read_text("utf-8"))


def main() -> None:
    try:
        site = build(ROOT / ".site")
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.stdout + error.stderr) from None
    print(f"The documentation is in {(site / 'index.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
