"""Push channels: who changed what, and what is sent then, to an application on this machine."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from core.instants import DAY, HOUR, parse_instant
from resolvers import channels
from server.callbacks.channels import ChannelWatch
from tests.clients.called_back import is_from_openings
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, booking_input, create_account
from tests.support.callback_delivery import DeliveryProcess, running_deliveries
from tests.support.callback_receiver import CallbackReceiver, running_receiver
from tests.support.graphql_queries import REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.rest import Rest

UPSERT = """
mutation ($input: UpsertChannelInput!) {
  upsertChannel(input: $input) { channel { channelId callbackUrl calendarIds status problem created } }
}
"""
LIST = "{ channels { channelId status problem } }"
NINE, TEN, ELEVEN = (f"2027-01-04T{hour:02}:00:00Z" for hour in (9, 10, 11))
EVENT = {"eventId": "1", "summary": "Busy", "start": NINE, "end": TEN}


@pytest.fixture
async def receiver() -> AsyncGenerator[CallbackReceiver]:
    """The application that is notified."""
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def local_api(database_url: str) -> AsyncGenerator[Api]:
    """An application that may call addresses of this machine."""
    async with Api.open(database_url, NOW, private_callbacks=True) as api:
        yield api


async def open_channel(api: Api, whose: Account, url: str, **more: Any) -> dict[str, Any]:
    """Creates a channel, or finds the account's one."""
    return (await api.data(UPSERT, whose.token, input={"callbackUrl": url, **more}))["upsertChannel"]["channel"]


async def upsert_event(api: Api, whose: Account, **more: Any) -> None:
    await api.data(UPSERT_EVENT, whose.token, input={"calendarId": whose.calendar_id, "event": {**EVENT, **more}})


@asynccontextmanager
async def verified(api: Api, whose: Account, receiver: CallbackReceiver) -> AsyncGenerator[DeliveryProcess]:
    """Runs the delivery with a channel of the account, whose verification has arrived."""
    await open_channel(api, whose, receiver.url)
    async with running_deliveries(api.db) as process:
        assert (await receiver.next_request()).payload["notification"] == {"type": "verification"}
        await process.wait_for_rows()
        yield process


async def test_a_new_channel_is_verified_and_then_told_of_changes(local_api: Api, receiver: CallbackReceiver) -> None:
    """Signed as every callback; `changes_since` is a little before the last time at which nothing had changed."""
    ada = await local_api.application_calendar("ada")
    channel = await open_channel(local_api, ada, f"{receiver.url}/changes?key=1")
    described = {"channel_id": channel["channelId"], "callback_url": channel["callbackUrl"], "filters": {}}
    async with running_deliveries(local_api.db) as process:
        request = await receiver.next_request()
        assert request.payload == {"notification": {"type": "verification"}, "channel": described}
        await process.wait_for_rows()
        assert await channels.notify_changed(local_api.db, NOW + 5) == 0
        await upsert_event(local_api, ada)
        process.advance_clock(HOUR)
        assert await channels.notify_changed(local_api.db, process.now) == 1
        request = await receiver.next_request()
        await process.wait_for_rows()
        await upsert_event(local_api, ada, end=ELEVEN)
        process.advance_clock(HOUR)
        assert await channels.notify_changed(local_api.db, process.now) == 1
        later = await receiver.next_request()
    assert request.request_line == "POST /changes?key=1 HTTP/1.1"
    assert is_from_openings(request.body, request.headers["cronofy-hmac-sha256"], CLIENT_SECRET)
    change = {"type": "change", "changes_since": "2026-12-31T23:58:00Z"}
    assert request.payload == {"notification": change, "channel": described}
    assert later.payload["notification"]["changes_since"] == "2027-01-01T00:58:00Z"
    assert len(receiver.requests) == 3


async def test_many_changes_are_one_notification_and_one_is_under_way_at_a_time(
    local_api: Api, receiver: CallbackReceiver
) -> None:
    """What changes while one is under way is the next one, whatever the number of processes that look."""
    ada = await local_api.application_calendar("ada")
    async with verified(local_api, ada, receiver) as process:
        for number in range(5):
            await upsert_event(local_api, ada, eventId=str(number))
        answered = asyncio.Event()
        receiver.responses = [answered]
        looks = [channels.notify_changed(local_api.db, NOW) for _ in range(4)]
        assert sum(await asyncio.gather(*looks)) == 1
        await receiver.next_request()
        for number in range(5):
            await upsert_event(local_api, ada, eventId=str(number), end=ELEVEN)
            assert await channels.notify_changed(local_api.db, NOW) == 0
        answered.set()
        await process.wait_for_rows()
        assert await channels.notify_changed(local_api.db, NOW) == 1
        await receiver.next_request()
        await process.wait_for_rows()
        assert await channels.notify_changed(local_api.db, NOW) == 0
    assert len(receiver.requests) == 3
    assert receiver.most_in_progress == 1


Change: TypeAlias = Callable[[Api, Account], Awaitable[Any]]


def graphql(mutation: str) -> Change:
    """A change by a mutation of the account's token."""

    async def change(api: Api, ada: Account) -> None:
        await api.data(f"mutation {{ {mutation.replace('CALENDAR', ada.calendar_id)} {{ __typename }} }}", ada.token)

    return change


def rest(method: str, path: str, body: dict[str, Any]) -> Change:
    """A change by a REST request of the account's token."""

    async def change(api: Api, ada: Account) -> None:
        given = json.loads(json.dumps(body).replace("CALENDAR", ada.calendar_id))
        response = await Rest(api)(method, path.replace("CALENDAR", ada.calendar_id), given, token=ada.token)
        assert response.status_code in (202, 207), response.text

    return change


def booking(**more: Any) -> Change:
    """A booking by the application."""

    async def change(api: Api, ada: Account) -> None:
        found = await book_slot(api, booking_input(("all", [ada]), event_id=str(more), **more))
        assert found["__typename"] == "Booked"

    return change


async def delete_calendar(api: Api, ada: Account) -> None:
    made = 'mutation { createCalendar(input: {name: "Other"}) { calendar { calendarId } } }'
    calendar = (await api.data(made, ada.token))["createCalendar"]["calendar"]["calendarId"]
    await settle(api)
    delete = "mutation ($input: DeleteCalendarInput!) { deleteCalendar(input: $input) { deleted } }"
    assert (await api.data(delete, ada.token, input={"calendarId": calendar}))["deleteCalendar"]["deleted"]


_EVENT = f'eventId: "2", summary: "s", start: "{NINE}", end: "{TEN}"'
_REST_EVENT = {"event_id": "3", "summary": "s", "start": NINE, "end": TEN}
_PATH = "/v1/calendars/CALENDAR/events"

#: every way in which events change
CHANGES: dict[str, Change] = {
    "upsertEvent": graphql(f'upsertEvent(input: {{calendarId: "CALENDAR", event: {{{_EVENT}}}}})'),
    "upsertEvents": graphql(f'upsertEvents(input: {{calendarId: "CALENDAR", events: [{{{_EVENT}}}]}})'),
    "deleteEvent": graphql('deleteEvent(input: {calendarId: "CALENDAR", eventId: "1"})'),
    "deleteEvents": graphql("deleteEvents(input: {deleteAll: true})"),
    "bookSlot": booking(),
    "bookSlot with a key": booking(start="2027-01-19T10:00:00Z", idempotencyKey="once"),
    "deleteCalendar": delete_calendar,
    "POST events": rest("POST", _PATH, _REST_EVENT),
    "DELETE event": rest("DELETE", _PATH, {"event_id": "1"}),
    "DELETE events": rest("DELETE", "/v1/events", {"delete_all": True}),
    "batch": rest("POST", "/v1/batch", {"batch": [{"method": "POST", "relative_url": _PATH, "data": _REST_EVENT}]}),
}


HOLD = """
mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { ... on Booked { booking { id holdExpiresAt } } } }
"""
ENDS = {
    "confirmBooking": "confirmBooking(input: {bookingId: ID}) { __typename }",
    "rescheduleBooking": 'rescheduleBooking(input: {bookingId: ID, start: "2027-01-19T11:00:00Z"}) { __typename }',
    "cancelBooking": "cancelBooking(input: {bookingId: ID}) { booking { status } }",
}


async def test_holds_and_what_becomes_of_them_are_changes(api: Api) -> None:
    """Also that one lapses, which nobody writes: once, from its last second on."""
    ada = await create_account(api, "ada")
    await open_channel(api, ada, "https://app.example.com/changes")
    for number, ended in enumerate(("", *ENDS)):
        await settle(api)
        found = await api.data(HOLD, CLIENT_SECRET, input=booking_input(("all", [ada]), event_id=str(number)))
        held = found["holdSlot"]["booking"]
        assert await channels.notify_changed(api.db, api.now) == 1
        await settle(api)
        if ended:
            await api.data(f"mutation {{ {ENDS[ended].replace('ID', json.dumps(held['id']))} }}", CLIENT_SECRET)
        else:
            api.now = parse_instant(held["holdExpiresAt"])
            assert await channels.notify_changed(api.db, api.now - 1) == 0
        assert await channels.notify_changed(api.db, api.now) == 1, ended
        await settle(api)
        if ended != "rescheduleBooking":  # which is still held, and lapses as well
            assert await channels.notify_changed(api.db, api.now + DAY) == 0, ended
        if ended:
            await api.data(
                f"mutation {{ {ENDS['cancelBooking'].replace('ID', json.dumps(held['id']))} }}", CLIENT_SECRET
            )


async def settle(api: Api) -> None:
    """Notifies of what has changed, and takes all notifications for delivered."""
    for _ in range(2):
        await channels.notify_changed(api.db, api.now)
        async with api.db.write() as session:
            await (await session.connection()).exec_driver_sql("DELETE FROM callbacks")


async def test_whoever_changes_events_is_noticed(api: Api) -> None:
    """By GraphQL, over REST, and by bookings; of the account's own events alone."""
    ada, ben = await create_account(api, "ada"), await create_account(api, "ben")
    for whose in (ada, ben):
        await open_channel(api, whose, "https://app.example.com/changes")
    for name, change in CHANGES.items():
        await upsert_event(api, ada)
        await settle(api)
        await change(api, ada)
        assert await channels.notify_changed(api.db, NOW) == 1, name


async def test_a_channel_for_some_calendars_hears_of_those(api: Api) -> None:
    """Also when one of them is deleted; when all are, it stays silent."""
    ada = await create_account(api, "ada")
    made = 'mutation { createCalendar(input: {name: "Other"}) { calendar { calendarId } } }'
    other = (await api.data(made, ada.token))["createCalendar"]["calendar"]["calendarId"]
    url = "https://app.example.com/changes"
    channel = await open_channel(api, ada, url, calendarIds=[other])
    assert channel["calendarIds"] == [other]
    assert (await open_channel(api, ada, url))["channelId"] != channel["channelId"]
    await settle(api)
    await upsert_event(api, ada)
    assert await channels.notify_changed(api.db, NOW) == 1
    await settle(api)
    given = {"calendarId": other, "event": EVENT}
    await api.data(UPSERT_EVENT, ada.token, input=given)
    assert await channels.notify_changed(api.db, NOW) == 2
    await settle(api)
    delete = "mutation ($input: DeleteCalendarInput!) { deleteCalendar(input: $input) { deleted } }"
    await api.data(delete, ada.token, input={"calendarId": other})
    assert await channels.notify_changed(api.db, NOW) == 2
    await settle(api)
    await upsert_event(api, ada, end=ELEVEN)
    assert await channels.notify_changed(api.db, NOW) == 1


async def test_a_channel_that_fails_for_days_is_closed_and_says_so(
    local_api: Api, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is kept for it. The same channel can be opened again, and is verified again."""
    caplog.set_level(logging.INFO, "openings")
    ada = await local_api.application_calendar("ada")
    url = f"{receiver.url}/changes?key=a-secret"
    receiver.responses = [500] * 12
    channel = await open_channel(local_api, ada, url)

    async def state() -> tuple[str, str | None]:
        [found] = (await local_api.data(LIST, ada.token))["channels"]
        return found["status"], found["problem"]

    assert await state() == ("OPEN", None)
    async with running_deliveries(local_api.db) as process:
        for attempt in range(12):
            await receiver.next_request()
            if attempt == 0:
                await process.wait_for_rows((1, NOW + 10, "status 500"))
                assert await state() == ("FAILING", "status 500")
            if attempt < 11:
                await process.wait_for_rows(
                    (str(attempt + 1), "status 500"), columns="CAST(attempts AS TEXT), last_failure"
                )
                process.advance_clock(DAY)
        await process.wait_for_rows()
        assert await state() == ("CLOSED", "status 500")
        await upsert_event(local_api, ada)
        assert await channels.notify_changed(local_api.db, NOW) == 0
        assert (await open_channel(local_api, ada, url))["channelId"] == channel["channelId"]
        process.advance_clock(0)
        assert (await receiver.next_request()).payload["notification"] == {"type": "verification"}
        await process.wait_for_rows()
        assert await state() == ("OPEN", None)
        assert await channels.notify_changed(local_api.db, NOW) == 0
    assert "given up" in caplog.text
    assert "a-secret" not in caplog.text


async def test_what_fails_once_is_repeated_and_then_open_again(local_api: Api, receiver: CallbackReceiver) -> None:
    ada = await local_api.application_calendar("ada")
    async with verified(local_api, ada, receiver) as process:
        receiver.responses = [503]
        await upsert_event(local_api, ada)
        await channels.notify_changed(local_api.db, NOW)
        first = await receiver.next_request()
        await process.wait_for_rows((1, NOW + 10, "status 503"))
        process.advance_clock(10)
        assert (await receiver.next_request()).body == first.body
        await process.wait_for_rows()
        assert (await local_api.data(LIST, ada.token))["channels"][0]["status"] == "OPEN"


async def test_the_end_of_an_account_is_the_end_of_its_channels(api: Api) -> None:
    """And of what is under way: revoked, deleted, or closed by itself."""
    close = "mutation ($input: CloseChannelInput!) { closeChannel(input: $input) { closed } }"
    delete = "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { deleted } }"

    async def revoke(ada: Account, _: str) -> None:
        await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ada.sub})

    async def erase(ada: Account, _: str) -> None:
        await api.data(delete, CLIENT_SECRET, input={"sub": ada.sub})

    async def close_it(ada: Account, channel_id: str) -> None:
        assert (await api.data(close, ada.token, input={"channelId": channel_id}))["closeChannel"]["closed"]
        assert not (await api.data(close, ada.token, input={"channelId": channel_id}))["closeChannel"]["closed"]

    for end in (revoke, erase, close_it):
        ada = await create_account(api, "ada")
        channel = await open_channel(api, ada, "https://app.example.com/changes", calendarIds=[ada.calendar_id])
        assert len(await api.rows("SELECT key FROM callbacks")) == 1
        await end(ada, channel["channelId"])
        for table in ("callbacks", "channels", "channel_calendars"):
            assert await api.rows(f"SELECT key FROM {table}") == [], (end, table)


async def test_a_running_server_looks_by_itself(local_api: Api, receiver: CallbackReceiver) -> None:
    ada = await local_api.application_calendar("ada")
    async with verified(local_api, ada, receiver), ChannelWatch(local_api.db, lambda: NOW, interval=0.05).running():
        await upsert_event(local_api, ada)
        assert (await receiver.next_request()).payload["notification"]["type"] == "change"


async def test_a_watch_goes_on_after_an_error(
    local_api: Api, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await local_api.application_calendar("ada")
    whole, failures = channels.notify_changed, [RuntimeError("a fault"), ConnectionRefusedError()]

    async def notify_changed(*given: Any) -> int:
        if failures:
            raise failures.pop()
        return await whole(*given)

    monkeypatch.setattr(channels, "notify_changed", notify_changed)
    async with verified(local_api, ada, receiver), ChannelWatch(local_api.db, lambda: NOW, interval=0.05).running():
        await upsert_event(local_api, ada)
        assert (await receiver.next_request()).payload["notification"]["type"] == "change"
    words = [record.getMessage() for record in caplog.records if "channels are not" in record.getMessage()]
    assert words == [f"channels are not being notified: {name}" for name in ("ConnectionRefusedError", "RuntimeError")]
