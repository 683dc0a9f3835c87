"""Downloads of calendar files, with the guards of every request to an address that others choose.

What went wrong is said in words of ours, never in those of a server elsewhere or of an error, which may have its address.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from math import ceil
from urllib.parse import urljoin

from core.calendar_sources import MAX_BODY
from core.errors import Problems
from core.instants import HOUR, Instant
from core.urls import check_web_url
from db.drivers.fair_queue import Client

from ..outgoing.http_client import HTTPClient, OutgoingError, Response

PATIENCE = 30.0
"""Seconds from the first request to the last byte, through all redirects."""

MAX_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED = frozenset({401, 403, 404, 410})
_LONGEST_RETRY = 6 * HOUR

_HEADERS = {
    # Not */*: xandikos answers that with a page for people.
    "Accept": "text/calendar, text/plain;q=0.5, application/octet-stream;q=0.4",
    "Accept-Encoding": "gzip",
    "User-Agent": f"Openings/{version('openings')}",
}


class FetchError(Exception):
    """The file could not be fetched. The message says why, and has nothing of the file or its address."""

    def __init__(self, why: str, *, refused: bool = False, retry_after: int = 0) -> None:
        super().__init__(why)
        #: whether the server elsewhere does not give the calendar, or has it no more
        self.refused = refused
        #: seconds that it asks to wait
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file; without a body, it is the one that is known already."""

    body: bytes | None
    etag: str | None
    last_modified: str | None


class Downloads:
    """Downloads calendar files."""

    def __init__(self, client: HTTPClient, *, patience: float = PATIENCE) -> None:
        self._client = client
        self._patience = patience

    async def get(
        self, client: Client, url: str, now: Instant, *, etag: str | None = None, last_modified: str | None = None
    ) -> Downloaded:
        """Downloads a file for a client; only if it is another one than that with this ETag or date. Raises FetchError.

        Raises NoThreadError, having done nothing, if too many names are being resolved for the client.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {**_HEADERS, **{name: value for name, value in conditions.items() if value is not None}}
        try:
            async with asyncio.timeout(self._patience):
                response = await self._follow(client, url, headers)
        except TimeoutError:
            raise FetchError(f"took longer than {self._patience:g} s") from None
        if response.status == 304 and (etag or last_modified):
            return Downloaded(None, etag, last_modified)
        if response.status != 200:
            retry_after = _retry_after(response.headers.get("retry-after"), now)
            words = f"the server answered with status {response.status}"
            raise FetchError(words, refused=response.status in _REFUSED, retry_after=retry_after)
        return Downloaded(
            await asyncio.to_thread(_decoded, response),
            _short(response.headers.get("etag")),
            _short(response.headers.get("last-modified")),
        )

    async def _follow(self, client: Client, url: str, headers: Mapping[str, str]) -> Response:
        """Returns the response after at most MAX_REDIRECTS redirects, each of them checked as the first URL."""
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._request(client, url, headers)
            if response.status not in _REDIRECTS:
                return response
            url = _redirected(url, response.headers.get("location"))
        raise FetchError(f"was redirected more than {MAX_REDIRECTS} times")

    async def _request(self, client: Client, url: str, headers: Mapping[str, str]) -> Response:
        try:
            return await self._client.get(client, url, headers, most=MAX_BODY)
        except OutgoingError as error:
            raise FetchError(error.kind) from None


def _redirected(url: str, location: str | None) -> str:
    """Returns where a redirect leads. Raises FetchError."""
    problems = Problems()
    target = urljoin(url, location or "").partition("#")[0]
    if location is None or check_web_url(target, (), problems) is None or problems:
        raise FetchError("was redirected to something that is no URL")
    return target


def _decoded(response: Response) -> bytes:
    """Returns the body, decompressed. Raises FetchError."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return response.body
    if encoding not in ("gzip", "x-gzip"):
        raise FetchError("is compressed in a way that was not asked for")
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        body = unzip.decompress(response.body, MAX_BODY + 1)
    except zlib.error:
        raise FetchError("is compressed, and damaged") from None
    if len(body) > MAX_BODY:
        raise FetchError(f"is larger than {MAX_BODY // 1024 // 1024} MiB")
    if not unzip.eof:
        raise FetchError("ends before its end: it was cut off")
    return body


def _short(header: str | None) -> str | None:
    """Returns a header that can be sent again."""
    return header if header and len(header) <= 1000 and header.isascii() and header.isprintable() else None


def _retry_after(header: str | None, now: Instant) -> int:
    """Returns the seconds that a server asks to wait, six hours at most."""
    if header is None:
        return 0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), _LONGEST_RETRY)
    try:
        return max(0, min(ceil(parsedate_to_datetime(text).timestamp() - now), _LONGEST_RETRY))
    except (ValueError, TypeError, OverflowError):
        return 0
