"""Push channels over REST. What they are notified of is in tests/server/callbacks."""

from core.instants import format_instant
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import Rest

URL = "https://app.example.com/changes"


async def test_a_channel_is_made_listed_and_closed(rest: Rest, store: Account) -> None:
    found = (await rest.ok("POST", "/v1/channels", {"callback_url": URL}, token=store.token))["channel"]
    assert found == {
        "channel_id": found["channel_id"],
        "callback_url": URL,
        "filters": {},
        "status": "open",
        "problem": None,
        "created": format_instant(NOW),
    }
    filters = {"calendar_ids": [store.calendar_id], "only_managed": True}
    some = await rest.ok("POST", "/v1/channels", {"callback_url": URL, "filters": filters}, token=store.token)
    assert some["channel"]["filters"] == {"calendar_ids": [store.calendar_id]}
    for more in ({}, {"filters": {}}, {"filters": {"calendar_ids": []}}, {"filters": None}):
        again = await rest.ok("POST", "/v1/channels", {"callback_url": URL, **more}, token=store.token)
        assert again["channel"] == found
    listed = await rest.ok("GET", "/v1/channels", token=store.token)
    assert listed == {"channels": [found, some["channel"]]}
    for _ in range(2):
        await rest.accepted("DELETE", f"/v1/channels/{found['channel_id']}", token=store.token)
    assert await rest.ok("GET", "/v1/channels", token=store.token) == {"channels": [some["channel"]]}


async def test_every_problem_of_a_channel(rest: Rest, store: Account) -> None:
    async def keys(body: object) -> dict[str, list[str]]:
        return await rest.keys("POST", "/v1/channels", body, token=store.token)

    assert await keys({}) == {"callback_url": ["errors.required"]}
    assert await keys({"callback_url": "http://10.0.0.1/", "filters": 7}) == {
        "callback_url": ["errors.invalid"],
        "filters": ["errors.invalid"],
    }
    assert await keys({"callback_url": URL, "filters": {"calendar_ids": ["cal_x_y"]}}) == {
        "filters.calendar_ids[0]": ["errors.unknown"]
    }
    assert await keys({"filters": {"calendar_ids": ["x", "x"]}}) == {
        "callback_url": ["errors.required"],
        "filters.calendar_ids[1]": ["errors.duplicate"],
    }


async def test_channels_are_for_the_token_of_an_account(rest: Rest, store: Account) -> None:
    for token, status in ((None, 401), (CLIENT_SECRET, 403), (await rest.api.element_token(store), 401)):
        for method, path in (("GET", "/v1/channels"), ("POST", "/v1/channels"), ("DELETE", "/v1/channels/chn_x")):
            body = {"callback_url": URL} if method == "POST" else None
            assert (await rest(method, path, body, token=token)).status_code == status
