"""GraphiQL in a real browser: what a first-time user does with it, and what it must not do behind her back.

The server is a small one of its own, so that a failure here is the page's.
"""

import asyncio
import queue
import time
from collections.abc import AsyncGenerator, Generator

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

browser = chromium.browser  # a fixture is found in the module that asks for it

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

#: the counts that are to be pushed, as fast as a test says, and how many are listening
pushed: "queue.Queue[int | None]" = queue.Queue()
listening: set[object] = set()


async def counts(authorization: str | None) -> AsyncGenerator[bytes]:
    """Events as Openings sends them, one in two pieces, with comments in between."""
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
    """As little of a GraphQL endpoint as GraphiQL can be shown with. The context is the Authorization header."""
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
    """Where the page is."""
    assets = assets_route()
    require_tool(assets, f"no GraphiQL in {NODE_MODULES.name}: install Node.js with npm, then run make install")
    assert assets is not None
    with serve_in_thread(Starlette(routes=[Route("/graphql", graphql, methods=["GET", "POST"]), assets])) as origin:
        yield f"{origin}/graphql"


@pytest.fixture
def visited(browser: Browser, url: str) -> Generator[Visit]:
    """The page, opened for the first time. Whatever a test does on it, nobody else is asked and nothing complains."""
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
    """GraphiQL takes note of what was typed, and writes it down, up to half a second after the fact."""
    page.wait_for_timeout(700)


def on_disk(page: Page) -> str:
    """All that the page will still know when the browser was closed."""
    settle(page)
    return page.evaluate("JSON.stringify(localStorage)")


def test_the_first_example_runs_as_it_stands(visited: Visit) -> None:
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("Good morning, Ada Lovelace!")


def test_control_enter_runs_it_too(visited: Visit) -> None:
    visited.page.get_by_role("region", name="Query Editor").locator(".CodeMirror").click()
    visited.page.keyboard.press("Control+Enter")
    expect(answer(visited.page)).to_contain_text("Good morning, Ada Lovelace!")


def test_every_example_has_a_tab_under_its_own_name(visited: Visit) -> None:
    expect(tabs(visited.page)).to_have_text(["Greet", "WhoAmI", "Enter", "Count"])


def test_a_pasted_token_goes_with_every_request_and_nowhere_else(visited: Visit) -> None:
    """As it was copied from a terminal: with the word before it, or with a space behind."""
    page = visited.page
    page.get_by_label("Access token").fill(" Bearer a-pasted-token ")
    page.get_by_label("Access token").press("Enter")
    open_tab(page, "WhoAmI")
    run(page)
    expect(answer(page)).to_contain_text("Bearer a-pasted-token")
    assert "token" not in page.url
    assert "a-pasted-token" not in on_disk(page)


def test_a_token_outlives_a_reload_until_it_is_to_be_forgotten(visited: Visit) -> None:
    page = visited.page
    page.get_by_label("Access token").fill("a-pasted-token")
    page.get_by_label("Access token").press("Enter")
    page.reload()
    expect(page.get_by_label("Access token")).to_have_value("a-pasted-token")
    page.get_by_role("button", name="Forget").click()
    page.reload()
    expect(page.get_by_label("Access token")).to_have_value("")


def test_an_answer_that_wants_a_token_points_to_its_field(visited: Visit) -> None:
    open_tab(visited.page, "WhoAmI")
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("UNAUTHENTICATED")
    expect(visited.page.locator("#access")).to_have_class("wanted")


def test_a_token_in_an_answer_is_one_click_from_being_used(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "Enter")
    run(page)
    page.get_by_role("button", name="Use the token just received").click()
    open_tab(page, "WhoAmI")
    run(page)
    expect(answer(page)).to_contain_text("Bearer a-token-from-an-answer")


def test_a_header_of_the_tab_goes_before_the_token_and_is_not_kept(visited: Visit) -> None:
    """GraphiQL's history would keep it, though it is told not to keep headers."""
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


def test_a_secret_among_the_variables_is_not_kept(visited: Visit) -> None:
    """The tab is, so that it is there after a reload; the secret has to be pasted again. And it makes a token needless."""
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
    """With the token; and when it is stopped, the server knows."""
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
    until = time.monotonic() + 20
    while listening and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert not listening


def test_a_subscription_that_is_over_can_be_asked_anew(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "Count")
    for number in (4, 5):
        run(page)
        pushed.put(number)
        expect(answer(page)).to_contain_text(f'"count": {number}')
        pushed.put(None)
        expect(page.get_by_role("button", name="Execute query")).to_be_visible()


def test_tabs_are_as_they_were_left(visited: Visit) -> None:
    page = visited.page
    open_tab(page, "WhoAmI")
    assert "whoAmI" in on_disk(page)
    page.reload()
    expect(tabs(page)).to_have_text(["Greet", "WhoAmI", "Enter", "Count"])
    expect(page.get_by_role("tab", selected=True)).to_contain_text("WhoAmI")
    open_tab(page, "Greet")
    run(page)
    expect(answer(page)).to_contain_text("Good morning, Ada Lovelace!")


def test_new_examples_take_the_place_of_old_ones(visited: Visit, url: str) -> None:
    """Demo data have new ids and dates; yesterday's tabs would only answer with errors."""
    page = visited.page
    assert "Ada Lovelace" in on_disk(page)
    page.goto(f"{url}?later")
    expect(tabs(page)).to_have_text(["GreetLater", "Greet", "WhoAmI", "Enter", "Count"])
    run(page)
    expect(answer(page)).to_contain_text("Good morning, Grace Hopper!")


def test_the_documentation_is_beside_the_editor(visited: Visit) -> None:
    visited.page.get_by_role("button", name="Show Documentation Explorer").click()
    visited.page.get_by_role("link", name="Query", exact=True).click()
    expect(visited.page.get_by_text("Says hello to somebody.")).to_be_visible()


def test_the_bar_follows_the_theme(visited: Visit) -> None:
    """The settings are a dialog, and dialogs add a style element, which the policy must let them."""
    page = visited.page
    before = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    page.get_by_role("button", name="Open settings dialog").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    after = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert (before, after) == ("rgb(255, 255, 255)", "rgb(33, 42, 59)")


def test_a_server_that_is_gone_is_said_to_be_gone(visited: Visit) -> None:
    visited.page.context.set_offline(True)
    run(visited.page)
    expect(answer(visited.page)).to_contain_text("Is the server still running?")
    visited.errors.clear()  # the browser's own line about it


def test_without_javascript_the_page_says_what_it_is(browser: Browser, url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        expect(page.locator("noscript p")).to_contain_text("it needs JavaScript")
        expect(page.get_by_text("Loading")).to_be_hidden()
        expect(page.get_by_label("Access token")).to_be_hidden()
