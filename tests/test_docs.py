"""The documentation is executed: every request in it is sent, and its response compared."""

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from core.errors import Key
from core.features import Feature
from core.instants import parse_instant
from core.scopes import _GRANTS, Scope, granted
from db import clients
from server.cli import parser
from server.graphql import persisted_queries
from server.settings import PREFIX, Settings

from .support.api import Api
from .support.operations import OPERATIONS, root_field

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_EXAMPLE = re.compile(r"```graphql(?: as=(?P<who>\S+))?\n(?P<query>.*?)```\n```json\n(?P<answer>.*?)```", re.DOTALL)
_PIECE = re.compile(r"```\w+ file=(?P<file>\S+)\n(?P<text>.*?)\n```", re.DOTALL)
_ID = re.compile(r"(?:apc|acc|res|cal|pro|evt|sch|bkg|fee)_\w{10,}|https?://\S+/(?:book|feeds)/\S+")
_OWN_ID = re.compile(r'(?:applicationCalendarId|accountId): "(.*?)"')
_SECRET = {"accessToken", "refreshToken"}
#: the placeholder in the docs for the demo's secret, which is random
SECRET = "the client secret that make serve printed"


@dataclass
class Page:
    """A page, read from top to bottom. Its ids and tokens are mapped to those of the test run."""

    api: Api
    names: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def run(self, who: str | None, query: str, answer: str) -> None:
        for name, value in self.names.items():
            query = query.replace(name, value)
        found = await self.api(query, self.tokens.get(who) if who else None)
        self.learn(json.loads(answer), found)
        for name, value in self.names.items():
            answer = answer.replace(name, value)
        assert found == json.loads(answer)
        data = found.get("data") or {}
        given = _OWN_ID.search(query)
        if given is not None and (made := data.get("applicationCalendar") or data.get("account")):
            self.tokens[given[1]] = made.get("accessToken", "")

    def learn(self, drawn: Any, found: Any, key: str = "") -> None:
        """Maps every id and token of the documented response to the one in its place in the real response."""
        if isinstance(drawn, dict) and isinstance(found, dict):
            for name in drawn.keys() & found.keys():
                self.learn(drawn[name], found[name], name)
        elif isinstance(drawn, list) and isinstance(found, list):
            for one, other in zip(drawn, found, strict=False):
                self.learn(one, other, key)
        elif isinstance(drawn, str) and isinstance(found, str) and (key in _SECRET or _ID.fullmatch(drawn)):
            self.names.setdefault(drawn, found)


@pytest.mark.parametrize(
    "path", [page for page in PAGES if _EXAMPLE.search(page.read_text("utf-8"))], ids=lambda page: page.name
)
async def test_every_documented_request_gets_the_documented_response(path: Path, database_url: str) -> None:
    """In the order of the page, as a user would try them."""
    async with Api.open(database_url, parse_instant("2030-05-01T12:00:00Z")) as api:
        async with api.db.write() as session:
            await clients.ensure(session, api.db.encryption, "demo", SECRET, api.now, name="Demo")
        page = Page(api, tokens={"application": SECRET})
        for example in _EXAMPLE.finditer(path.read_text("utf-8")):
            await page.run(example["who"], example["query"], example["answer"])


def test_every_documented_request_has_a_response() -> None:
    """None is skipped because its response is not found."""
    for path in PAGES:
        text = path.read_text("utf-8")
        assert text.count("```graphql") == len(_EXAMPLE.findall(text)), path.name


def test_every_program_excerpt_in_the_docs_is_in_the_file_it_names() -> None:
    """Word for word; other tests run that file."""
    pieces = [piece for path in PAGES for piece in _PIECE.finditer(path.read_text("utf-8"))]
    assert len(pieces) > 5
    assert [piece[0] for piece in pieces if piece["text"] not in (ROOT / piece["file"]).read_text("utf-8")] == []


def test_every_setting_is_documented_with_its_default_and_its_words() -> None:
    """The table in docs/configuration.md matches the code."""
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for setting in fields(Settings):
        default = {True: "`1`", False: "`0`", "": ""}.get(setting.default, f"`{setting.default}`")
        row = re.search(rf"^\| `{PREFIX}{setting.name.upper()}` \|.*$", page, re.MULTILINE)
        assert row is not None, setting.name
        _, _, _, shown, words, _ = (cell.strip() for cell in row[0].split("|"))
        assert words.replace("`", "") in setting.metadata["help"], setting.name
        assert setting.name == "database_url" or shown == default, setting.name


def test_every_command_is_documented() -> None:
    """By a heading for each command in --help."""
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    usage = parser().format_help()
    commands = re.findall(r"^    (\w+) ", usage, re.MULTILINE)
    assert commands
    assert [command for command in commands if f"`openings {command}" not in page] == []


def test_every_code_and_every_key_of_an_error_is_documented() -> None:
    """Programs depend on them."""
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    files = (
        "core/errors.py",
        "server/graphql/errors.py",
        "server/graphql/complexity.py",
        "server/graphql/answer_size.py",
        "server/http/requests.py",
    )
    sources = "".join((ROOT / file).read_text("utf-8") for file in files)
    found = re.findall(r'^ *(?:code|[A-Z_]+) = "([A-Z_]+)"', sources, re.MULTILINE)
    codes = {"INTERNAL", persisted_queries.NOT_FOUND, *found}
    assert len(codes) > 5
    assert [word for word in (*sorted(codes), *Key) if f"`{word}`" not in page] == []


def access_table(heading: str) -> dict[str, set[str]]:
    """The names in the text of each row of a section of docs/access.md, by the name in its first column."""
    page = (ROOT / "docs" / "access.md").read_text("utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", words)) for name, words in rows}


def test_every_scope_is_documented_with_the_operations_that_take_it() -> None:
    """For applications that request less than everything."""
    rows = access_table("Scopes")
    assert rows.keys() == set(_GRANTS)
    for scope in Scope:
        taking = {root_field(operation) for operation, needed in OPERATIONS.items() if needed is scope}
        assert rows[scope] - set(Scope) == taking, scope
        assert rows[scope] & set(Scope) == granted(scope) - {scope}, scope
    for name in _GRANTS.keys() - set(Scope):
        assert rows[name] == granted(name), name


def test_every_feature_of_a_plan_is_documented() -> None:
    """And no others."""
    assert access_table("Plans").keys() == set(Feature)


def test_every_link_within_the_repository_has_a_target() -> None:
    """Relative links only."""
    for path in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_file_named_in_the_architecture_exists() -> None:
    """So that moving a file requires updating the page."""
    for path in (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"):
        named = re.findall(r"`((?:\w+/)+[\w.]*|\w+\.(?:py|toml|txt|md))`", path.read_text("utf-8"))
        assert len(named) > 20
        beside = (ROOT, ROOT / "server" / "booking_page", ROOT / "server")
        assert [name for name in named if not any((folder / name).exists() for folder in beside)] == [], path.name
