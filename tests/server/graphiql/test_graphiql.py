"""The GraphiQL page as the server sends it: its content, its policy, and its assets."""

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
    """The files that npm installs, as far as they matter here."""
    for path in graphiql._INSTALLED.values():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"/* {path} */")
    (tmp_path / "graphiql" / "package.json").write_text("{}")
    return tmp_path


def visitor(node_modules: Path, *examples: Example) -> TestClient:
    """A client of an application that serves only the page."""

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
    """The tabs, parsed as a browser would: up to the first tag that closes the element."""
    found = re.search(r'<script type="application/json" id="examples">(.*?)</script', text, re.DOTALL | re.IGNORECASE)
    assert found is not None
    return json.loads(found[1])


def test_a_tab_has_the_query_and_its_indented_variables(node_modules: Path) -> None:
    response = visitor(node_modules, EXAMPLE).get("/graphql")
    assert examples_in(response.text) == [{"query": EXAMPLE.query, "variables": '{\n  "name": "Ada"\n}'}]


@pytest.mark.parametrize("variables", [None, {}])
def test_a_query_without_variables_has_an_empty_variables_editor(
    node_modules: Path, variables: dict[str, str] | None
) -> None:
    response = visitor(node_modules, Example("{ hello }", variables)).get("/graphql")
    assert examples_in(response.text) == [{"query": "{ hello }", "variables": None}]


def test_texts_of_examples_are_escaped(node_modules: Path) -> None:
    """Examples contain names and ids from the database: a name must not close the script element."""
    hostile = Example("{ a } # </script><script>alert(1)</script>", {"name": "<!--<script> $nonce & ünï"})
    text = visitor(node_modules, hostile).get("/graphql").text
    [tab] = examples_in(text)
    assert tab["query"] == hostile.query
    assert json.loads(tab["variables"] or "") == hostile.variables
    assert "alert(1)</script>" not in text


def test_the_policy_allows_no_other_server(node_modules: Path) -> None:
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


def test_the_page_and_its_assets_name_no_other_server(node_modules: Path) -> None:
    client = visitor(node_modules, EXAMPLE)
    texts = [client.get(path).text for path in ("/graphql", "/graphiql/page.js", "/graphiql/page.css")]
    # The SVG namespace looks like an address, but is never requested.
    addresses = {found for text in texts for found in re.findall(r"(?:https?:)?//[a-z][\w.-]*\.[a-z]+[^\s%\"']*", text)}
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_the_page_has_no_inline_scripts(node_modules: Path) -> None:
    """The policy would block them."""
    text = visitor(node_modules, EXAMPLE).get("/graphql").text
    scripts = re.findall(r"<script\b[^>]*>", text)
    assert scripts
    assert all(" src=" in script or 'type="application/json"' in script for script in scripts)
    assert not re.search(r"<[^>]* (?:on\w+|style)=", text)


def test_every_asset_of_the_page_exists_and_is_immutable(node_modules: Path) -> None:
    client = visitor(node_modules, EXAMPLE)
    addresses = re.findall(r'(?:src|href)="(graphiql/[^"]+)"', client.get("/graphql").text)
    assert len(addresses) == 6
    for address in addresses:
        response = client.get(f"/{address}")
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}


def test_an_asset_of_another_version_is_not_immutable(node_modules: Path) -> None:
    """A page from before an upgrade gets the file, but must not cache it under the old version."""
    for query in ("", "?v=0123456789abcdef"):
        assert visitor(node_modules).get(f"/graphiql/page.js{query}").headers["cache-control"] == "no-cache"


def test_assets_are_compressed_if_the_client_accepts_it(node_modules: Path) -> None:
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
def test_other_paths_are_not_found(node_modules: Path, path: str) -> None:
    assert visitor(node_modules).get(f"/graphiql/{path}").status_code == 404


def test_the_page_has_a_digest_of_its_examples(node_modules: Path) -> None:
    """The browser stores tabs under this digest, so new examples get new tabs."""
    days = ("2027-01-18", "2027-01-19", "2027-01-19")
    texts = [visitor(node_modules, Example("{ hello }", {"on": day})).get("/graphql").text for day in days]
    digests = [re.findall(r'data-examples="(\w{16})"', text) for text in texts]
    assert digests[0] != digests[1] == digests[2]


class TestWithoutNpm:
    """Strawberry's own page is served instead, which needs internet access."""

    def test_there_is_no_assets_route(self, tmp_path: Path) -> None:
        assert assets_route(tmp_path) is None

    def test_one_missing_file_counts_as_all_missing(self, node_modules: Path) -> None:
        (node_modules / graphiql._INSTALLED["react.js"]).unlink()
        assert assets_route(node_modules) is None

    def test_the_policy_allows_the_named_server_and_the_inline_script(self, tmp_path: Path) -> None:
        response = visitor(tmp_path, EXAMPLE).get("/graphql")
        policy = policy_of(response)
        network, script = policy["script-src"]
        assert f'src="{network}/' in response.text
        assert re.fullmatch(r"'sha256-[\w+/]{43}='", script)
        assert policy["connect-src"] == ["'self'"]

    def test_the_page_stores_no_token_on_disk(self, tmp_path: Path) -> None:
        """The page is Strawberry's text, with replacements; this fails when that text changes."""
        text = visitor(tmp_path).get("/graphql").text
        assert "shouldPersistHeaders: false, storage: sessionStorage" in text
        assert "shouldPersistHeaders: true" not in text
