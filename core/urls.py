"""Checks of URLs from a caller: where visitors are redirected, and where callbacks are sent."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from .errors import Key, Path, Problems
from .limits import URL_LENGTH
from .texts import check_text

Address: TypeAlias = IPv4Address | IPv6Address

#: addresses with an IPv4 address in their last four bytes (RFC 6052)
_TRANSLATED = IPv6Network("64:ff9b::/96")
#: the part of IPv6 that is allocated for the public internet (RFC 4291)
_GIVEN_OUT = IPv6Network("2000::/3")
#: addresses that are not public, although some or all versions of Python say that they are global
_RESERVED = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890)
    IPv4Network("192.88.99.0/24"),  # relays from IPv6 to IPv4, which no longer exist (RFC 7526)
    IPv4Network("168.63.129.16/32"),  # services of Azure to its virtual machines
    IPv6Network("2001::/23"),  # protocol assignments (RFC 2928)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


def is_public(address: Address) -> bool:
    """Whether the address, or the IPv4 address that it translates to, is on the public internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _RESERVED)


def check_web_url(url: str | None, path: Path, problems: Problems) -> SplitResult | None:
    """Returns the parts of an http or https URL. Returns None for None, and after reporting a problem."""
    if url is None:
        return None
    check_text(url, path, problems, longest=URL_LENGTH)
    if len(url) > URL_LENGTH:
        return None
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        problems.add(path, Key.INVALID, "must be a complete URL such as https://example.com/booked")
        return None
    if parts.username is not None or parts.password is not None:
        problems.add(path, Key.INVALID, "must not contain a user name or a password")
        return None
    return parts


def check_callback_url(url: str | None, path: Path, problems: Problems, *, private: bool) -> None:
    """Reports a URL that cannot be called, and a private address in it unless `private` allows that.

    The address behind a host name is known only when a callback is sent, and is checked then.
    """
    parts = check_web_url(url, path, problems)
    if parts is None:
        return
    if not private and _is_private_host(parts.hostname or ""):
        problems.add(path, Key.INVALID, "must not point to a private address; OPENINGS_PRIVATE_CALLBACKS=1 allows it")


def check_fetched_url(url: str, path: Path, problems: Problems, *, private: bool) -> None:
    """Reports a URL that no calendar can be fetched from, and a private address in it unless `private` allows that.

    The address behind a host name is known only when it is fetched, and is checked then.
    """
    parts = check_web_url(url, path, problems)
    if parts is not None and not private and _is_private_host(parts.hostname or ""):
        problems.add(path, Key.INVALID, "must not point to a private address; OPENINGS_PRIVATE_SOURCES=1 allows it")


def _parts(url: str) -> SplitResult | None:
    if not url.isprintable() or not url.isascii() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        return None
    return parts


def _is_private_host(host: str) -> bool:
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return False
