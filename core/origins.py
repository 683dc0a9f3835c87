"""Origins of web pages, in the form in which browsers send them."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

ORIGIN_LENGTH = 300
"""Maximum characters of an origin: a host name has at most 253."""

_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]\\%\s]+)(?::([0-9]{1,5}))?")
#: a host name after IDNA; browsers allow the underscore
_HOST = re.compile(r"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: characters that the IDNA of browsers (UTS 46) and that of the standard library (RFC 3490) treat differently
_DEVIATIONS = frozenset("ßẞς\u200c\u200d")


def normalised_origin(text: str) -> str | None:
    """Returns the origin as browsers write it: in lower case, with IDNA, without the default port of its scheme.

    Returns None for anything but `scheme://host` and `scheme://host:port`, so also for `null`.
    """
    found = _ORIGIN.fullmatch(text) if len(text) <= ORIGIN_LENGTH else None
    if found is None:
        return None
    scheme, port = found[1].lower(), int(found[3]) if found[3] is not None else None
    host = _ipv6(found[2]) if found[2].startswith("[") else _host(found[2])
    if host is None or (port is not None and port > 65535):
        return None
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _ipv6(text: str) -> str | None:
    try:
        address = IPv6Address(text[1:-1])
    except AddressValueError:
        return None
    if address.ipv4_mapped is not None:  # which newer versions of Python write with dots
        high, low = divmod(int(address.ipv4_mapped), 1 << 16)
        return f"[::ffff:{high:x}:{low:x}]"
    return f"[{address.compressed}]"


def _host(text: str) -> str | None:
    if not text.isascii():
        try:
            text = "" if _DEVIATIONS.intersection(text) else text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    host = text.lower()
    if _HOST.fullmatch(host) is None:
        return None
    # Browsers take a host whose last label is a number for an IPv4 address, in any of several notations.
    last = host.removesuffix(".").rpartition(".")[2]
    if last.isdigit() or re.fullmatch("0x[0-9a-f]*", last):
        return _ipv4(host)
    return host


def _ipv4(host: str) -> str | None:
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        return None
