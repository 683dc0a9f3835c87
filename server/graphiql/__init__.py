"""GraphiQL, served from this machine: the page, its files, and the policy that keeps the browser from asking elsewhere.

Its files come from npm (`package.json`), unbundled. Where npm was not at hand the page is the one that Strawberry
brings along, which loads the same program from a public network. GraphiQL stays at 4.1: later ones have no build that a
browser takes as it is.
"""

import gzip
import html
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from strawberry.http.ides import get_graphql_ide_html

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "node_modules"

_INSTALLED = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "graphiql/graphiql.min.js",
    "graphiql.css": "graphiql/graphiql.min.css",
}
_OURS = ("page.js", "page.css")
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


@dataclass(frozen=True, slots=True)
class Example:
    """A tab. It is titled by the name of the query's operation."""

    query: str
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Asset:
    name: str
    content: bytes

    @cached_property
    def version(self) -> str:
        return sha256(self.content).hexdigest()[:16]

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, compresslevel=6, mtime=0)

    @property
    def address(self) -> str:
        """Relative to the page, so that it holds behind any proxy."""
        return f"graphiql/{self.name}?v={self.version}"


def assets_route(node_modules: Path = NODE_MODULES) -> Route | None:
    """The files of the page, each by its name and nothing else; None when npm has not installed them."""
    assets = _assets(node_modules)
    if assets is None:
        return None

    # Not a coroutine: the first request of a file compresses it, and that is done beside the event loop.
    def serve(request: Request) -> Response:
        asset = assets.get(request.path_params["name"])
        return Response(status_code=404) if asset is None else _file(asset, request)

    return Route("/graphiql/{name}", serve, methods=["GET"], name="graphiql")


def page(examples: Sequence[Example], node_modules: Path = NODE_MODULES) -> Response:
    """The page, a tab for each example. It asks the address that it came from, and has its files from beside that."""
    assets = _assets(node_modules)
    return _stock_page() if assets is None else _own_page(assets, _tabs(examples))


@cache
def _assets(node_modules: Path) -> Mapping[str, _Asset] | None:
    files = {name: node_modules / path for name, path in _INSTALLED.items()} | {name: HERE / name for name in _OURS}
    if not all(file.is_file() for file in files.values()):
        return None
    return {name: _Asset(name, file.read_bytes()) for name, file in files.items()}


def _file(asset: _Asset, request: Request) -> Response:
    current = request.query_params.get("v") == asset.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    content = asset.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = asset.compressed, "gzip"
    return Response(content, headers=headers, media_type=_MEDIA_TYPES[Path(asset.name).suffix])


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


def _own_page(assets: Mapping[str, _Asset], tabs: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    addresses = {re.sub(r"\W", "_", name): html.escape(asset.address) for name, asset in assets.items()}
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
        "default-src": "'none'",
        **policy,
        "img-src": "data:",
        "font-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in whole.items()),
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, headers=headers)


@cache
def _template() -> Template:
    return Template((HERE / "page.html").read_text("utf-8"))


@cache
def _icon() -> str:
    return quote("".join(map(str.strip, (HERE / "icon.svg").read_text("utf-8").splitlines())), safe="/:=' ")
