"""Outgoing HTTP requests to URLs that others choose, and so never to loopback or private addresses (SSRF).

A host name may resolve to any address, and to another one the next time. So it is resolved once, all of its
addresses are checked, and the connection goes to a checked address. The certificate is still verified for the name.
Redirects are not followed here, and proxies from the environment are not used.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from socket import gaierror
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from httpcore2 import (
    SOCKET_OPTION,
    URL,
    AnyIOBackend,
    AsyncHTTPConnection,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    ProtocolError,
    ReadError,
    TimeoutException,
    default_ssl_context,
)
from httpcore2 import Response as HTTPResponse

from core.urls import Address
from db.drivers.fair_queue import Client

from .resolver import Resolve, Resolver

#: seconds from the start of a request to the headers of the response
_PATIENCE = 10.0
#: Seconds to connect to one address, and how many addresses of a name are tried. The first may be unreachable, as IPv6
#: addresses often are.
_CONNECTING, _ADDRESSES = 3.0, 3

_REASON_LENGTH = 200


class OutgoingError(Exception):
    """The server elsewhere did not do what it was asked. The message says why and is safe to log."""

    def __init__(self, why: str, kind: str = "could not be reached") -> None:
        super().__init__(why)
        #: the same in a few words, which have nothing of an address
        self.kind = kind


class Response(NamedTuple):
    """A response whose body was read to its end. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HTTPClient:
    """Sends requests to allowed addresses, each on its own connection."""

    def __init__(
        self,
        allowed: Callable[[Address], bool],
        *,
        setting: str = "OPENINGS_PRIVATE_CALLBACKS",
        resolver: Resolver | None = None,
        patience: float = _PATIENCE,
        certificates: Callable[[], ssl.SSLContext] = default_ssl_context,
    ) -> None:
        """`setting` is the one that allows private addresses. `patience` is for requests of which nothing is read."""
        self._allowed = allowed
        self._setting = setting
        self._resolver = resolver or Resolver()
        self._patience = patience
        self._certificates = certificates

    async def post(self, client: Client, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Sends a POST request for a client. Raises OutgoingError unless the response has a 2xx status.

        Raises NoThreadError, having done nothing, if too many names are being resolved for the client.
        """
        async with self._resolver.thread(client) as resolve:
            await self._post(resolve, url, headers, body)

    async def get(self, client: Client, url: str, headers: Mapping[str, str], *, most: int) -> Response:
        """Sends a GET request for a client, and reads up to `most` bytes. Its time is limited by the caller.

        Raises OutgoingError for a longer body, and if there is no response; NoThreadError as `post` does.
        """
        async with self._resolver.thread(client) as resolve:
            with _explained():
                async with self._response(resolve, "GET", urlsplit(url), headers) as response:
                    return await _read(response, most)

    async def _post(self, resolve: Resolve, url: str, headers: Mapping[str, str], body: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                with _explained():
                    async with self._response(resolve, "POST", urlsplit(url), headers, body) as response:
                        status = response.status
        except TimeoutError:
            raise OutgoingError(f"took longer than {self._patience:g} s") from None
        if not 200 <= status < 300:
            raise OutgoingError(f"status {status}")

    @asynccontextmanager
    async def _response(
        self,
        resolve: Resolve,
        method: str,
        parts: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> AsyncGenerator[HTTPResponse]:
        """Sends a request, and gives the response whose body is not yet read."""
        url = _url(parts)
        backend = AddressFilteringBackend(self._allowed, self._setting, resolve)
        connection = AsyncHTTPConnection(url.origin, self._ssl, network_backend=backend)
        sent = [("Host", parts.netloc), ("Connection", "close"), *headers.items()]
        async with connection, connection.stream(method, url, headers=sent, content=body) as response:
            yield response

    @cached_property
    def _ssl(self) -> ssl.SSLContext:
        """Created on first use, because it reads all certificates of the system."""
        return self._certificates()


class AddressFilteringBackend(AsyncNetworkBackend):
    """Connects only to addresses that were checked."""

    def __init__(self, allowed: Callable[[Address], bool], setting: str, resolve: Resolve) -> None:
        self._allowed = allowed
        self._setting = setting
        self._resolve = resolve
        self._connections = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        last: Exception | None = None
        for address in (await self._addresses(host, port))[:_ADDRESSES]:
            try:
                return await self._connections.connect_tcp(str(address), port, _CONNECTING)
            except (ConnectError, ConnectTimeout) as error:
                last = error
        raise last or OutgoingError("its host name has no address", "its host name has no address")

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        """Resolves the host. Raises OutgoingError if any address is not allowed: a mixed result suggests an attack."""
        addresses = await self._resolve(host, port)
        if not all(map(self._allowed, addresses)):
            words = f"its host has a private address, which {self._setting}=1 would allow"
            raise OutgoingError(words, words)
        return addresses


@contextmanager
def _explained() -> Generator[None]:
    """Turns an error of the network into an OutgoingError."""
    try:
        yield
    except (OSError, ValueError, NetworkError, ProtocolError, TimeoutException) as error:
        if isinstance(error, TimeoutError):
            raise
        raise OutgoingError(_reason(error), _kind(error)) from error


async def _read(response: HTTPResponse, most: int) -> Response:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > most:
            words = f"is larger than {most // 1024 // 1024} MiB"
            raise OutgoingError(words, words)
        chunks.append(chunk)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Response(response.status, headers, b"".join(chunks))


def _kind(error: BaseException) -> str:
    """What went wrong, without the address that errors of the system have."""
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "its certificate is not valid"
    if any(isinstance(cause, gaierror) for cause in causes):
        return "its host name has no address"
    return (
        "its server broke off" if isinstance(error, (ProtocolError, ReadError)) else "its server could not be reached"
    )


def allow_all(_address: Address) -> bool:
    """Allows every address."""
    return True


def redacted(url: str) -> str:
    """The part of a checked URL that may be logged; its path and query may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _url(parts: SplitResult) -> URL:
    """Builds the URL from the parts that were checked, since httpcore2 would parse it by its own rules."""
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


def _reason(error: BaseException) -> str:
    """The root cause of an error, as one line of printable text."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = f"{type(error).__name__}: {error}"
    return (words if words.isprintable() else ascii(words))[:_REASON_LENGTH]
