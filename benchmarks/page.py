"""Puts what was measured into docs/performance.md, in the place of what stood there, and its picture beside it."""

import os
import platform
import re
import sqlite3
from pathlib import Path

from .measure import PICTURES, TABLES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
#: a place on the page: what is measured has a name, and stands between two comments
_PLACE = "<!-- measured: {} -->\n\n{}\n\n<!-- end -->"


def write() -> None:
    """Every table that has a name and was measured, and every picture. What was not measured stays as it is."""
    text = PAGE.read_text("utf-8")
    shown = {"machine": machine(), **{name: table.markdown() for name, table in TABLES.items()}}
    for name, content in shown.items():
        text = replaced(text, name, content)
    PAGE.write_text(text, "utf-8")
    for name, picture in PICTURES.items():
        (DOCS / f"{name}.svg").write_text(picture, "utf-8")


def replaced(text: str, name: str, content: str) -> str:
    """The page with this in its place. Raises ValueError when it has none."""
    place = re.compile(_PLACE.format(re.escape(name), "(?:.*?)"), re.DOTALL)
    text, count = place.subn(lambda _: _PLACE.format(name, content), text)
    if count != 1:
        raise ValueError(f"{PAGE.name} has {count} places for {name!r}")
    return text


def machine() -> str:
    """What it was measured on."""
    system = f"{platform.system()} on {platform.machine()}"
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {system} with {os.cpu_count()} processors."
