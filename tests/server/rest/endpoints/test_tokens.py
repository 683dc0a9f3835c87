"""Application calendars and tokens, as every SDK asks for them."""

from core.instants import HOUR
from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import CREDENTIALS, Rest

MAKE = {**CREDENTIALS, "application_calendar_id": "store-42"}


async def test_an_application_calendar_has_tokens_and_a_profile(rest: Rest) -> None:
    made = await rest.ok("POST", "/v1/application_calendars", MAKE)
    assert {name: made[name] for name in ("token_type", "expires_in", "scope", "application_calendar_id")} == {
        "token_type": "bearer",
        "expires_in": HOUR,
        "scope": "read_write",
        "application_calendar_id": "store-42",
    }
    assert made["sub"].startswith("apc_")
    assert made["linking_profile"]["provider_name"] == "cronofy"
    assert made["linking_profile"]["profile_id"].startswith("pro_")
    calendars = await rest.ok("GET", "/v1/calendars", token=made["access_token"])
    assert calendars["sub"] == made["sub"]


async def test_the_authorization_header_is_not_read_where_the_credentials_are_in_the_body(rest: Rest) -> None:
    """Python's client sends `Bearer None` and JavaScript's `Bearer undefined` before they have a token."""
    for bearer in ("None", "undefined", "an-old-token", ""):
        await make_refresh_and_revoke(rest, bearer)


async def make_refresh_and_revoke(rest: Rest, bearer: str) -> None:
    """Everything that has its credentials in the body, with this bearer token."""
    made = await rest.ok("POST", "/v1/application_calendars", MAKE, token=bearer)
    refresh = {**CREDENTIALS, "grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    await rest.ok("POST", "/oauth/token", refresh, token=bearer)
    response = await rest("POST", "/oauth/token/revoke", {**CREDENTIALS, "token": made["access_token"]}, token=bearer)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")


async def test_forms_are_as_good_as_json(rest: Rest) -> None:
    """Ruby's client sends forms."""
    by_json = await rest.ok("POST", "/v1/application_calendars", MAKE)
    by_form = await rest.ok("POST", "/v1/application_calendars", data=MAKE)
    assert by_form["sub"] == by_json["sub"]
    refresh = {**CREDENTIALS, "grant_type": "refresh_token", "refresh_token": by_form["refresh_token"]}
    await rest.ok("POST", "/oauth/token", data=refresh)
    revoke = await rest("POST", "/oauth/token/revoke", data={**CREDENTIALS, "token": by_form["refresh_token"]})
    assert revoke.status_code == 200
    assert (await rest("GET", "/v1/calendars", token=by_json["access_token"])).status_code == 401


async def test_everything_that_is_missing_is_reported_at_once(rest: Rest) -> None:
    required = ["errors.required"]
    assert await rest.keys("POST", "/v1/application_calendars", {"client_id": None}) == {
        "client_id": required,
        "client_secret": required,
        "application_calendar_id": required,
    }
    assert await rest.keys("POST", "/v1/application_calendars", {**MAKE, "application_calendar_id": ""}) == {
        "application_calendar_id": required
    }


async def test_wrong_credentials_are_401_and_at_oauth_paths_invalid_client(rest: Rest, store: Account) -> None:
    wrong = {"client_id": CREDENTIALS["client_id"], "client_secret": "no"}
    response = await rest("POST", "/v1/application_calendars", {**wrong, "application_calendar_id": "x"})
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    refresh = {**wrong, "grant_type": "refresh_token", "refresh_token": store.refresh_token}
    for path, body in (
        ("/oauth/token", refresh),
        ("/oauth/token", {"grant_type": "refresh_token"}),
        ("/oauth/token/revoke", {**wrong, "token": store.token}),
        ("/oauth/token/revoke", {}),
    ):
        response = await rest("POST", path, body)
        assert (response.status_code, response.json()) == (400, {"error": "invalid_client"})


async def test_a_refresh_token_stays_and_gives_a_new_access_token(rest: Rest, store: Account) -> None:
    refresh = {**CREDENTIALS, "grant_type": "refresh_token", "refresh_token": store.refresh_token}
    response = await rest("POST", "/oauth/token", refresh)
    found = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert found["refresh_token"] == store.refresh_token
    assert found["access_token"] != store.token
    assert found["sub"] == store.sub
    await rest.ok("GET", "/v1/calendars", token=found["access_token"])


async def test_other_grants_are_refused_as_oauth_says(rest: Rest) -> None:
    for more, error in (
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": "http://x"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
    ):
        response = await rest("POST", "/oauth/token", {**CREDENTIALS, **more})
        assert (response.status_code, response.json()) == (400, {"error": error}), more


async def test_an_account_is_revoked_by_token_by_refresh_token_and_by_sub(rest: Rest) -> None:
    """JavaScript's client sends its refresh token under that name, and with a sub both of them: the token counts."""
    other = (await rest.ok("POST", "/v1/application_calendars", {**MAKE, "application_calendar_id": "other"}))["sub"]
    for name, more in (("access_token", {}), ("refresh_token", {"sub": other}), ("sub", {})):
        made = await rest.ok("POST", "/v1/application_calendars", MAKE)
        given = {"token" if name == "access_token" else name: made[name]}
        for _ in range(2):  # what is revoked already succeeds as well
            response = await rest("POST", "/oauth/token/revoke", {**CREDENTIALS, **given, **more})
            assert (response.status_code, response.content) == (200, b"")
        assert (await rest("GET", "/v1/userinfo", token=made["access_token"])).status_code == 401
    assert await rest.keys("POST", "/oauth/token/revoke", CREDENTIALS) == {"token": ["errors.required"]}


async def test_an_expired_token_is_401(rest: Rest, store: Account) -> None:
    rest.api.now += HOUR
    response = await rest("GET", "/v1/userinfo", {}, token=store.token)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.json()["error"] == "unauthorized"


ELEMENT = "/v1/element_tokens"


async def test_an_element_token_is_made_with_the_key(rest: Rest, store: Account) -> None:
    """Ruby's client reads the object within; the version that others send says nothing."""
    request = {"version": "1", "permissions": ["agenda", "availability"], "subs": [store.sub]}
    made = await rest.ok("POST", ELEMENT, {**request, "origin": "HTTPS://Example.com:443"}, token=CLIENT_SECRET)
    token = made["element_token"].pop("token")
    expected = {"permissions": ["agenda", "availability"], "origin": "https://example.com", "expires_in": 18 * HOUR}
    assert made == {"element_token": expected}
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://example.com"}
    found = await rest.api.http.post("/graphql", json={"query": "{ calendars { calendarId } }"}, headers=headers)
    assert found.json() == {"data": {"calendars": [{"calendarId": store.calendar_id}]}}
    for other in (store.token, token):
        response = await rest("POST", ELEMENT, {**request, "origin": "https://example.com"}, token=other)
        assert response.status_code in (401, 403)


async def test_every_problem_of_an_element_token_is_reported_at_once(rest: Rest, store: Account) -> None:
    assert await rest.keys("POST", ELEMENT, {}, token=CLIENT_SECRET) == {
        name: ["errors.required"] for name in ("permissions", "subs", "origin")
    }
    wrong = {"permissions": ["agenda", "everything"], "subs": [store.sub] * 2, "origin": "https://example.com/path"}
    assert await rest.keys("POST", ELEMENT, wrong, token=CLIENT_SECRET) == {
        "permissions[1]": ["errors.inclusion"],
        "subs[1]": ["errors.duplicate"],
        "origin": ["errors.invalid"],
    }
    other = await rest.api.application_calendar_of_another_client("other")
    unknown = {"permissions": ["agenda"], "subs": [other.sub, "x"], "origin": "https://example.com"}
    assert await rest.keys("POST", ELEMENT, unknown, token=CLIENT_SECRET) == {
        "subs[0]": ["errors.unknown"],
        "subs[1]": ["errors.unknown"],
    }
