"""From a template to a response: everything escaped, nothing inline, nobody asked but us."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from ..http.pages import Assets, web_page

HERE = Path(__file__).parent

_FILES = ("page.css", "page.js", "icon.svg")

#: of a URL as far as it may stand in a policy: there a semicolon or a comma would begin something else
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?", re.ASCII)


@cache
def assets() -> Assets:
    """The files of the page."""
    return Assets("/book/assets", {name: HERE / name for name in _FILES})


def html(template: str, *, status: int = 200, leads_to: str | None = None, **values: object) -> Response:
    """A page. `leads_to` is where a form of it may end up, beside here."""
    text = _templates().get_template(template).render(files=assets().addresses, **values)
    return web_page(text, _policy(leads_to), status=status, headers=_HEADERS)


def file(name: str, content: bytes, media_type: str) -> Response:
    """A file to be kept."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, headers={**_HEADERS, **disposition}, media_type=media_type)


def blank() -> Response:
    """A page of which nobody wants to see more than that it is there."""
    response = web_page("", _policy(None), headers=_HEADERS)
    del response.headers["content-length"]  # which would be that of the page
    return response


#: a link is somebody's own: nobody keeps its page, and nobody lists it
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def _policy(leads_to: str | None) -> dict[str, str]:
    # Browsers hold the redirect that answers a form against the form's policy as well.
    whither = origin(leads_to) if leads_to is not None else None
    return {
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": f"'self' {whither}" if whither is not None else "'self'",
    }


def origin(url: str) -> str | None:
    """The origin of a URL, as a policy names it; None for one that no browser would have."""
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
