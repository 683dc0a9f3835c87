"""URLs from callers, and which addresses belong to the public internet."""

from ipaddress import ip_address

import pytest

from core.errors import Key, Problems
from core.limits import URL_LENGTH
from core.urls import check_callback_url, check_web_url, is_public

PRIVATE = [
    *("0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "192.168.255.255"),
    *("192.0.0.0", "192.0.0.9", "192.0.0.255", "192.88.99.0", "192.88.99.255", "168.63.129.16"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "100::1", "2001:db8::1", "fc00::1", "fdff::1", "fe80::1", "fe80::1%lo", "fec0::1"),
    *("ff02::1", "ff0e::1", "64:ff9b:1::1", "5f00::1", "4000::1"),
    *("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:1::1", "2001:4:112::1", "2001:1ff:ffff::1"),
]
"""Each kind, and the ends of the larger ones."""

STANDING_FOR_ANOTHER = ["::ffff:{}", "::ffff:0:{}", "64:ff9b::{}", "::{}"]
"""How an IPv6 address has an IPv4 address in its last four bytes: mapped, translated (twice), compatible."""

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "223.0.0.1",
    "192.0.1.1",
    "191.255.255.255",
    "192.88.98.255",
    "192.88.100.0",
    "168.63.129.15",
    "168.63.129.17",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_outside_the_public_internet_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


PUBLIC_IPV6 = ["2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "3ffe:ffff::1"]


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_IPV6])
def test_addresses_of_the_public_internet_are_public(address: str) -> None:
    """Including the neighbours of reserved ranges."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize("inner", [address for address in PRIVATE if ":" not in address])
def test_an_address_that_embeds_a_private_one_is_private(inner: str) -> None:
    """In every notation."""
    for outer in STANDING_FOR_ANOTHER:
        assert not is_public(ip_address(outer.format(inner))), outer
    a, b, c, d = ip_address(inner).packed
    assert not is_public(ip_address(f"2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1")), "6to4"
    assert not is_public(ip_address(f"2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}::1")), "Teredo"


@pytest.mark.parametrize("outer", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"])
def test_an_address_that_embeds_a_public_one_is_public(outer: str) -> None:
    """In IPv6-only networks, names resolve to such addresses."""
    assert is_public(ip_address(outer))


def keys(url: str | None, *, private: bool = False) -> list[Key]:
    """The keys of the problems of a callback URL."""
    problems = Problems()
    check_callback_url(url, ("completed_url",), problems, private=private)
    assert {problem.path for problem in problems} <= {("completed_url",)}
    return [problem.key for problem in problems]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com/",
        "HTTPS://EXAMPLE.COM:8443/a/path;with=parts?and=a&query#fragment",
        "https://xn--bcher-kva.example/%20",
        "https://8.8.8.8/",
        "https://[2001:4860:4860::8888]:443/",
    ],
)
def test_a_complete_url_is_accepted(url: str) -> None:
    assert keys(url) == []


def test_no_url_is_accepted() -> None:
    """Callbacks are optional."""
    assert keys(None) == []
    assert check_web_url(None, ("completed_url",), Problems()) is None


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com/", "/booked", "https://", "https:///path", "https://:443/", "https:example.com"),
        *("javascript:alert(1)", "data:text/html,hi", "ftp://example.com/", "file:///etc/passwd", "mailto:a@example.com"),
        *("https://user@example.com/", "https://user:word@example.com/", "https://@example.com/", "https://:@8.8.8.8/"),
        *("https://example.com:port/", "https://example.com:65536/", "https://example.com:-1/", "https://[::1/"),
        *("https://exa mple.com/", " https://example.com/", "https://example.com/a b", "https://example.com/\n"),
        *("https://example.com/\r\nHost: other", "https://bücher.example/", "https://example.com/ü", "https://ex\0.com/"),
        "https://example.com\\@127.0.0.1/",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_called_is_refused(url: str) -> None:
    """Whether private addresses are allowed or not."""
    for private in (False, True):
        assert Key.INVALID in keys(url, private=private), private


def test_a_url_may_be_as_long_as_browsers_accept() -> None:
    url = "https://example.com/".ljust(URL_LENGTH, "a")
    assert keys(url) == []
    assert keys(f"{url}a") == [Key.TOO_LONG]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.0.0.1.", "10.1.2.3", "169.254.169.254"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1%25lo]", "[fd00::1]", "0.0.0.0"),
    ],
)  # fmt: skip
def test_a_private_address_is_refused_unless_allowed(host: str) -> None:
    """Names are resolved and checked at delivery; these are literal addresses."""
    for scheme in ("http", "https"):
        assert keys(f"{scheme}://{host}:8080/path") == [Key.INVALID]
        assert keys(f"{scheme}://{host}:8080/path", private=True) == []


def test_a_redirect_url_may_lead_to_any_address() -> None:
    """The visitor's browser opens it, not the server."""
    problems = Problems()
    parts = check_web_url("http://localhost:3000/booked", ("completed_url",), problems)
    assert parts is not None
    assert parts.hostname == "localhost"
    assert problems == []
