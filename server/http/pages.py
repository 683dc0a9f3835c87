"""HTML responses with a Content-Security-Policy, and static assets."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


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


class Assets:
    """The static files of a page, served by exact name from a folder beside it."""

    def __init__(self, folder: str, files: Mapping[str, Path]) -> None:
        self._folder = folder
        self._assets = {name: _Asset(name, file.read_bytes()) for name, file in files.items()}

    @property
    def addresses(self) -> Mapping[str, str]:
        """The versioned URL of each file by name, relative to the page so that it works behind any proxy."""
        beside = self._folder.rpartition("/")[2]
        return {name: f"{beside}/{name}?v={asset.version}" for name, asset in self._assets.items()}

    def route(self, name: str) -> Route:
        """The route that serves the files."""
        return Route(f"{self._folder}/{{name}}", self._serve, methods=["GET"], name=name)

    # Not a coroutine, so that Starlette runs it in a thread: the first request for a file compresses it.
    def _serve(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        return Response(status_code=404) if asset is None else _file(asset, request)


def web_page(text: str, policy: Mapping[str, str], *, headers: Mapping[str, str], status: int = 200) -> Response:
    """A page with this policy. The browser loads and runs only what the policy names; framing is forbidden."""
    whole = {"default-src": "'none'", **policy, "base-uri": "'none'", "frame-ancestors": "'none'"}
    always = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in whole.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status, headers={**always, **headers})


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
