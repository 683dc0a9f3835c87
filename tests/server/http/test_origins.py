"""Origins of pages: whose requests are readable, which are the server's own, and what the log says about the others."""

import logging
from typing import Any

import pytest

from db.encryption import Encryption
from server.http.origins import Origins, local_origins, parse_origins
from tests.support.api import KEY

ENCRYPTION = Encryption(KEY)
SITE = "https://app.example.com"


def origins(allowed: str = "", **more: Any) -> Origins:
    return Origins(ENCRYPTION.is_for_origin, parse_origins(allowed), **more)


def scope(*headers: tuple[str, str], server: tuple[str, int] | None = ("127.0.0.1", 8000)) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode("latin-1")) for name, value in headers], "server": server}


@pytest.mark.parametrize("text", ["null", "localhost:5173", "http://a/", "http://a,,http://b", "http://a, x", "**"])
def test_a_setting_names_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(null|localhost:5173|http://a/||x|[*][*])$"):
        parse_origins(text)


def test_a_setting_is_read_as_browsers_write_origins() -> None:
    assert parse_origins("HTTPS://App.Example.com:443, http://localhost:5173") == {SITE, "http://localhost:5173"}
    assert parse_origins("") == frozenset()
    assert parse_origins("*") == {"*"}


def test_pages_of_allowed_origins_may_read() -> None:
    """The header names the page's own origin; for all origins it is the wildcard, which allows no credentials."""
    some, every = origins(f"http://localhost:5173,{SITE}"), origins("*")
    assert some.readable_by(SITE, None) == SITE
    assert some.readable_by("https://evil.example", None) is None
    assert some.readable_by("null", None) is None
    assert every.readable_by("https://evil.example", None) == every.readable_by("null", None) == "*"


def test_the_page_of_an_element_token_may_read() -> None:
    """Also what is wrong with the token; but a page cannot let itself in with a token that it made up."""
    none, token = origins(), ENCRYPTION.element_token(SITE)
    assert none.readable_by(SITE, f"Bearer {token}") == SITE
    assert none.readable_by("https://evil.example", f"Bearer {token}") is None
    made_up = f"elt_{'a' * 43}.{'b' * 24}"
    for authorization in (f"Bearer {made_up}", f"Basic {token}", token, "Bearer secret", "", None):
        assert none.readable_by(SITE, authorization) is None


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", {"http://127.0.0.1:8000", "http://localhost:8000"}),
        ("::1", {"http://[::1]:8000", "http://localhost:8000"}),
        ("localhost", {"http://localhost:8000"}),
        ("0.0.0.0", {"http://localhost:8000"}),
        ("::", {"http://localhost:8000"}),
        ("openings.internal", {"http://openings.internal:8000"}),
        ("192.168.1.5", {"http://192.168.1.5:8000"}),
    ],
)
def test_the_origins_of_an_address(host: str, own: set[str]) -> None:
    assert local_origins(host, 8000) == own


def test_the_own_origin_is_never_that_of_the_host_header() -> None:
    """But of the public URL, or else of the address at which the request arrived."""
    local = origins(local=local_origins("0.0.0.0", 8000))
    reached = scope(("host", "evil.example:8000"), server=("192.168.1.5", 8000))
    assert local.is_own(reached, "http://192.168.1.5:8000")
    assert local.is_own(reached, "http://localhost:8000")
    assert not local.is_own(reached, "http://evil.example:8000")
    public = origins(public=SITE, local=local_origins("0.0.0.0", 8000))
    assert public.is_own(reached, SITE)
    assert not public.is_own(reached, "http://192.168.1.5:8000")


def test_a_websocket_is_for_programs_and_for_pages_that_fit() -> None:
    token = f"Bearer {ENCRYPTION.element_token(SITE)}"
    some = origins("http://localhost:5173", local=local_origins("127.0.0.1", 8000))
    assert some.may_connect(scope(), None)
    assert some.may_connect(scope(), "Bearer secret")
    for origin in ("http://localhost:5173", "http://127.0.0.1:8000"):
        assert some.may_connect(scope(("origin", origin)), "Bearer secret")
        assert not some.may_connect(scope(("origin", origin)), token)
    assert some.may_connect(scope(("origin", SITE)), token)
    assert not some.may_connect(scope(("origin", SITE)), "Bearer secret")
    assert not some.may_connect(scope(), token)


class TestLog:
    """What is logged about a refused origin."""

    @pytest.mark.parametrize(
        ("origin", "line"),
        [
            (
                "http://localhost:5173",
                "'http://localhost:5173' at /graphql: add http://localhost:5173 to OPENINGS_ORIGINS",
            ),
            ("null", "'null' at /graphql: only OPENINGS_ORIGINS=* allows it"),
            ("http://a\n2030 INFO forged", "'http://a\\n2030 INFO forged' at /graphql: only"),
            ("http://ex\xa0\xe4mple:port", "'http://ex\\xa0\\xe4mple:port' at /graphql: only"),
        ],
    )
    def test_a_line_has_the_origin_the_path_and_the_remedy(
        self, caplog: pytest.LogCaptureFixture, origin: str, line: str
    ) -> None:
        with caplog.at_level(logging.INFO):
            origins().log_refused(origin, "/graphql")
        [record] = caplog.records
        assert record.levelname == "INFO"
        assert record.message.startswith(f"refused origin {line}")

    def test_an_origin_is_shown_in_at_most_200_characters(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            origins().log_refused("http://" + "x" * 8000, "/graphql")
        assert len(caplog.messages[0].split()[2]) == 200

    def test_an_origin_is_one_line_a_minute(self, caplog: pytest.LogCaptureFixture) -> None:
        """However often it asks; and the origins that are remembered are bounded."""
        now = [0.0]
        refused = origins(clock=lambda: now[0])
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                for origin in ("http://a", "http://b"):
                    refused.log_refused(origin, "/graphql")
            assert len(caplog.records) == 2
            now[0] = 60.0
            refused.log_refused("http://a", "/graphql")
            assert len(caplog.records) == 3
            for n in range(5000):
                refused.log_refused(f"http://{n}.example", "/graphql")
        assert len(refused._logged) == 1000
