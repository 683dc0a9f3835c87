"""Element tokens in the address, as UI Elements send them: who may ask, what for, and which pages read the responses."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, PAGE, Account, Api
from tests.support.rest import CREDENTIALS, Rest, availability
from tests.support.server_process import raw, running_server

EVIL = "https://evil.example"
ELEMENT = {"Cronofy-Element": "v1.67.7, agenda"}
LIST = {"tzid": "Etc/UTC", "include_managed": "true", "include_userinfo": "true"}
RULE = {
    "availability_rule_id": "default",
    "tzid": "Etc/UTC",
    "weekly_periods": [{"day": "monday", "start_time": "09:00", "end_time": "17:00"}],
}


async def by_element(
    rest: Rest, method: str, path: str, token: str, body: Any = None, *, origin: str | None = PAGE, **more: Any
) -> httpx2.Response:
    """Sends a request as a UI Element on a page of this origin does; `headers` replace the Element's own."""
    headers = more.pop("headers", ELEMENT) | ({"Origin": origin} if origin is not None else {})
    return await rest(method, path, body, headers=headers, params={"et": token, **more.pop("params", {})}, **more)


def readable(response: httpx2.Response) -> str | None:
    """The origin whose pages may read the response."""
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["vary"] == "Origin"
    return response.headers.get("access-control-allow-origin")


#: for each permission, requests that it opens: method, path, body, parameters
OPENED: dict[str, list[tuple[str, str, Any, dict[str, str]]]] = {
    "AGENDA": [
        ("GET", "/v1/events", None, LIST),
        ("GET", "/v1/free_busy", None, LIST),
        ("GET", "/v1/calendars", None, {}),
    ],
    "AVAILABILITY": [("POST", "/v1/availability", "query", {}), ("POST", "/v1/sequenced_availability", "sequence", {})],
    "MANAGED_AVAILABILITY": [
        ("POST", "/v1/availability_rules", RULE, {}),
        ("GET", "/v1/availability_rules/default", None, {}),
        ("GET", "/v1/availability_rules", None, {}),
        ("GET", "/v1/userinfo", None, {}),
    ],
    "ACCOUNT_MANAGEMENT": [("GET", "/v1/userinfo", None, {})],
}

#: requests that no permission opens
CLOSED: list[tuple[str, str, Any]] = [
    (
        "POST",
        "/v1/calendars/{calendar_id}/events",
        {"event_id": "1", "summary": "s", "start": "2027-01-04", "end": "2027-01-05"},
    ),
    ("DELETE", "/v1/events", {"delete_all": True}),
    ("POST", "/v1/element_tokens", {"permissions": ["agenda"], "subs": ["x"], "origin": PAGE}),
    ("GET", "/v1/real_time_scheduling/sch_64b17d868090ea21640c914c", None),
    ("POST", "/v1/profiles/pro_x/revoke", None),
]


def body_of(kind: Any, sub: str) -> Any:
    """The body of a request in the table."""
    query = availability(sub)
    if kind == "query":
        return query
    if kind != "sequence":
        return kind
    step = {"sequence_id": "a", "participants": query["participants"], "required_duration": {"minutes": 60}}
    return {"query_periods": query["query_periods"], "sequence": [step]}


@pytest.mark.parametrize("permission", OPENED)
async def test_a_permission_opens_its_requests_and_no_others(rest: Rest, store: Account, permission: str) -> None:
    token = await rest.api.element_token(store, permissions=[permission])
    opened = OPENED[permission]
    for name, requests in OPENED.items():
        for method, path, kind, parameters in requests:
            response = await by_element(rest, method, path, token, body_of(kind, store.sub), params=parameters)
            is_open = (method, path) in [(each[0], each[1]) for each in opened]
            if not is_open and path == "/v1/calendars":  # all but one permission list them
                is_open = permission != "AVAILABILITY"
            assert response.status_code == (200 if is_open else 403), (name, path, response.text)
            assert readable(response) == PAGE


async def test_no_permission_opens_the_rest(rest: Rest, store: Account) -> None:
    token = await rest.api.element_token(store)
    for method, path, body in CLOSED:
        response = await by_element(rest, method, path.format(calendar_id=store.calendar_id), token, body)
        assert (response.status_code, readable(response)) == (403, PAGE), path


async def test_the_agenda_has_what_it_needs_and_no_more(rest: Rest, store: Account) -> None:
    """Calendars by profile beside the events, without the application's own id. All events on one page."""
    token = await rest.api.element_token(store, permissions=["AGENDA"])
    for number in range(101):
        await rest.upsert_event(store, str(number), "2027-01-04T09:00:00Z", "2027-01-04T10:00:00Z")
    found = (await by_element(rest, "GET", "/v1/events", token, params=LIST)).json()
    assert len(found["events"]) == 101
    assert found["pages"] == {"current": 1, "total": 1}
    assert found["userinfo"].keys() == {"sub", "cronofy.type", "cronofy.data"}
    data = found["userinfo"]["cronofy.data"]
    assert data.keys() == {"authorization", "profiles"}
    assert [each["calendar_id"] for each in data["profiles"][0]["profile_calendars"]] == [store.calendar_id]


async def test_a_next_page_is_read_with_the_token_in_its_address(database_url: str) -> None:
    """Which is appended to it. Its preflight has the token as well."""
    async with Api.open(database_url, NOW) as api:
        api.gate.limits = replace(api.gate.limits, max_page=2)
        rest, store = Rest(api), await api.application_calendar("store-42")
        token = await api.element_token(store, permissions=["AGENDA"])
        for number in range(3):
            await rest.upsert_event(store, str(number), "2027-01-04T09:00:00Z", "2027-01-04T10:00:00Z")
        first = (await by_element(rest, "GET", "/v1/events", token, params=LIST)).json()
        address = first["pages"]["next_page"]
        path = address.removeprefix("http://127.0.0.1:8000")
        assert token not in address
        preflight = await by_element(rest, "OPTIONS", path, token, headers={"Access-Control-Request-Method": "GET"})
        assert (preflight.status_code, readable(preflight)) == (204, PAGE)
        second = await by_element(rest, "GET", path, token)
        found = [*first["events"], *second.json()["events"]]
        assert sorted(each["event_id"] for each in found) == ["0", "1", "2"]


async def test_only_the_accounts_of_the_token_can_be_asked_about(rest: Rest, people: list[Account]) -> None:
    """The others are as unknown. A stored answer does not change that."""
    ada, ben, _ = people
    token = await rest.api.element_token(ada, permissions=["AVAILABILITY"])
    both = availability(ada.sub, ben.sub)
    await rest.ok("POST", "/v1/availability", both, token=ada.token)
    response = await by_element(rest, "POST", "/v1/availability", token, both)
    assert (response.status_code, readable(response)) == (422, PAGE)
    assert list(response.json()["errors"]) == ["participants[0].members[1].sub"]


async def test_users_show_their_email_to_account_management_alone(rest: Rest) -> None:
    given = {**rest.api.credentials, "kind": "USER", "accountId": "ada", "name": "Ada", "email": "ada@example.com"}
    query = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken } }"
    made = (await rest.api.data(query, input=given))["account"]
    ada = Account(made["sub"], made["accessToken"], "", "")
    for permission, email in (("ACCOUNT_MANAGEMENT", "ada@example.com"), ("MANAGED_AVAILABILITY", None)):
        token = await rest.api.element_token(ada, permissions=[permission])
        for path, name in (("/v1/userinfo", None), ("/v1/account", "account")):
            found = (await by_element(rest, "GET", path, token)).json()
            assert (found[name] if name is not None else found)["email"] == email


class TestTokens:
    """Which tokens are valid, and from where."""

    async def test_an_element_must_say_that_it_is_one(self, rest: Rest, store: Account) -> None:
        token = await rest.api.element_token(store)
        response = await by_element(rest, "GET", "/v1/userinfo", token, headers={})
        assert (response.status_code, readable(response)) == (401, PAGE)
        assert "Cronofy-Element" in response.json()["message"]

    async def test_other_tokens_are_worth_nothing_in_the_address(self, rest: Rest, store: Account) -> None:
        for token in (store.token, store.refresh_token, CREDENTIALS["client_secret"], "", "x" * 3000, "elt_", "\0"):
            response = await by_element(rest, "GET", "/v1/userinfo", token)
            assert (response.status_code, readable(response)) == (401, None)

    async def test_an_authorization_header_takes_precedence(self, rest: Rest, store: Account) -> None:
        """Clients whose own parameters are called so are not refused."""
        for other in ("unknown", await rest.api.element_token(store)):
            response = await rest("GET", "/v1/userinfo", token=store.token, params={"et": other})
            assert response.status_code == 200

    async def test_it_works_from_its_origin_only(self, rest: Rest, store: Account) -> None:
        token = await rest.api.element_token(store)
        for origin in (EVIL, "null", f"{PAGE}/", f"{PAGE}, {PAGE}", "", None):
            response = await by_element(rest, "GET", "/v1/userinfo", token, origin=origin)
            assert (response.status_code, readable(response)) == (401, None), origin

    async def test_a_page_of_this_server_sends_no_origin_with_a_get(self, database_url: str) -> None:
        """The browser says that it is of the same origin; which one that is, only the server's own settings say."""
        own = "https://scheduling.example.com"
        async with Api.open(database_url, NOW, public_url=own) as api:
            rest, store = Rest(api), await api.application_calendar("store-42")
            token, other = await api.element_token(store, origin=own), await api.element_token(store)
            for each, site, status in (
                (token, "same-origin", 200),
                (token, "cross-site", 401),
                (token, "none", 401),
                (other, "same-origin", 401),
            ):
                headers = {**ELEMENT, "Sec-Fetch-Site": site, "Host": "app.example.com"}
                response = await by_element(rest, "GET", "/v1/userinfo", each, origin=None, headers=headers)
                assert (response.status_code, readable(response)) == (status, None)
            response = await by_element(rest, "POST", "/v1/availability", token, availability(store.sub), origin=own)
            assert response.status_code == 200

    async def test_a_token_that_ended_is_refused_readably(self, rest: Rest, store: Account) -> None:
        """Expired, revoked, or its account revoked: the same words, which the page can read."""
        expired, revoked, orphaned = [await rest.api.element_token(store) for _ in range(3)]
        await rest("POST", "/oauth/token/revoke", {**CREDENTIALS, "token": revoked})
        await rest("POST", "/oauth/token/revoke", {**CREDENTIALS, "sub": store.sub})
        rest.api.now += 18 * 3600
        for token in (expired, revoked, orphaned):
            response = await by_element(rest, "GET", "/v1/userinfo", token)
            assert (response.status_code, readable(response)) == (401, PAGE)


class TestPreflight:
    """OPTIONS with the token in the address."""

    async def test_the_page_of_the_token_may_ask(self, rest: Rest, store: Account) -> None:
        token = await rest.api.element_token(store)
        for path in ("/v1/availability", "/v1/events/pages/x", "/v1/nothing"):
            response = await by_element(rest, "OPTIONS", path, token, headers={"Access-Control-Request-Method": "POST"})
            assert (response.status_code, response.content, readable(response)) == (204, b"", PAGE)
            assert response.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
            assert response.headers["access-control-allow-headers"] == "cronofy-element, content-type"
            assert response.headers["access-control-max-age"] == "600"

    async def test_no_other_page_may(self, rest: Rest, store: Account) -> None:
        token = await rest.api.element_token(store)
        for origin, sent in ((EVIL, token), (None, token), (PAGE, f"{token[:-1]}x"), (PAGE, ""), (PAGE, store.token)):
            response = await by_element(rest, "OPTIONS", "/v1/availability", sent, origin=origin)
            assert (response.status_code, readable(response)) == (405, None)
        response = await rest("OPTIONS", "/v1/availability", headers={"Origin": PAGE})
        assert response.status_code == 405
        assert "access-control-allow-origin" not in response.headers

    async def test_a_setting_that_allows_origins_is_for_graphql(self, database_url: str) -> None:
        """Access tokens of this API belong into no page."""
        async with Api.open(database_url, NOW, origins="*") as api:
            store = await api.application_calendar("store-42")
            response = await Rest(api)("GET", "/v1/userinfo", token=store.token, headers={"Origin": EVIL})
            assert response.status_code == 200
            assert "access-control-allow-origin" not in response.headers


async def test_whatever_is_answered_is_readable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elements take a response that they cannot read for a wrong token, whatever was wrong."""
    async with Api.open(database_url, NOW, max_body=2_000, rate_limit="7/h") as api:
        rest = Rest(api)
        token = await api.element_token(await api.application_calendar("store-42"))

        async def status(method: str, path: str, body: Any = None, **more: Any) -> int:
            response = await by_element(rest, method, path, token, body, **more)
            assert readable(response) == PAGE
            return response.status_code

        assert await status("GET", "/v1/nothing") == 404
        assert await status("GET", "/v1/smart_invites") == 501
        assert await status("PATCH", "/v1/events") == 405
        assert await status("POST", "/v1/availability", {"x": "x" * 3_000}) == 413
        assert await status("POST", "/v1/availability", {}) == 422
        assert await status("GET", "/v1/availability_rules/default") == 404

        def fail(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr("server.rest.endpoints.accounts.user_info", fail)
        assert await status("GET", "/v1/userinfo") == 500
        statuses = [await status("GET", "/v1/availability_rules/default") for _ in range(8)]
        assert statuses[-1] == 429


async def test_no_log_has_the_token(tmp_path: Path, sqlite_template: Path) -> None:
    """Whether the request is answered, refused, or too large or broken for the application to be asked at all."""
    path = shutil.copy(sqlite_template, tmp_path / "openings.db")
    async with running_server(tmp_path / "said", f"sqlite:///{path}") as server:
        made = await server.http.post("/v1/application_calendars", json={**CREDENTIALS, "application_calendar_id": "a"})
        asked = {"permissions": ["agenda"], "subs": [made.json()["sub"]], "origin": PAGE}
        key = {"Authorization": f"Bearer {CLIENT_SECRET}"}
        element_token = (await server.http.post("/v1/element_tokens", json=asked, headers=key)).json()["element_token"]
        token, secret = element_token["token"], made.json()["access_token"]
        for path in ("events?tzid=Etc/UTC&", "events?", "userinfo?", "nothing?", "availability_rules/a%20b?"):
            for et in (token, f"{token[:-1]}x", secret):
                for method in ("GET", "POST", "OPTIONS"):
                    headers = {**ELEMENT, "Origin": PAGE}
                    await server.http.request(method, f"/v1/{path}et={et}", headers=headers)
        many = "".join(f"X-{n}: 1\r\n" for n in range(101))
        for rest, status in ((many, 431), ("X-1: 1\r\nno header\r\n", 400), ("Content-Length: x\r\n", 400)):
            head = f"GET /v1/events?et={token} HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\n{rest}\r\n"
            response = await raw(server.url, head)
            assert response.startswith(f"HTTP/1.1 {status} ")
            assert f"access-control-allow-origin: {PAGE}\r\n" in response
        log = "\n".join(server.log_lines)
    requests = [line for line in log.splitlines() if "openings.access" in line and "/v1/events" in line]
    assert len(requests) == 18
    for hidden in (token, token.rpartition(".")[0], secret, "et="):
        assert hidden not in log
