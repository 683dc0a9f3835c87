"""Writes the results into docs/performance.md, replacing the previous ones, and the picture beside it."""

import os
import platform
import re
import sqlite3
from pathlib import Path

from .measure import PICTURES, TABLES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
#: a place on the page: a named result between two comments
_PLACE = "<!-- measured: {} -->\n\n{}\n\n<!-- end -->"


def write() -> None:
    """Writes every named table that was measured, and every picture. Others stay unchanged."""
    text = PAGE.read_text("utf-8")
    shown = {"machine": machine(), **{name: table.markdown() for name, table in TABLES.items()}}
    for name, content in shown.items():
        text = replaced(text, name, content)
    PAGE.write_text(text, "utf-8")
    for name, picture in PICTURES.items():
        (DOCS / f"{name}.svg").write_text(picture, "utf-8")


def replaced(text: str, name: str, content: str) -> str:
    """The page with new content in one place. Raises ValueError if there is no such place."""
    place = re.compile(_PLACE.format(re.escape(name), "(?:.*?)"), re.DOTALL)
    text, count = place.subn(lambda _: _PLACE.format(name, content), text)
    if count != 1:
        raise ValueError(f"{PAGE.name} has {count} places for {name!r}")
    return text


def machine() -> str:
    """The software and the machine."""
    system = f"{platform.system()} on {platform.machine()}"
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {system} with {os.cpu_count()} processors."
