"""What a browser is given: a page under a policy that keeps it from asking elsewhere, and the files that it is made of."""

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
    """The files of a page, in a folder beside it: each by its name and nothing else."""

    def __init__(self, folder: str, files: Mapping[str, Path]) -> None:
        self._folder = folder
        self._assets = {name: _Asset(name, file.read_bytes()) for name, file in files.items()}

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where each file is, by its name. Relative to the page, so that it holds behind any proxy."""
        beside = self._folder.rpartition("/")[2]
        return {name: f"{beside}/{name}?v={asset.version}" for name, asset in self._assets.items()}

    def route(self, name: str) -> Route:
        """Where they are served."""
        return Route(f"{self._folder}/{{name}}", self._serve, methods=["GET"], name=name)

    # Not a coroutine: the first request of a file compresses it, and that is done beside the event loop.
    def _serve(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        return Response(status_code=404) if asset is None else _file(asset, request)


def web_page(text: str, policy: Mapping[str, str], *, headers: Mapping[str, str], status: int = 200) -> Response:
    """A page. What the policy does not name, the browser neither loads nor runs; nobody puts it into a frame."""
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
