"""The requests in docs/rest.md are sent, and their responses compared."""

import json
import re
from pathlib import Path
from typing import Any

from core.instants import parse_instant
from db import clients
from server.rest.endpoints import ENDPOINTS

from .support.api import Api
from .support.rest import Rest

PAGE = (Path(__file__).parents[1] / "docs" / "rest.md").read_text("utf-8")

_EXAMPLE = re.compile(
    r"```http(?: status=(?P<status>\d+))?\n(?P<method>\w+) (?P<path>\S+)\n(?:Authorization: Bearer (?P<token>\w+)\n)?"
    r"(?:\n(?P<body>.*?))?```(?:\n```json\n(?P<answer>.*?)```)?",
    re.DOTALL,
)
_NAME = re.compile(r"[A-Z]+(?:_[A-Z]+)*_TOKEN|(?:apc|cal|pro|evt)_\w{10,}")
SECRET = "CLIENT_SECRET"


def learn(names: dict[str, str], drawn: Any, found: Any) -> None:
    """Maps every id and token of the documented response to the one in its place in the real response."""
    if isinstance(drawn, dict) and isinstance(found, dict):
        for name in drawn.keys() & found.keys():
            learn(names, drawn[name], found[name])
    elif isinstance(drawn, list) and isinstance(found, list):
        for one, other in zip(drawn, found, strict=False):
            learn(names, one, other)
    elif isinstance(drawn, str) and isinstance(found, str) and _NAME.fullmatch(drawn):
        names.setdefault(drawn, found)


async def test_every_request_in_the_docs_gets_the_documented_response(database_url: str) -> None:
    """In the order of the page, as a user would try them."""
    names: dict[str, str] = {}

    def real(text: str) -> str:
        return _NAME.sub(lambda name: names.get(name[0], name[0]), text)

    async with Api.open(database_url, parse_instant("2030-05-01T12:00:00Z")) as api:
        async with api.db.write() as session:
            await clients.ensure(session, api.db.encryption, "demo", SECRET, api.now, name="Demo")
        for example in _EXAMPLE.finditer(PAGE):
            body = json.loads(real(example["body"])) if example["body"] else None
            token = real(example["token"]) if example["token"] else None
            response = await Rest(api)(example["method"], real(example["path"]), body, token=token)
            assert response.status_code == int(example["status"] or 200), (example[0], response.text)
            if example["answer"]:
                learn(names, json.loads(example["answer"]), response.json())
                assert response.json() == json.loads(real(example["answer"]))
            else:
                assert response.content == b"", example[0]


def test_every_request_is_an_example() -> None:
    """None is skipped because it looks different."""
    assert PAGE.count("```http") == len(_EXAMPLE.findall(PAGE)) > 5


def test_every_endpoint_is_documented() -> None:
    """Further pages are not: their addresses come from the server."""
    rows = set(re.findall(r"^\| `(\w+ /\S+?)`", PAGE, re.MULTILINE))
    names = {re.sub(r"\{\w+\}", "{id}", endpoint.name) for endpoint in ENDPOINTS if "/pages/" not in endpoint.path}
    assert rows - names == set()
    assert names - rows == {"GET /v1/real_time_scheduling"}  # in the row of its other form
