"""Outgoing HTTP requests to URLs that others choose, and so never to loopback or private addresses (SSRF).

A host name may resolve to any address, and to another one the next time. So it is resolved once, all of its
addresses are checked, and the connection goes to a checked address. The certificate is still verified for the name.
Redirects are not followed, and proxies from the environment are not used.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
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
    TimeoutException,
    default_ssl_context,
)

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


class HTTPClient:
    """Sends requests to allowed addresses, each on its own connection."""

    def __init__(
        self,
        allowed: Callable[[Address], bool],
        *,
        resolver: Resolver | None = None,
        patience: float = _PATIENCE,
        certificates: Callable[[], ssl.SSLContext] = default_ssl_context,
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver or Resolver()
        self._patience = patience
        self._certificates = certificates

    async def post(self, client: Client, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Sends a POST request for a client. Raises OutgoingError unless the response has a 2xx status.

        Raises NoThreadError, having done nothing, if too many names are being resolved for the client.
        """
        async with self._resolver.thread(client) as resolve:
            await self._post(resolve, url, headers, body)

    async def _post(self, resolve: Resolve, url: str, headers: Mapping[str, str], body: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                status = await self._status(resolve, urlsplit(url), headers, body)
        except TimeoutError:
            raise OutgoingError(f"took longer than {self._patience:g} s") from None
        except (OSError, ValueError, NetworkError, ProtocolError, TimeoutException) as error:
            raise OutgoingError(_reason(error)) from error
        if not 200 <= status < 300:
            raise OutgoingError(f"status {status}")

    async def _status(self, resolve: Resolve, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
        """Sends the request and returns the response's status; the response body is not read."""
        url = _url(parts)
        backend = AddressFilteringBackend(self._allowed, resolve)
        connection = AsyncHTTPConnection(url.origin, self._ssl, network_backend=backend)
        sent = [("Host", parts.netloc), ("Connection", "close"), *headers.items()]
        async with connection, connection.stream("POST", url, headers=sent, content=body) as response:
            return response.status

    @cached_property
    def _ssl(self) -> ssl.SSLContext:
        """Created on first use, because it reads all certificates of the system."""
        return self._certificates()


class AddressFilteringBackend(AsyncNetworkBackend):
    """Connects only to addresses that were checked."""

    def __init__(self, allowed: Callable[[Address], bool], resolve: Resolve) -> None:
        self._allowed = allowed
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
        raise last or OutgoingError("its host name has no address")

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        """Resolves the host. Raises OutgoingError if any address is not allowed: a mixed result suggests an attack."""
        addresses = await self._resolve(host, port)
        if not all(map(self._allowed, addresses)):
            raise OutgoingError("its host has a private address, which OPENINGS_PRIVATE_CALLBACKS=1 would allow")
        return addresses


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
