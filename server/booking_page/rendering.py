"""Renders templates to responses: everything escaped, nothing inline, nothing loaded from other servers."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from ..http.pages import Assets, web_page

HERE = Path(__file__).parent

_FILES = ("page.css", "page.js", "icon.svg")

#: an origin that is safe to write into a policy, where a semicolon or a comma would start another directive or policy
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?", re.ASCII)


@cache
def assets() -> Assets:
    """The static files of the page."""
    return Assets("/book/assets", {name: HERE / name for name in _FILES})


def html(template: str, *, status: int = 200, leads_to: str | None = None, **values: object) -> Response:
    """A page. `leads_to` is the URL of another origin that a form of the page may redirect to."""
    text = _templates().get_template(template).render(files=assets().addresses, **values)
    return web_page(text, _policy(leads_to), status=status, headers=_HEADERS)


def file(name: str, content: bytes, media_type: str) -> Response:
    """A file to download."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, headers={**_HEADERS, **disposition}, media_type=media_type)


def blank() -> Response:
    """The response to a HEAD request: the headers of a page, without a body."""
    response = web_page("", _policy(None), headers=_HEADERS)
    del response.headers["content-length"]  # it would be wrong: the page is not rendered
    return response


#: a link is personal: its page is not cached, and search engines do not list it
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def _policy(leads_to: str | None) -> dict[str, str]:
    # Browsers apply form-action to the redirect that answers a form as well.
    target = origin(leads_to) if leads_to is not None else None
    return {
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": f"'self' {target}" if target is not None else "'self'",
    }


def origin(url: str) -> str | None:
    """The origin of a URL as a policy writes it. None if it is not a valid http or https origin."""
    parts = urlsplit(url)
    found = f"{parts.scheme}://{parts.netloc}"
    return found if _ORIGIN.fullmatch(found) else None


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
