"""Requests that go out: to addresses that others have chosen, and so to none that only this machine or its network can see.

A name says nothing about where it leads, and may lead elsewhere the next time that somebody asks. So a name is resolved
once, all that it leads to is looked at, and the connection is made to an address that was looked at. The certificate is
that of the name all the same. No redirect is followed, and no proxy of the environment asked.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address
from socket import SOCK_STREAM
from typing import TypeAlias
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

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""From a name or an address and a port to all addresses that it leads to."""

#: seconds from the first step to the head of the answer
_PATIENCE = 10.0
#: Seconds that one of the addresses of a name has to let us in, and how many are tried. The first may lead nowhere from
#: here, as those of IPv6 often do.
_CONNECTING, _ADDRESSES = 3.0, 3

_REASON_LENGTH = 200


class DeliveryError(Exception):
    """Nobody has said that it was received. Its text says why, and holds nothing that must not be logged."""


async def resolve_all(host: str, port: int) -> list[Address]:
    """All addresses that the system knows for a name, the one that it would try first at first. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return [ip_address(where[0]) for *_, where in found]


class HTTPClient:
    """Sends requests to whatever is allowed by its address, each on a connection of its own."""

    def __init__(
        self,
        allowed: Callable[[Address], bool],
        *,
        resolve: Resolve = resolve_all,
        patience: float = _PATIENCE,
        certificates: Callable[[], ssl.SSLContext] = default_ssl_context,
    ) -> None:
        self._backend = AddressFilteringBackend(allowed, resolve)
        self._patience = patience
        self._certificates = certificates

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Sends it, and is told by a status of 2xx that it was received. Raises DeliveryError."""
        try:
            async with asyncio.timeout(self._patience):
                status = await self._status(urlsplit(url), headers, body)
        except TimeoutError:
            raise DeliveryError(f"took longer than {self._patience:g} s") from None
        except (OSError, ValueError, NetworkError, ProtocolError, TimeoutException) as error:
            raise DeliveryError(_reason(error)) from error
        if not 200 <= status < 300:
            raise DeliveryError(f"status {status}")

    async def _status(self, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
        """What it is answered with; the rest of the answer is not read."""
        url = _url(parts)
        connection = AsyncHTTPConnection(url.origin, self._ssl, network_backend=self._backend)
        sent = [("Host", parts.netloc), ("Connection", "close"), *headers.items()]
        async with connection, connection.stream("POST", url, headers=sent, content=body) as response:
            return response.status

    @cached_property
    def _ssl(self) -> ssl.SSLContext:
        """Made when it is first needed, for it reads all certificates of the machine."""
        return self._certificates()


class AddressFilteringBackend(AsyncNetworkBackend):
    """Connects to addresses that were looked at."""

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
        raise last or DeliveryError("its name leads nowhere")

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        """Where the name leads, if all of that is allowed: of one that leads inside as well, nothing good is to be expected."""
        addresses = await self._resolve(host, port)
        if not all(map(self._allowed, addresses)):
            raise DeliveryError("leads to a private address, which OPENINGS_PRIVATE_CALLBACKS=1 would allow")
        return addresses


def allow_all(_address: Address) -> bool:
    """Every address is allowed."""
    return True


def redacted(url: str) -> str:
    """Of a checked URL what may be logged: the rest of it may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _url(parts: SplitResult) -> URL:
    """From parts that are those which were checked: httpcore2 would take the URL apart in a way of its own."""
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


def _reason(error: BaseException) -> str:
    """What an error began with, in a line that it cannot break out of."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = f"{type(error).__name__}: {error}"
    return (words if words.isprintable() else ascii(words))[:_REASON_LENGTH]
