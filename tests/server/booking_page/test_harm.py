"""The booking page against hostile texts, invalid parameters and faults."""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from core.errors import Forbidden, Key, Problem, RateLimited, TimedOut, Unprocessable
from core.events import Location
from core.real_time_scheduling import CallbackUrls, Completed, Disabled, Open, RedirectUrls
from server.booking_page.rendering import origin
from server.http.rate_limits import RateLimits, parse_rates
from tests.support.booking_page import ADA, NOW, FakeLinks, application, half_hour_starts
from tests.support.plain_browser import Page, PlainBrowser

STARTS = half_hour_starts("2030-05-06", "08:00", "09:00")
HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>&amp;{{ 7 * 7 }}"
DONE = Completed(NOW + 3600, NOW + 7200, (ADA,), "Asia/Tokyo")
FORM = {"start": STARTS[0], "tz": "Europe/Berlin"}


@pytest.fixture
def links() -> FakeLinks:
    return FakeLinks()


@pytest.fixture
def client(links: FakeLinks) -> Iterator[TestClient]:
    with TestClient(application(links), follow_redirects=False) as client:
        yield client


def policy(client: TestClient, path: str = "/book/link") -> Mapping[str, list[str]]:
    """The content security policy, by directive."""
    directives = client.get(path).headers["content-security-policy"].split(";")
    return {name: sources for name, *sources in map(str.split, directives)}


@pytest.mark.parametrize("state", [Open(), DONE, Disabled(HOSTILE)], ids=["open", "completed", "disabled"])
@pytest.mark.parametrize("query", ["?day=2030-05-06", f"?start={STARTS[0]}", "?start=2030-05-06T08:07:00Z", "?told=1"])
def test_texts_of_an_event_are_escaped(client: TestClient, links: FakeLinks, state: Any, query: str) -> None:
    """Whatever an application writes into an event is shown literally."""
    texts: dict[str, Any] = {
        "summary": f"<b>{HOSTILE}",
        "description": HOSTILE,
        "location": Location(description=HOSTILE),
        "url": "https://example.com/" + HOSTILE,
    }
    links.add(
        "link", STARTS, state=state, callback_urls=CallbackUrls(no_times_suitable_url="https://a.example"), **texts
    )
    page = Page(client.get(f"/book/link{query}"))
    assert not {tag for tag, _ in page.attributes} & {"b", "img"}
    assert [(given.get("src") or "").partition("?")[0] for given in page.elements("script")] == ["assets/page.js"]
    assert not [name for _, given in page.attributes for name in given if name.startswith("on") or name == "style"]
    assert HOSTILE.split("<img")[0] in "".join(page.texts["title"])
    if isinstance(state, Disabled):
        assert HOSTILE in page.texts["p"]


def test_a_message_keeps_its_line_breaks_but_no_markup(client: TestClient, links: FakeLinks) -> None:
    links.add("link", state=Disabled("One\n<br>Two\n\n  <p>Three"))
    assert "One\n<br>Two\n\n  <p>Three" in Page(client.get("/book/link")).texts["p"]


@pytest.mark.parametrize("url", ["tel:+49123", "ftp://example.com/x", "zoommtg://zoom.us/join", "web+x:alert(1)"])
def test_only_http_and_https_urls_become_links(client: TestClient, links: FakeLinks, url: str) -> None:
    links.add("link", STARTS, url=url)
    page = Page(client.get(f"/book/link?start={STARTS[0]}"))
    assert url not in page.links
    assert url in page.text


def test_the_policy_allows_no_other_server_and_pages_are_not_cached(client: TestClient, links: FakeLinks) -> None:
    links.add("link", STARTS)
    assert policy(client) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    shown = [
        client.get("/book/link"),
        client.get("/book/nowhere"),
        client.post("/book/link"),
        client.head("/book/link"),
    ]
    for response in shown:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-robots-tag"] == "noindex"
        assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_the_policy_allows_the_redirect_to_the_application(client: TestClient, links: FakeLinks) -> None:
    """Browsers apply form-action of the page with the form to the redirect that answers it."""
    links.add("link", STARTS, redirect_urls=RedirectUrls("https://example.com:8443/done?a=1"))
    assert policy(client, f"/book/link?start={STARTS[0]}")["form-action"] == ["'self'", "https://example.com:8443"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:3000/x", "http://localhost:3000"),
        ("https://[::1]:3000/x", "https://[::1]:3000"),
        ("https://a;script-src/x", None),
        ("https://a,b/x", None),
        ("https://a'b/x", None),
        ("https://*/x", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_redirect_url_cannot_loosen_the_policy(url: str, found: str | None) -> None:
    assert origin(url) == found


def test_assets_are_immutable_under_the_digest_of_their_content(client: TestClient, links: FakeLinks) -> None:
    links.add("link", STARTS)
    page = Page(client.get("/book/link"))
    named = [str(given.get("href") or given.get("src")) for given in (*page.elements("link"), *page.elements("script"))]
    assert [re.sub(r"\?v=\w{16}", "", address) for address in named] == [
        "assets/icon.svg",
        "assets/page.css",
        "assets/page.js",
    ]
    for address in named:
        response = client.get(f"/book/{address}")
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-encoding"] == "gzip"
        assert not re.search(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z][\w.-]*\.[a-z]", response.text)
    for path in ("__init__.py", "templates", "base.html", "..%2Fpage.css", "page.css%00"):
        assert client.get(f"/book/assets/{path}").status_code == 404


def test_an_unknown_link_is_not_found(client: TestClient) -> None:
    for response in (client.get("/book/nowhere"), client.post("/book/nowhere", data=FORM)):
        assert response.status_code == 404
        assert Page(response).heading == "There is nothing here"


@pytest.mark.parametrize("starts", [STARTS, []], ids=["with times", "without times"])
def test_a_head_request_has_no_effect(client: TestClient, links: FakeLinks, starts: list[str]) -> None:
    """Mail scanners send one for every address; it must not report that a visitor saw no times."""
    held = links.add("link", starts)
    response = client.head(f"/book/link?start={STARTS[0]}")
    assert (response.status_code, response.content) == (200, b"")
    assert client.head("/book/link.ics").status_code == client.head("/book/nowhere").status_code == 404
    assert (held.no_times_reports, [what for what, _, _ in held.calls]) == (0, ["get_by_token", "get_by_token"])


@pytest.mark.parametrize(
    ("error", "status", "heading"),
    [
        (Forbidden(), 409, "This link cannot be used at the moment"),
        (Unprocessable(), 409, "This link cannot be used at the moment"),
        (RateLimited(), 429, "One moment, please"),
        (TimedOut(), 503, "One moment, please"),
        (OSError("no such host"), 503, "One moment, please"),
        (RuntimeError(HOSTILE), 500, "Something went wrong here"),
    ],
    ids=["forbidden", "unprocessable", "too much", "others first", "database away", "fault"],
)
def test_an_error_is_explained_without_details(
    client: TestClient, links: FakeLinks, error: Exception, status: int, heading: str
) -> None:
    """A GET can be repeated as it was; a form has to be started again."""
    links.add("link", STARTS).error = error
    for response in (client.get("/book/link?tz=Asia/Tokyo"), client.post("/book/link", data=FORM)):
        page = Page(response)
        assert (response.status_code, page.heading) == (status, heading)
        assert ("retry-after" in response.headers) == (status in (429, 503))
        assert "alert" not in response.text
    if status != 409:
        assert Page(client.get("/book/link?tz=Asia/Tokyo")).links == {"Try again": "?tz=Asia/Tokyo"}


def test_the_log_says_why_a_link_cannot_be_used(
    client: TestClient, links: FakeLinks, caplog: pytest.LogCaptureFixture
) -> None:
    """The visitor does not see the reason, but the sender of the link will want to know it."""
    held = links.add("a-secret-token", STARTS)
    held.error = Unprocessable(problems=[Problem(("event", "event_id"), Key.DUPLICATE, "is there")])
    with caplog.at_level(logging.INFO, "openings"):
        client.get("/book/a-secret-token")
    assert "refused a visitor: UNPROCESSABLE; event.event_id errors.duplicate" in caplog.text
    assert "a-secret-token" not in caplog.text


def test_a_fault_is_logged_without_the_token(
    client: TestClient, links: FakeLinks, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "openings"):
        links.add("a-secret-token", STARTS).error = RuntimeError("broken")
        client.get("/book/a-secret-token")
    assert "broken" in caplog.text
    assert "a-secret-token" not in caplog.text


async def _for_ever(*_: object) -> Any:
    await asyncio.sleep(3600)


def test_work_beyond_the_deadline_is_cancelled(links: FakeLinks, monkeypatch: pytest.MonkeyPatch) -> None:
    links.add("link", STARTS)
    monkeypatch.setattr(links, "offer", _for_ever)
    with TestClient(application(links, deadline=0.05)) as client:
        response = client.get("/book/link")
    assert (response.status_code, Page(response).heading) == (503, "One moment, please")
    assert response.headers["retry-after"] == "5"


def test_a_visitor_over_the_rate_limit_gets_retry_after(links: FakeLinks) -> None:
    links.add("link", STARTS)
    with TestClient(application(links, rates=RateLimits(parse_rates("2/h")))) as client:
        statuses = [client.get("/book/link").status_code for _ in range(3)]
        response = client.get("/book/link")
    assert statuses == [200, 200, 429]
    assert 0 < int(response.headers["retry-after"]) <= 1800
    assert Page(response).heading == "One moment, please"


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {}},
        {"data": {"start": ""}},
        {"data": {"start": "tomorrow"}},
        {"data": {"start": "1893456000"}},
        {"data": {"start": "2030-05-06T08:00:00"}},
        {"content": b"\xff\xfe=%"},
        {"content": b"&".join([b"start=2030-05-06T08:00:00Z"] * 30)},
        {"content": b'{"start": 1}', "headers": {"content-type": "application/json"}},
        {"content": b"start=1", "headers": {"content-type": "text/plain"}},
        {"content": b"start=" + b"9" * 5000},
        {"files": {"start": b"2030-05-06T08:00:00Z"}},
    ],
)
def test_an_invalid_form_leads_back_to_the_times(client: TestClient, links: FakeLinks, sent: dict[str, Any]) -> None:
    """Nothing was booked, and nothing else was called."""
    held = links.add("link", STARTS)
    sent = {"headers": {"content-type": "application/x-www-form-urlencoded"}, **sent}
    if "files" in sent:
        del sent["headers"]
    response = client.post("/book/link", **sent)
    assert response.status_code in (400, 413, 415)
    assert "book" not in [what for what, _, _ in held.calls]
    reader = PlainBrowser(client, "/book/link")
    reader.page = Page(response)
    assert reader.follow("Back to the times").heading == "Interview with Ada"


@pytest.mark.parametrize(
    "start", ["", "soon", "1", "2030-05-06T08:00:00", "9999-12-31T23:59:59Z", "2030-02-30T08:00:00Z"]
)
def test_an_invalid_start_leads_back_to_the_times(client: TestClient, links: FakeLinks, start: str) -> None:
    links.add("link", STARTS)
    response = client.get("/book/link", params={"start": start})
    assert response.status_code == 400
    assert Page(response).links == {"Back to the times": "?"}


_STRANGE = st.one_of(
    st.text(max_size=40),
    st.dates().map(str),
    st.datetimes().map(lambda moment: f"{moment.isoformat()[:19]}Z"),
    st.sampled_from(
        ["", "0", "-1", "9998-12-31", "0002-01-01", "9998-12-31T23:59:59Z", "Etc/UTC", "Asia/Kathmandu", "1"]
    ),
)
_PARAMETERS = st.dictionaries(
    st.sampled_from(["tz", "day", "from", "start", "told", "none", "v"]), _STRANGE, max_size=6
)


@cache
def _anybody() -> tuple[FakeLinks, TestClient]:
    """Cached: making it takes longer than a request."""
    links = FakeLinks(most=5)
    return links, TestClient(application(links), follow_redirects=False)


@given(
    _PARAMETERS,
    st.text(max_size=30),
    st.sampled_from(["link", "full", "done", "empty", "%00", "a%0Ab", "ü", "x" * 3000]),
)
def test_random_parameters_never_cause_a_fault(query: dict[str, str], language: str, token: str) -> None:
    """On links with a few times, with more than one answer holds, completed, without times, and unknown ones."""
    links, client = _anybody()
    links.add("link", STARTS)
    links.add(
        "full", [start for day in range(6, 29, 3) for start in half_hour_starts(f"2030-05-{day:02}", "08:00", "09:30")]
    )
    links.add("done", state=DONE)
    links.add("empty")
    looked = client.get(f"/book/{token}", params=query, headers={b"accept-language": language.encode()})
    assert looked.status_code in (200, 400, 404)
    Page(looked)
    sent = client.post(f"/book/{token}", data=query, headers={"content-type": "application/x-www-form-urlencoded"})
    assert sent.status_code in (303, 400, 404, 409)
