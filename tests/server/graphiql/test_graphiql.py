"""The GraphiQL page as it leaves the server: what it holds, what it may load, and which files there are."""

import gzip
import json
import re
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from server import graphiql
from server.graphiql import Example, assets_route, page

EXAMPLE = Example("query Hello($name: String!) { hello(name: $name) }", {"name": "Ada"})


@pytest.fixture
def node_modules(tmp_path: Path) -> Path:
    """What npm would have installed, as far as it matters here."""
    for path in graphiql._INSTALLED.values():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"/* {path} */")
    (tmp_path / "graphiql" / "package.json").write_text("{}")
    return tmp_path


def visitor(node_modules: Path, *examples: Example) -> TestClient:
    """Somebody at the door of an application that has the page and nothing else."""

    def graphql(_request: Request) -> Response:
        return page(examples, node_modules)

    assets = assets_route(node_modules)
    routes = [Route("/graphql", graphql), *([assets] if assets else [])]
    return TestClient(Starlette(routes=routes), headers={"accept-encoding": "identity"})


def policy_of(response: httpx2.Response) -> dict[str, list[str]]:
    """The content security policy, by directive."""
    directives = (part.split() for part in response.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in directives}


def examples_in(text: str) -> list[dict[str, str | None]]:
    """The tabs, read as the browser would: up to the first thing that closes the element."""
    found = re.search(r'<script type="application/json" id="examples">(.*?)</script', text, re.DOTALL | re.IGNORECASE)
    assert found is not None
    return json.loads(found[1])


def test_a_tab_holds_the_query_and_its_variables_laid_out_for_reading(node_modules: Path) -> None:
    response = visitor(node_modules, EXAMPLE).get("/graphql")
    assert examples_in(response.text) == [{"query": EXAMPLE.query, "variables": '{\n  "name": "Ada"\n}'}]


@pytest.mark.parametrize("variables", [None, {}])
def test_a_query_without_variables_leaves_their_editor_empty(
    node_modules: Path, variables: dict[str, str] | None
) -> None:
    response = visitor(node_modules, Example("{ hello }", variables)).get("/graphql")
    assert examples_in(response.text) == [{"query": "{ hello }", "variables": None}]


def test_no_text_of_an_example_becomes_markup(node_modules: Path) -> None:
    """Examples hold names and ids from the database, so a name must not be able to end the block that it stands in."""
    hostile = Example("{ a } # </script><script>alert(1)</script>", {"name": "<!--<script> $nonce & ünï"})
    text = visitor(node_modules, hostile).get("/graphql").text
    [tab] = examples_in(text)
    assert tab["query"] == hostile.query
    assert json.loads(tab["variables"] or "") == hostile.variables
    assert "alert(1)</script>" not in text


def test_the_browser_is_told_to_ask_nobody_else(node_modules: Path) -> None:
    policy = policy_of(visitor(node_modules).get("/graphql"))
    nonce = policy["style-src"].pop()
    assert re.fullmatch(r"'nonce-[\w-]{22}'", nonce)
    assert policy == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["data:"],
        "font-src": ["data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


def test_every_page_has_a_nonce_of_its_own(node_modules: Path) -> None:
    visits = [visitor(node_modules).get("/graphql") for _ in range(2)]
    nonces = [policy_of(response)["style-src"][1].strip("'").removeprefix("nonce-") for response in visits]
    assert nonces[0] != nonces[1]
    assert all(f'data-nonce="{nonce}"' in response.text for nonce, response in zip(nonces, visits, strict=True))


def test_neither_the_page_nor_our_files_name_an_outside_address(node_modules: Path) -> None:
    client = visitor(node_modules, EXAMPLE)
    texts = [client.get(path).text for path in ("/graphql", "/graphiql/page.js", "/graphiql/page.css")]
    # What the drawing's own language is called looks like an address, and is never asked for.
    addresses = {found for text in texts for found in re.findall(r"(?:https?:)?//[a-z][\w.-]*\.[a-z]+[^\s%\"']*", text)}
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_the_page_runs_no_script_of_its_own(node_modules: Path) -> None:
    """The policy would stop it; then the page would be dead."""
    text = visitor(node_modules, EXAMPLE).get("/graphql").text
    scripts = re.findall(r"<script\b[^>]*>", text)
    assert scripts
    assert all(" src=" in script or 'type="application/json"' in script for script in scripts)
    assert not re.search(r"<[^>]* (?:on\w+|style)=", text)


def test_every_file_that_the_page_names_is_there_and_may_be_kept_for_good(node_modules: Path) -> None:
    client = visitor(node_modules, EXAMPLE)
    addresses = re.findall(r'(?:src|href)="(graphiql/[^"]+)"', client.get("/graphql").text)
    assert len(addresses) == 6
    for address in addresses:
        response = client.get(f"/{address}")
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}


def test_a_file_asked_for_by_another_version_is_checked_again(node_modules: Path) -> None:
    """A page from before an upgrade gets the file, but must not keep it under the old version's name."""
    for query in ("", "?v=0123456789abcdef"):
        assert visitor(node_modules).get(f"/graphiql/page.js{query}").headers["cache-control"] == "no-cache"


def test_files_travel_compressed_when_the_browser_can(node_modules: Path) -> None:
    client = visitor(node_modules)
    plain = client.get("/graphiql/page.js")
    packed = client.get("/graphiql/page.js", headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, 6))


@pytest.mark.parametrize(
    "path",
    [
        "package.json",
        "page.html",
        "__init__.py",
        "../package.json",
        "..%2Fgraphiql%2Fpackage.json",
        "%2e%2e/pyproject.toml",
        "graphiql/package.json",
        "react/umd/react.production.min.js",
        "%2Fetc%2Fpasswd",
        "page.js%00",
        "",
    ],
)
def test_nothing_else_is_served(node_modules: Path, path: str) -> None:
    assert visitor(node_modules).get(f"/graphiql/{path}").status_code == 404


def test_other_examples_have_another_name_to_be_remembered_by(node_modules: Path) -> None:
    """The browser keeps the tabs as they were left, under this name: so it shows new examples when the data are new."""
    days = ("2027-01-18", "2027-01-19", "2027-01-19")
    texts = [visitor(node_modules, Example("{ hello }", {"on": day})).get("/graphql").text for day in days]
    digests = [re.findall(r'data-examples="(\w{16})"', text) for text in texts]
    assert digests[0] != digests[1] == digests[2]


class TestWithoutNpm:
    """Strawberry's own page stands in, which needs the internet."""

    def test_there_are_no_files_of_ours(self, tmp_path: Path) -> None:
        assert assets_route(tmp_path) is None

    def test_one_missing_file_is_like_all_missing(self, node_modules: Path) -> None:
        (node_modules / graphiql._INSTALLED["react.js"]).unlink()
        assert assets_route(node_modules) is None

    def test_the_browser_may_load_what_the_page_names_and_run_its_one_script(self, tmp_path: Path) -> None:
        response = visitor(tmp_path, EXAMPLE).get("/graphql")
        policy = policy_of(response)
        network, script = policy["script-src"]
        assert f'src="{network}/' in response.text
        assert re.fullmatch(r"'sha256-[\w+/]{43}='", script)
        assert policy["connect-src"] == ["'self'"]

    def test_the_page_keeps_no_token_on_disk(self, tmp_path: Path) -> None:
        """Its changes are made to another project's text; this says when that text is no longer what we think it is."""
        text = visitor(tmp_path).get("/graphql").text
        assert "shouldPersistHeaders: false, storage: sessionStorage" in text
        assert "shouldPersistHeaders: true" not in text
