"""Cronofy's SDKs for Python and JavaScript, unchanged, and curl: the story of an application calendar, against a real server.

Requests as Ruby's and PHP's SDKs send them are in tests/server/rest.
"""

import re
import shutil
import sys
from pathlib import Path

from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.server_process import ServerProcess

from .tools import FOLDER, NODE_MODULES, ROOT, node, require_tool, run

PAGE = (ROOT / "docs" / "rest.md").read_text("utf-8")


def documented(column: int) -> set[str]:
    """The methods of an SDK in the table of what works in docs/rest.md."""
    section = PAGE.split("\n## What works\n")[1].split("\n## ")[0]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row[column])}


async def test_the_sdk_for_python(served: ServerProcess) -> None:
    """It calls every method that the documentation says works."""
    story = FOLDER / "pycronofy_story.py"
    said = run(sys.executable, story, served.url, CLIENT_ID, CLIENT_SECRET, within=ROOT)
    assert documented(2) - set(said.split()) == set()


async def test_the_sdk_for_javascript(served: ServerProcess) -> None:
    """It calls every method that the documentation says works."""
    require_tool((NODE_MODULES / "cronofy").is_dir(), "no Cronofy SDK: install Debian's npm, then run make install")
    said = node(Path("cronofy.mjs"), served.url, CLIENT_ID, CLIENT_SECRET, within=FOLDER)
    assert documented(3) - set(said.split()) == set()


async def test_curl(served: ServerProcess) -> None:
    """As Cronofy's guide to application calendars has it, with another address."""
    require_tool(shutil.which("curl"), "no curl: install Debian's curl")
    said = run(FOLDER / "curl_story.sh", served.url, CLIENT_ID, CLIENT_SECRET, within=ROOT).splitlines()
    assert [re.sub("cal_[^/]+", "ID", line) for line in said] == [
        "POST /v1/application_calendars 200",
        "GET /v1/calendars 200",
        "POST /v1/calendars/ID/events 202",
        "POST /v1/availability 200",
        "free from 2033-05-02T11:00:00Z",
        "POST /v1/element_tokens 200",
        "GET /v1/events 200",
        "POST /oauth/token 200",
        "POST /oauth/token/revoke 200",
        "GET /v1/userinfo 401",
    ]
