"""GraphiQL, served locally: the page, its assets, and a policy that prevents loading from other servers.

Its files come from npm (`package.json`), unbundled; a wheel carries them in the folder `bundled`. If npm has not installed
them, Strawberry's own page is served, which loads the same program from a CDN. GraphiQL stays at 4.1: later versions have
no build that a browser can load directly.
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
#: where a wheel has them, and where npm installs them in a checkout
BUNDLED = HERE / "bundled"
NODE_MODULES = BUNDLED if BUNDLED.is_dir() else HERE.parents[1] / "node_modules"

_INSTALLED = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "graphiql/graphiql.min.js",
    "graphiql.css": "graphiql/graphiql.min.css",
}
_OURS = ("page.js", "page.css")


@dataclass(frozen=True, slots=True)
class Example:
    """A tab. Its title is the name of the query's operation."""

    query: str
    variables: Mapping[str, Any] | None = None


def assets_route(node_modules: Path = NODE_MODULES) -> Route | None:
    """The route of the page's assets. None if npm has not installed them."""
    assets = _assets(node_modules)
    return assets.route("graphiql") if assets is not None else None


def page(examples: Sequence[Example], node_modules: Path = NODE_MODULES) -> Response:
    """The page, with a tab for each example. It sends queries to its own address, and loads assets from below it."""
    assets = _assets(node_modules)
    return _stock_page() if assets is None else _own_page(assets, _tabs(examples))


def off_page() -> Response:
    """A page for people whose browser comes where GraphiQL is off: what is here instead."""
    nonce = secrets.token_urlsafe(16)
    text = Template((HERE / "off.html").read_text("utf-8")).substitute(nonce=nonce)
    headers = {"Cache-Control": "no-cache", "Vary": "Accept", "Allow": "POST"}
    return web_page(text, {"style-src": f"'nonce-{nonce}'"}, headers=headers, status=405)


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
    # Escaped, so that no text of an example can close the script element.
    return json.dumps(tabs).replace("<", r"\u003c")


def _own_page(assets: Assets, tabs: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    addresses = {re.sub(r"\W", "_", name): html.escape(address) for name, address in assets.addresses.items()}
    digest = sha256(tabs.encode()).hexdigest()[:16]
    text = _template().substitute(addresses, examples=tabs, digest=digest, nonce=nonce, icon=_icon())
    policy = {
        "script-src": "'self'",
        # GraphiQL's dialogs add a style element to lock scrolling of the page behind them; it has this nonce.
        "style-src": f"'self' 'nonce-{nonce}'",
    }
    return _html(text, policy)


def _stock_page() -> Response:
    """Strawberry's page. Its policy allows the servers that the page names, and its inline script by digest."""
    text = get_graphql_ide_html("graphiql")
    # It would store headers, with their tokens, on disk. Now all that it stores is gone when its tab is closed.
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
