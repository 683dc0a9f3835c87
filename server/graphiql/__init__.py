"""GraphiQL, served from this machine: the page, its files, and the policy that keeps the browser from asking elsewhere.

Its files come from npm (`package.json`), unbundled. Where npm was not at hand the page is the one that Strawberry
brings along, which loads the same program from a public network. GraphiQL stays at 4.1: later ones have no build that a
browser takes as it is.
"""

import html
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route
from strawberry.http.ides import get_graphql_ide_html

from ..http.pages import Assets, web_page

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "node_modules"

_INSTALLED = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "graphiql/graphiql.min.js",
    "graphiql.css": "graphiql/graphiql.min.css",
}
_OURS = ("page.js", "page.css")


@dataclass(frozen=True, slots=True)
class Example:
    """A tab. It is titled by the name of the query's operation."""

    query: str
    variables: Mapping[str, Any] | None = None


def assets_route(node_modules: Path = NODE_MODULES) -> Route | None:
    """The files of the page; None when npm has not installed them."""
    assets = _assets(node_modules)
    return assets.route("graphiql") if assets is not None else None


def page(examples: Sequence[Example], node_modules: Path = NODE_MODULES) -> Response:
    """The page, a tab for each example. It asks the address that it came from, and has its files from beside that."""
    assets = _assets(node_modules)
    return _stock_page() if assets is None else _own_page(assets, _tabs(examples))


@cache
def _assets(node_modules: Path) -> Assets | None:
    files = {name: node_modules / path for name, path in _INSTALLED.items()} | {name: HERE / name for name in _OURS}
    return Assets("/graphiql", files) if all(file.is_file() for file in files.values()) else None


def _tabs(examples: Sequence[Example]) -> str:
    tabs = [
        {
            "query": example.query,
            "variables": json.dumps(example.variables, indent=2, ensure_ascii=False) if example.variables else None,
        }
        for example in examples
    ]
    # No text of an example can end the element that it stands in.
    return json.dumps(tabs).replace("<", r"\u003c")


def _own_page(assets: Assets, tabs: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    addresses = {re.sub(r"\W", "_", name): html.escape(address) for name, address in assets.addresses.items()}
    digest = sha256(tabs.encode()).hexdigest()[:16]
    text = _template().substitute(addresses, examples=tabs, digest=digest, nonce=nonce, icon=_icon())
    policy = {
        "script-src": "'self'",
        # GraphiQL's dialogs add one style element, to hold the page still behind them; it bears this nonce.
        "style-src": f"'self' 'nonce-{nonce}'",
    }
    return _html(text, policy)


def _stock_page() -> Response:
    """Strawberry's page, which may load from the networks that it names, and run the script that stands in it."""
    text = get_graphql_ide_html("graphiql")
    # It would keep headers on disk, and a header holds a token: what it keeps, it now keeps until its tab is closed.
    text = text.replace("shouldPersistHeaders: true", "shouldPersistHeaders: false, storage: sessionStorage")
    networks = sorted(set(re.findall(r'(?:src|href)="(https://[^/"]+)', text)))
    scripts = [f"'sha256-{_digest(script)}'" for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL)]
    policy = {
        "script-src": " ".join(networks + scripts),
        "style-src": " ".join([*networks, "'unsafe-inline'"]),
    }
    return _html(text, policy)


def _digest(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _html(text: str, policy: Mapping[str, str]) -> Response:
    whole = {
        **policy,
        "img-src": "data:",
        "font-src": "data:",
        "connect-src": "'self'",
        "form-action": "'none'",
    }
    return web_page(text, whole, headers={"Cache-Control": "no-cache", "Vary": "Accept"})


@cache
def _template() -> Template:
    return Template((HERE / "page.html").read_text("utf-8"))


@cache
def _icon() -> str:
    return quote("".join(map(str.strip, (HERE / "icon.svg").read_text("utf-8").splitlines())), safe="/:=' ")
