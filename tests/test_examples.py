"""The scripts in examples/ run against a server, and end as documented."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest

from .support.api import CLIENT_ID, CLIENT_SECRET
from .support.server_process import ServerProcess, running_server
from .support.waiting import TIMEOUT

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncGenerator[ServerProcess]:
    async with running_server(tmp_path / "served", database_url) as server:
        yield server


def started(served: ServerProcess, name: str) -> "subprocess.Popen[str]":
    """Starts the script as a user would."""
    given = {
        "OPENINGS_URL": f"{served.url}/graphql",
        "OPENINGS_CLIENT_ID": CLIENT_ID,
        "OPENINGS_CLIENT_SECRET": CLIENT_SECRET,
    }
    command = [sys.executable, "-u", str(EXAMPLES / name)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **given})


async def told(served: ServerProcess, name: str) -> str:
    """The output of a script that ends by itself."""
    process = started(served, name)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, "")
    return out


async def test_at_an_expo_no_table_and_no_person_is_booked_twice(served: ServerProcess) -> None:
    """Two tables have room for sixteen meetings in an afternoon; each of twenty visitors gets a time, or it is full."""
    lines = (await told(served, "expo.py")).splitlines()
    meetings = [re.fullmatch(r"visitor .\d: (\d\d):(\d\d) with (\w+) at (.*)", line) for line in lines[:-1]]
    found = [(60 * int(match[1]) + int(match[2]), match[3], match[4]) for match in meetings if match]
    assert 8 <= len(found) <= 16
    assert len(found) + sum("the stand is full" in line for line in lines) == 20
    for place in (1, 2):
        for whom in {meeting[place] for meeting in found}:
            starts = sorted(meeting[0] for meeting in found if meeting[place] == whom)
            assert all(later - sooner >= 30 for sooner, later in pairwise(starts))
    assert lines[-1].startswith(f"{len(found)} meetings; Ada has")


async def test_a_workshop_books_cleaning_and_repair_once(served: ServerProcess) -> None:
    """From eight o'clock in Berlin, which is seven or six in UTC."""
    lines = dict(line.split(": ", 1) for line in (await told(served, "workshop.py")).splitlines())
    free = re.findall(r"(\d\d):(\d\d)-", lines["Free for two hours, in UTC"])
    assert [hour for hour, _ in free] in (["07", "09", "11", "13"], ["06", "08", "10", "12"])
    assert lines["With the repair, and cleaning around it"] != lines["Free for two hours, in UTC"]
    assert lines["Booked"] == lines["With the repair, and cleaning around it"].split(", ")[0]
    assert lines["Sent again, it is the same booking"] == "True"
    assert lines["Booked"] not in lines["Another job for the same two hours is offered"]


async def test_a_candidate_books_by_link_and_the_script_prints_the_participants(served: ServerProcess) -> None:
    """Without a real browser: the first time on the page, then the confirmation button."""
    process = started(served, "interviews.py")
    assert process.stdout is not None
    link = next(line.strip() for line in process.stdout if "/book/" in line)
    page = (await served.http.get(link)).text
    chosen = re.search(r'href="(\?[^"]*start=[^"]*)"', page)
    assert chosen is not None
    asked = await served.http.get(link + unescape(chosen[1]))
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    booked = await served.http.post(link, data=form)
    assert booked.status_code == 303
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, "")
    day, time = form["start"][:10], form["start"][11:16]
    assert re.search(rf"Booked: store-4\d-manager, on {day} from {time} to \d\d:\d\d UTC\.", out)


async def test_a_script_without_a_secret_says_what_to_do() -> None:
    """In one line, without a traceback."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENINGS_")}
    ran = subprocess.run(
        [sys.executable, str(EXAMPLES / "expo.py")], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr == "Set OPENINGS_CLIENT_SECRET to the client secret that `make serve` has printed.\n"


def test_every_script_is_in_the_readme() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f"({path.name})" not in page] == []
