"""Addresses on the web that a caller hands in: where a visitor is sent, and where callbacks go."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from .errors import Key, Path, Problems
from .limits import URL_LENGTH
from .texts import check_text

Address: TypeAlias = IPv4Address | IPv6Address

#: addresses that stand for an IPv4 address in their last four bytes (RFC 6052)
_TRANSLATED = IPv6Network("64:ff9b::/96")
#: all that was ever given out of IPv6 for the public internet (RFC 4291)
_GIVEN_OUT = IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet, and leads nowhere else by way of a translation."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast


def check_web_url(url: str | None, path: Path, problems: Problems) -> SplitResult | None:
    """The parts of an http or https URL; None after reporting what is wrong with it, and for None."""
    if url is None:
        return None
    check_text(url, path, problems, longest=URL_LENGTH)
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        problems.add(path, Key.INVALID, "must be a whole URL such as https://example.com/booked")
        return None
    if parts.username is not None or parts.password is not None:
        problems.add(path, Key.INVALID, "must have no user name and no password in it")
        return None
    return parts


def check_callback_url(url: str | None, path: Path, problems: Problems, *, private: bool) -> None:
    """Reports a URL that nothing can be sent to; and, unless private ones are allowed, one that says itself that it is.

    Where a name leads is not known before something is sent there, and is looked at then.
    """
    parts = check_web_url(url, path, problems)
    if parts is None:
        return
    if not private and _says_that_it_is_private(parts.hostname or ""):
        problems.add(path, Key.INVALID, "must not lead to a private address; OPENINGS_PRIVATE_CALLBACKS=1 allows it")


def _parts(url: str) -> SplitResult | None:
    if not url.isprintable() or not url.isascii() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return None
    return parts


def _says_that_it_is_private(host: str) -> bool:
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return False
