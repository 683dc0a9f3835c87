"""GraphiQL in a real browser: what a new user does with it, and what it must not do without her noticing.

The page has a small server of its own, so that a failure here is the page's.
"""

import asyncio
import queue
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
import strawberry
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from strawberry import Info

from server.graphiql import NODE_MODULES, Example, assets_route, page
from tests.support import browser as chromium
from tests.support.browser import Visit, require_tool, serve_in_thread, visit
from tests.support.waiting import TIMEOUT

browser = chromium.browser  # pytest finds a fixture in the module that uses it

EXAMPLES = [
    Example("query Greet($name: String!) {\n  greet(name: $name)\n}", {"name": "Ada Lovelace"}),
    Example("query WhoAmI {\n  whoAmI\n}"),
    Example("mutation Enter {\n  enter {\n    accessToken\n  }\n}"),
    Example("# Every count.\nsubscription Count {\n  count\n}"),
]
LATER_EXAMPLES = [Example('query GreetLater {\n  greet(name: "Grace Hopper")\n}')]


@strawberry.type
class Entrance:
    access_token: str


@strawberry.type
class Query:
    @strawberry.field(description="Says hello to somebody.")
    def greet(self, name: str) -> str:
        return f"Good morning, {name}!"

    @strawberry.field
    def who_am_i(self, info: Info[str | None]) -> str | None:
        return info.context


@strawberry.type
class Mutation:
    @strawberry.mutation
    def enter(self) -> Entrance:
        return Entrance(access_token="a-token-from-an-answer")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncGenerator[int, None]:
        yield 0


schema = strawberry.Schema(Query, Mutation, Subscription)

#: counts for the stream to send, None to complete it; and the streams that are open
pushed: "queue.Queue[int | None]" = queue.Queue()
listening: set[object] = set()


async def counts(authorization: str | None) -> AsyncGenerator[bytes]:
    """Events as Openings sends them, with comments in between; each answer arrives in two pieces."""
    listening.add(me := object())
    try:
        yield b":\n\n"
        while True:
            try:
                number = pushed.get_nowait()
            except queue.Empty:
                await asyncio.sleep(0.01)
                continue
            if number is None:
                yield b"event: complete\ndata: \n\n"
                return
            yield b'event: next\ndata: {"data":'
            await asyncio.sleep(0.01)
            yield b'{"count":%d, "by": "%s"}}\n\n:\n\n' % (number, (authorization or "nobody").encode())
    finally:
        listening.discard(me)


async def graphql(request: Request) -> Response:
    """The minimal endpoint that GraphiQL needs. The context of resolvers is the Authorization header."""
    if request.method == "GET":
        return page([*LATER_EXAMPLES, *EXAMPLES] if "later" in request.query_params else EXAMPLES)
    body = await request.json()
    authorization = request.headers.get("authorization")
    if request.headers["accept"] == "text/event-stream":
        return StreamingResponse(counts(authorization), media_type="text/event-stream")
    result = await schema.execute(body["query"], body.get("variables"), context_value=authorization)
    if "who" in body["query"] and authorization is None:
        return JSONResponse({"errors": [{"message": "Who asks?", "extensions": {"code": "UNAUTHENTICATED"}}]})
    return JSONResponse({"data": result.data})


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """The address of the page."""
    assets = assets_route()
    require_tool(assets, f"no GraphiQL in {NODE_MODULES.name}: install Node.js with npm, then run make install")
    assert assets is not None
    with serve_in_thread(Starlette(routes=[Route("/graphql", graphql, methods=["GET", "POST"]), assets])) as origin:
        yield f"{origin}/graphql"


@pytest.fixture
def visited(browser: Browser, url: str) -> Generator[Visit]:
    """The page, opened for the first time. Afterwards, no request may have gone elsewhere and no error been logged."""
    with visit(browser, url) as seen:
        expect(seen.page.get_by_role("button", name="Execute query")).to_be_visible()
        yield seen
        assert seen.foreign_requests == []
        assert seen.errors == []


def run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).get_by_role("button", name=name).click()


def tabs(page: Page) -> Locator:
    return page.locator(".graphiql-tab-button")


def answer(page: Page) -> Locator:
    return page.get_by_role("region", name="Result Window")


def settle(page: Page) -> None:
    """Waits until GraphiQL has stored what was typed: up to half a second later."""
    page.wait_for_timeout(700)


def on_disk(page: Page) -> str:
    """Everything that persists when the browser is closed."""
    settle(page)
    return page.evaluate("JSON.stringify(localStorage)")


def test_the_first_example_runs_unchanged(visited: Visit) -> None:
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("Good morning, Ada Lovelace!")


def test_control_enter_runs_the_query(visited: Visit) -> None:
    visited.page.get_by_role("region", name="Query Editor").locator(".CodeMirror").click()
    visited.page.keyboard.press("Control+Enter")
    expect(answer(visited.page)).to_contain_text("Good morning, Ada Lovelace!")


def test_every_example_has_a_tab_with_its_name(visited: Visit) -> None:
    expect(tabs(visited.page)).to_have_text(["Greet", "WhoAmI", "Enter", "Count"])


def test_a_pasted_token_is_sent_with_requests_but_not_stored(visited: Visit) -> None:
    """Pasted as copied from a terminal, with `Bearer` before it and a space after it."""
    page = visited.page
    page.get_by_label("Access token").fill(" Bearer a-pasted-token ")
    page.get_by_label("Access token").press("Enter")
    open_tab(page, "WhoAmI")
    run(page)
    expect(answer(page)).to_contain_text("Bearer a-pasted-token")
    assert "token" not in page.url
    assert "a-pasted-token" not in on_disk(page)


def test_a_token_survives_a_reload_but_not_forget(visited: Visit) -> None:
    page = visited.page
    page.get_by_label("Access token").fill("a-pasted-token")
    page.get_by_label("Access token").press("Enter")
    page.reload()
    expect(page.get_by_label("Access token")).to_have_value("a-pasted-token")
    page.get_by_role("button", name="Forget").click()
    page.reload()
    expect(page.get_by_label("Access token")).to_have_value("")


def test_an_answer_without_a_token_highlights_the_token_field(visited: Visit) -> None:
    open_tab(visited.page, "WhoAmI")
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("UNAUTHENTICATED")
    expect(visited.page.locator("#access")).to_have_class("wanted")


def test_one_click_uses_a_token_from_an_answer(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "Enter")
    run(page)
    page.get_by_role("button", name="Use the token just received").click()
    open_tab(page, "WhoAmI")
    run(page)
    expect(answer(page)).to_contain_text("Bearer a-token-from-an-answer")


def test_a_header_of_the_tab_overrides_the_token_and_is_not_stored(visited: Visit) -> None:
    """GraphiQL's history would store it even with shouldPersistHeaders: false."""
    page = visited.page
    page.get_by_label("Access token").fill("a-pasted-token")
    open_tab(page, "WhoAmI")
    page.get_by_role("button", name="Headers", exact=True).click()
    page.get_by_role("region", name="Headers").locator(".CodeMirror:visible").click()
    page.keyboard.insert_text('{"authorization": "Basic a-typed-secret"}')
    settle(page)
    run(page)
    expect(answer(page)).to_contain_text('"Basic a-typed-secret"')
    kept = on_disk(page)
    assert "graphiql:queries" in kept
    assert "a-typed-secret" not in kept


def test_a_secret_in_the_variables_is_not_stored(visited: Visit) -> None:
    """After a reload only the secret is missing from the tab. A request with a client secret needs no token."""
    page = visited.page
    open_tab(page, "WhoAmI")
    page.get_by_role("region", name="Variables").locator(".CodeMirror:visible").click()
    page.keyboard.insert_text('{"clientId": "a-client", "clientSecret": "a-typed-secret"}')
    settle(page)
    run(page)
    expect(answer(page)).to_contain_text("UNAUTHENTICATED")
    expect(page.locator("#access")).not_to_have_class("wanted")
    kept = on_disk(page)
    assert kept.count("a-client") >= 3  # in the editor, in its tab, in the history
    assert "a-typed-secret" not in kept


def test_a_subscription_shows_every_answer_until_it_is_stopped(visited: Visit) -> None:
    """The request has the token; stopping it closes the connection to the server."""
    page = visited.page
    page.get_by_label("Access token").fill("a-pasted-token")
    page.get_by_label("Access token").press("Enter")
    open_tab(page, "Count")
    run(page)
    for number in (1, 2, 3):
        pushed.put(number)
        expect(answer(page)).to_contain_text(f'"count": {number}')
    expect(answer(page)).to_contain_text("Bearer a-pasted-token")
    page.get_by_role("button", name="Stop query").click()
    expect(page.get_by_role("button", name="Execute query")).to_be_visible()
    until = time.monotonic() + TIMEOUT
    while listening and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert not listening


def test_a_completed_subscription_can_be_run_again(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "Count")
    for number in (4, 5):
        run(page)
        pushed.put(number)
        expect(answer(page)).to_contain_text(f'"count": {number}')
        pushed.put(None)
        expect(page.get_by_role("button", name="Execute query")).to_be_visible()


def test_tabs_are_restored(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "WhoAmI")
    assert "whoAmI" in on_disk(page)
    page.reload()
    expect(tabs(page)).to_have_text(["Greet", "WhoAmI", "Enter", "Count"])
    expect(page.get_by_role("tab", selected=True)).to_contain_text("WhoAmI")
    open_tab(page, "Greet")
    run(page)
    expect(answer(page)).to_contain_text("Good morning, Ada Lovelace!")


def type_query(page: Page, text: str) -> None:
    """Replaces the query of the open tab."""
    page.get_by_role("region", name="Query Editor").locator(".CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    settle(page)


def test_new_examples_replace_old_ones_and_the_users_own_tabs_stay(visited: Visit, url: str) -> None:
    """Demo data get new ids and dates, so yesterday's examples would only return errors; what was typed is the user's."""
    page = visited.page
    assert "Ada Lovelace" in on_disk(page)
    page.get_by_role("button", name="New tab").click()
    type_query(page, "query Mine { whoAmI }")
    open_tab(page, "WhoAmI")
    type_query(page, 'query Changed { greet(name: "Ida") }')
    for visits in range(2):  # the second time nothing is new
        page.goto(f"{url}?later")
        expect(tabs(page)).to_have_text(["GreetLater", "Greet", "WhoAmI", "Enter", "Count", "Changed", "Mine"])
        if visits == 0:
            run(page)
            expect(answer(page)).to_contain_text("Good morning, Grace Hopper!")
        settle(page)
    page.goto(url)
    expect(tabs(page)).to_have_text(["Greet", "WhoAmI", "Enter", "Count", "Changed", "Mine"])
    open_tab(page, "Changed")
    run(page)
    expect(answer(page)).to_contain_text("Good morning, Ida!")


def test_a_token_in_the_address_is_used_and_taken_out_of_it(visited: Visit, url: str) -> None:
    """Nothing has to be pasted; nothing of it is sent in an address, stored on disk, or left in the history."""
    page = visited.page
    page.goto(f"{url}?later#token=a-token-of-the-address")
    open_tab(page, "WhoAmI")
    run(page)
    expect(answer(page)).to_contain_text("Bearer a-token-of-the-address")
    assert page.url == f"{url}?later"
    assert "a-token-of-the-address" not in on_disk(page)
    page.evaluate("location.hash = '#token=another-token'")
    expect(page.get_by_label("Access token")).to_have_value("another-token")
    assert page.url == f"{url}?later"


def test_a_token_from_an_answer_gives_way_to_the_one_before(visited: Visit) -> None:
    """So that the examples for the application's key can be run again."""
    page = visited.page
    page.get_by_label("Access token").fill("a-pasted-token")
    page.get_by_label("Access token").press("Enter")
    open_tab(page, "Enter")
    run(page)
    page.get_by_role("button", name="Use the token just received").click()
    expect(page.get_by_label("Access token")).to_have_value("a-token-from-an-answer")
    page.get_by_role("button", name="Use the token before").click()
    expect(page.get_by_label("Access token")).to_have_value("a-pasted-token")


def test_the_words_for_the_client_secret_are_replaced_by_the_token(visited: Visit) -> None:
    """In what is sent only: neither the editor nor the disk has it."""
    page = visited.page
    page.get_by_label("Access token").fill("the-secret")
    page.get_by_label("Access token").press("Enter")
    open_tab(page, "Greet")
    page.get_by_role("region", name="Variables").locator(".CodeMirror:visible").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text('{"name": "x", "clientSecret": "words for it"}')
    settle(page)
    with page.expect_request(
        lambda request: request.method == "POST" and "words" not in (request.post_data or "words")
    ) as sent:
        run(page)
    assert '"clientSecret":"the-secret"' in (sent.value.post_data or "")
    assert "the-secret" not in on_disk(page)
    expect(page.get_by_role("region", name="Variables")).to_contain_text("words for it")


def test_on_a_phone_the_panes_are_one_above_the_other(browser: Browser, url: str) -> None:
    """Each as wide as the screen, and nothing beside it."""
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with visit(browser, url, **phone) as seen:
        page = seen.page
        run(page)
        expect(answer(page)).to_contain_text("Good morning, Ada Lovelace!")
        boxes = [page.locator(name).bounding_box() for name in (".graphiql-editors", ".graphiql-response")]
        editors, response = boxes
        assert editors is not None
        assert response is not None
        assert editors["y"] + editors["height"] <= response["y"]
        assert min(editors["width"], response["width"]) > 340
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_documentation_opens_beside_the_editor(visited: Visit) -> None:
    visited.page.get_by_role("button", name="Show Documentation Explorer").click()
    visited.page.get_by_role("link", name="Query", exact=True).click()
    expect(visited.page.get_by_text("Says hello to somebody.")).to_be_visible()


def test_the_bar_follows_the_theme(visited: Visit) -> None:
    """The theme is set in a dialog, and dialogs add a style element, which the policy must allow."""
    page = visited.page
    before = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    page.get_by_role("button", name="Open settings dialog").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    after = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert (before, after) == ("rgb(255, 255, 255)", "rgb(33, 42, 59)")


def test_an_unreachable_server_is_reported(visited: Visit) -> None:
    visited.page.context.set_offline(True)
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("Is the server still running?")
    visited.errors.clear()  # Chromium's own message about it


def test_without_javascript_the_page_explains_itself(browser: Browser, url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        expect(page.locator("noscript p")).to_contain_text("it needs JavaScript")
        expect(page.get_by_text("Loading")).to_be_hidden()
        expect(page.get_by_label("Access token")).to_be_hidden()
