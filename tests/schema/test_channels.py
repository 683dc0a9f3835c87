"""Push channels through GraphQL. What they are notified of is in tests/server/callbacks."""

from typing import Any

from core.instants import format_instant
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.builders import create_account

UPSERT = """
mutation ($input: UpsertChannelInput!) {
  upsertChannel(input: $input) { channel { channelId callbackUrl calendarIds status problem created } }
}
"""
LIST = "{ channels { channelId callbackUrl calendarIds status problem created } }"
CLOSE = "mutation ($input: CloseChannelInput!) { closeChannel(input: $input) { closed } }"
URL = "https://app.example.com/changes?key=1"


async def upsert(api: Api, whose: Account, **more: Any) -> dict[str, Any]:
    return (await api.data(UPSERT, whose.token, input={"callbackUrl": URL, **more}))["upsertChannel"]["channel"]


async def problems(api: Api, whose: Account, **more: Any) -> dict[str, list[str]]:
    """The keys of what is wrong, by path."""
    refused = await api.refusal(UPSERT, whose.token, input={"callbackUrl": URL, **more})
    assert refused["code"] == "UNPROCESSABLE"
    return {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()}


async def test_a_channel_is_made_once_listed_and_closed(api: Api) -> None:
    """The same URL and calendars are the same channel, whatever their order."""
    ada = await create_account(api, "ada")
    made = 'mutation { createCalendar(input: {name: "Other"}) { calendar { calendarId } } }'
    other = (await api.data(made, ada.token))["createCalendar"]["calendar"]["calendarId"]
    channel = await upsert(api, ada)
    assert channel["channelId"].startswith("chn_")
    assert channel == {
        "channelId": channel["channelId"],
        "callbackUrl": URL,
        "calendarIds": None,
        "status": "OPEN",
        "problem": None,
        "created": format_instant(NOW),
    }
    both = await upsert(api, ada, calendarIds=[other, ada.calendar_id])
    assert both["calendarIds"] == sorted([other, ada.calendar_id])
    assert await upsert(api, ada, calendarIds=[ada.calendar_id, other]) == both
    assert await upsert(api, ada, calendarIds=None) == channel
    assert (await api.data(LIST, ada.token))["channels"] == [channel, both]
    given = {"channelId": channel["channelId"]}
    assert (await api.data(CLOSE, ada.token, input=given))["closeChannel"] == {"closed": True}
    assert (await api.data(CLOSE, ada.token, input=given))["closeChannel"] == {"closed": False}
    assert (await api.data(LIST, ada.token))["channels"] == [both]


async def test_channels_of_others_are_unknown(api: Api) -> None:
    """They are not listed, and cannot be closed."""
    ada, ben = await create_account(api, "ada"), await create_account(api, "ben")
    channel = await upsert(api, ada)
    assert (await api.data(LIST, ben.token))["channels"] == []
    for channel_id in (channel["channelId"], "", "\0", "x" * 5000):
        closed = await api.data(CLOSE, ben.token, input={"channelId": channel_id})
        assert closed["closeChannel"] == {"closed": False}
    assert await problems(api, ben, calendarIds=[ada.calendar_id]) == {"calendarIds[0]": ["errors.unknown"]}
    assert len((await api.data(LIST, ada.token))["channels"]) == 1


async def test_every_problem_of_a_channel(api: Api) -> None:
    ada = await create_account(api, "ada")
    for url, key in (
        *(("", "required"), ("x", "invalid"), ("ftp://example.com", "invalid"), ("https://", "invalid")),
        *(
            ("https://user:secret@example.com/", "invalid"),
            ("http://127.0.0.1/", "invalid"),
            ("http://[::1]", "invalid"),
        ),
        *((f"https://example.com/{'x' * 2048}", "too_long"), ("https://example.com/\0", "invalid")),
    ):
        assert f"errors.{key}" in (await problems(api, ada, callbackUrl=url))["callbackUrl"], url
    assert await problems(api, ada, calendarIds=[]) == {"calendarIds": ["errors.too_few"]}
    assert (await problems(api, ada, calendarIds=["x"] * 21))["calendarIds"] == ["errors.too_many"]
    assert await problems(api, ada, calendarIds=[ada.calendar_id] * 2, callbackUrl="x") == {
        "callbackUrl": ["errors.invalid"],
        "calendarIds[1]": ["errors.duplicate"],
    }


async def test_an_account_has_at_most_twenty(api: Api) -> None:
    """Those that are there are still found."""
    ada = await create_account(api, "ada")
    for number in range(20):
        await upsert(api, ada, callbackUrl=f"{URL}{number}")
    assert await problems(api, ada) == {"callbackUrl": ["errors.too_many"]}
    assert len((await api.data(LIST, ada.token))["channels"]) == 20
    await upsert(api, ada, callbackUrl=f"{URL}7")
