"""Links with which a visitor books one slot."""

from typing import Any

from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import CREDENTIALS, Rest, availability

PATH = "/v1/real_time_scheduling"


def link(store: Account, **more: Any) -> dict[str, Any]:
    """A request as Python's client sends it: with fields that are empty."""
    return {
        "event": {"event_id": "visit", "summary": "A visit", "tzid": "Europe/London"},
        "availability": availability(store.sub, start_interval=None, buffer={}),
        "target_calendars": [],
        "oauth": {"redirect_uri": "https://example.com"},
        **more,
    }


async def test_a_link_is_made_with_the_key_or_with_credentials_in_the_body(rest: Rest, store: Account) -> None:
    """Python and JavaScript send the key, Ruby the body alone, PHP an account's token too."""
    for token, more in ((CLIENT_SECRET, {}), (None, CREDENTIALS), (store.token, CREDENTIALS)):
        made = await rest.ok("POST", PATH, link(store, **more), token=token)
        found = made["real_time_scheduling"]
        assert made["url"] == found["url"]
        assert found["url"].startswith("http://127.0.0.1:8000/book/")
        assert found["status"] == "open"
        assert found["event"] == {"event_id": "visit", "summary": "A visit", "tzid": "Europe/London"}
        by_id = await rest.ok("GET", f"{PATH}/{found['real_time_scheduling_id']}", {}, token=CLIENT_SECRET)
        by_token = await rest.ok("GET", f"{PATH}?token={found['url'].rpartition('/')[2]}", token=CLIENT_SECRET)
        assert by_id == by_token == {"real_time_scheduling": found}


async def test_a_link_is_disabled(rest: Rest, store: Account) -> None:
    made = (await rest.ok("POST", PATH, link(store), token=CLIENT_SECRET))["real_time_scheduling"]
    path = f"{PATH}/{made['real_time_scheduling_id']}/disable"
    assert await rest.keys("POST", path, {}, token=CLIENT_SECRET) == {"display_message": ["errors.required"]}
    found = await rest.ok("POST", path, {"display_message": "Please call us."}, token=CLIENT_SECRET)
    assert found == {"real_time_scheduling": {**made, "status": "disabled", "display_message": "Please call us."}}


async def test_all_fields_of_a_link(rest: Rest, store: Account) -> None:
    body = link(
        store,
        event={"event_id": 5, "summary": "A visit", "description": "Ring twice", "location": {"description": "Door"}},
        tzid="Asia/Tokyo",
        minimum_notice={"hours": 2},
        target_calendars=[{"sub": store.sub, "calendar_id": store.calendar_id}],
        callback_url="https://example.com/done",
        callback_urls={"no_times_suitable_url": "https://example.com/none", "no_times_displayed_url": None},
        redirect_urls={"completed_url": "https://example.com/thanks"},
        event_creation="single",
        formatting={"hour_format": "H"},
        selection_mode="no_confirm",
    )
    made = (await rest.ok("POST", PATH, body, token=CLIENT_SECRET))["real_time_scheduling"]
    assert made["event"] == {"event_id": "5", "summary": "A visit", "tzid": "Asia/Tokyo", "description": "Ring twice"}
    [(request,)] = await rest.api.rows("SELECT request FROM real_time_schedulings")
    for words in ("https://example.com/done", "https://example.com/none", "https://example.com/thanks", "single"):
        assert words in str(request)


async def test_every_problem_is_reported_at_once(rest: Rest, store: Account) -> None:
    required = ["errors.required"]
    assert await rest.keys("POST", PATH, {}, token=CLIENT_SECRET) == {"event": required, "availability": required}
    wrong = {
        "event": {"summary": "x" * 2000},
        "availability": {"participants": [{"members": [{}]}], "required_duration": {"minutes": 0}},
        "target_calendars": [{"sub": "x", "attendee": {"email": "x"}}],
        "callback_urls": {"completed_url": "nowhere"},
        "formatting": {"hour_format": "x"},
        "event_creation": "twice",
    }
    assert await rest.keys("POST", PATH, wrong, token=CLIENT_SECRET) == {
        "event.event_id": required,
        "event.summary": ["errors.too_long"],
        "availability.participants[0].members[0].sub": required,
        "availability.required_duration": ["errors.too_short"],
        "availability.query_periods": required,
        "target_calendars[0].calendar_id": required,
        "target_calendars[0].attendee": ["errors.unsupported"],
        "target_calendars[0].sub": ["errors.unknown"],
        "callback_urls.completed_url": ["errors.invalid"],
        "formatting.hour_format": ["errors.inclusion"],
        "event_creation": ["errors.inclusion"],
    }


async def test_others_may_not(rest: Rest, store: Account) -> None:
    assert (await rest("POST", PATH, link(store), token=store.token)).status_code == 403
    wrong = {"client_id": CREDENTIALS["client_id"], "client_secret": "no"}
    assert (await rest("POST", PATH, link(store, **wrong), token=CLIENT_SECRET)).status_code == 401
    other_id = {**CREDENTIALS, "client_id": "another"}
    assert (await rest("POST", PATH, link(store, **other_id))).status_code == 401
    assert (await rest("GET", f"{PATH}/sch_unknown", token=CLIENT_SECRET)).status_code == 404
