"""Origins in the form in which browsers send them."""

import pytest

from core.origins import ORIGIN_LENGTH, normalised_origin

#: what somebody writes, and the origin that a browser makes of it
WRITTEN = [
    ("http://localhost:5173", "http://localhost:5173"),
    ("https://app.example.com", "https://app.example.com"),
    ("HTTPS://App.Example.COM:443", "https://app.example.com"),
    ("http://example.com:80", "http://example.com"),
    ("http://example.com:443", "http://example.com:443"),
    ("http://example.com:0080", "http://example.com"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
    ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
    ("http://例え。テスト", "http://xn--r8jz45g.xn--zckzah"),
    ("http://my_host.local", "http://my_host.local"),
    ("http://example.com.", "http://example.com."),
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("http://[::1]:8000", "http://[::1]:8000"),
    ("http://[2001:DB8:0:0:0:0:0:1]", "http://[2001:db8::1]"),
    ("http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]"),
]
#: origins that browsers send for pages that are not of the web
OTHER_SCHEMES = ["capacitor://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "tauri://localhost"]

INVALID = [
    *("", "null", "*", "localhost", "localhost:5173", "//localhost", "http://", "http:localhost", "://localhost"),
    *("http://localhost/", "http://localhost/app", "http://localhost?a", "http://localhost#a", "http://me@localhost"),
    *("http://localhost:", "http://localhost:x", "http://localhost:65536", "http://localhost:-1", "http://localhost:٣"),
    *("http://a b", " http://a", "http://a ", "http://a\n", "http://a\t", "http://a\0", "http://a\\b", "http://a%41"),
    *("http://a, http://a", "http://a,http://b", "http://a;b", "http://a<b>", 'http://a"b', "http://a..b", "http://.a"),
    *("http://[", "http://]:80", "http://[::1", "http://[::1]x", "http://[::x]", "http://[fe80::1%25eth0]"),
    *("http://1.2.3", "http://1.2.3.4.5", "http://256.1.1.1", "http://0x7f.1", "http://a.1", "http://01.2.3.4"),
    *("http://straße.example", "http://a\u200cb.example", "http://\ud800.example", "http://" + "a" * 64),
    *("http://" + "a" * ORIGIN_LENGTH, "http://" + "ü" * 200, "http://" + ".".join(["a" * 60] * 5)),
]


@pytest.mark.parametrize(("written", "sent"), WRITTEN)
def test_an_origin_is_written_as_browsers_do(written: str, sent: str) -> None:
    assert normalised_origin(written) == sent
    assert normalised_origin(sent) == sent


@pytest.mark.parametrize("origin", OTHER_SCHEMES)
def test_pages_of_an_app_have_origins_too(origin: str) -> None:
    assert normalised_origin(origin) == origin


@pytest.mark.parametrize("text", INVALID, ids=ascii)
def test_anything_else_is_no_origin(text: str) -> None:
    """Also `null`, which is what a browser sends for a file and for a sandboxed frame."""
    assert normalised_origin(text) is None
