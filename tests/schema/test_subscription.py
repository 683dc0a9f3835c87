"""availabilityChanged: an answer at once, and another one after each write that changes it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from core.features import Feature
from core.instants import HOUR, parse_instant
from db import clients
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account
from tests.support.builders import availability_input, booking_input, create_account, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.live_clients import LiveServer, live_server
from tests.support.statements import record_statements


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[LiveServer]:
    """The application on a socket; checks afterwards that no subscription is left when its clients have gone."""
    async with live_server(database_url) as opened:
        yield opened
        await opened.wait_until_idle()


async def test_an_answer_is_sent_at_once_and_after_a_write_that_changes_it(live: LiveServer) -> None:
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]
    async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada, ben)) as ws:
        assert await ws.next_result() == {
            "data": {
                "availabilityChanged": {
                    "availablePeriods": [{"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}]
                }
            }
        }
        await live.api.data(UPSERT_EVENT, ben.token, input=upsert_event_input(ben, 10, 12))
        assert period_hours(await ws.next_result()) == ["9-10", "12-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        assert period_hours(await ws.next_result()) == ["12-17"]


async def test_a_write_that_does_not_change_the_answer_pushes_nothing(live: LiveServer) -> None:
    """Another day, a summary, an event that does not block, another account's calendar."""
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]
    await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
    async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
        assert period_hours(await ws.next_result()) == ["10-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 17, "another", day="2027-01-20"))
        renamed = upsert_event_input(ada, 9, 10)
        renamed["event"]["summary"] = "Another word"
        await live.api.data(UPSERT_EVENT, ada.token, input=renamed)
        await live.api.data(UPSERT_EVENT, ben.token, input=upsert_event_input(ben, 9, 17))
        await ws.expect_silence()


NAMED = """
subscription ($input: AvailabilityInput!, $named: Boolean!) {
  availabilityChanged(input: $input) { availablePeriods { start participants { ...person } } }
}
fragment person on Participant { sub account @include(if: $named) { name calendars { calendarName } } }
"""
CREATE_CALENDAR = (
    "mutation ($input: CreateCalendarInput!) { createCalendar(input: $input) { calendar { calendarId } } }"
)


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_new_name_is_pushed_where_names_are_selected(database_url: str, compiled: bool) -> None:
    """And whatever else accounts lead on to. Nothing is pushed when what has changed is not selected."""
    async with live_server(database_url, compiled=compiled) as live:
        ada = await create_account(live.api, "ada", name="Ada")
        given = availability_input(ada)
        async with (
            live.subscribe(NAMED, input=given, named=True) as ws,
            live.subscribe(NAMED, input=given, named=False) as unnamed,
        ):
            assert names(await ws.next_result()) == ["Ada"]
            await unnamed.next_result()
            await create_account(live.api, "ada", name="Ada Lovelace")
            assert names(await ws.next_result()) == ["Ada Lovelace"]
            await create_account(live.api, "ada", email="ada@example.com")
            await ws.expect_silence()
            await live.api.data(CREATE_CALENDAR, ada.token, input={"name": "Private"})
            [person] = people(await ws.next_result())
            assert len(person["account"]["calendars"]) == 2
            await unnamed.expect_silence()


def people(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The participants of the only period."""
    [period] = result["data"]["availabilityChanged"]["availablePeriods"]
    return period["participants"]


def names(result: dict[str, Any]) -> list[str]:
    return [person["account"]["name"] for person in people(result)]


async def test_a_refused_write_pushes_nothing(live: LiveServer) -> None:
    """Although it had locked the calendar before it was rolled back."""
    ada = await live.api.application_calendar("ada")
    async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
        await ws.next_result()
        wrong = upsert_event_input(ada, 12, 10)
        assert (await live.api.refusal(UPSERT_EVENT, ada.token, input=wrong))["code"] == "UNPROCESSABLE"
        await ws.expect_silence()


async def test_many_changes_give_few_answers_and_the_last_one_is_right(live: LiveServer) -> None:
    """Re-evaluation is throttled."""
    ada = await live.api.application_calendar("ada")
    async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
        assert period_hours(await ws.next_result()) == ["9-17"]
        ends = range(10, 16)
        with record_statements(live.api) as statements:
            for _ in range(1000):
                live.api.db.subscribers.wake(None)
                await asyncio.sleep(0)
            for end in ends:
                await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, end))
            while period_hours(await ws.next_result()) != ["15-17"]:
                pass
            await ws.expect_silence()
        asked = [statement for statement, _ in statements if "WITH caller" in statement]
        assert 1 <= len(asked) < 100


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("an unknown token", "nonsense", {}, "UNAUTHENTICATED"),
    ("a member that nobody knows", CLIENT_SECRET, {"sub": "apc_000000000000000000000000"}, "UNPROCESSABLE"),
    ("a query in the past", CLIENT_SECRET, {"day": "2026-01-19"}, "UNPROCESSABLE"),
]


@pytest.mark.parametrize(("token", "other", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_a_subscription_is_refused_like_the_query(
    live: LiveServer, token: str, other: dict[str, Any], code: str
) -> None:
    """With the same error and path, and then it completes."""
    ada = await live.api.application_calendar("ada")
    given = availability_input(Account(other.get("sub", ada.sub), "", "", ""), day=other.get("day", "2027-01-19"))
    query = AVAILABILITY_CHANGED.replace("subscription", "query").replace("availabilityChanged", "availability")
    asked = await live.api(query, token, input=given)
    async with live.subscribe(AVAILABILITY_CHANGED, token, input=given) as ws:
        refused = await ws.next_result()
        await ws.expect_complete()
    assert refused["data"] == {"availabilityChanged": None}
    assert refused["errors"][0]["path"] == ["availabilityChanged"]
    assert refused["errors"][0]["extensions"] == asked["errors"][0]["extensions"]
    assert refused["errors"][0]["extensions"]["code"] == code


async def test_invalid_variables_are_an_error_of_the_operation(live: LiveServer) -> None:
    """Without data, because nothing was executed."""
    async with live.subscribe(AVAILABILITY_CHANGED, input={"participants": 1}) as ws:
        message = await ws.receive()
    assert (message["id"], message["type"]) == ("1", "error")
    assert message["payload"][0]["extensions"]["code"] == "BAD_REQUEST"


async def ended(live: LiveServer, token: str, whom: Account, by: Any) -> dict[str, Any]:
    """The error that ends a subscription by this token about this account, after `by` is called."""
    async with live.subscribe(AVAILABILITY_CHANGED, token, input=availability_input(whom)) as ws:
        assert period_hours(await ws.next_result()) == ["9-17"]
        await by()
        refused = await ws.next_result()
        await ws.expect_complete()
    assert refused["data"] == {"availabilityChanged": None}
    return refused["errors"][0]["extensions"]


async def test_revoking_a_member_ends_the_subscription(live: LiveServer) -> None:
    """Its sub is then unknown."""
    ada = await live.api.application_calendar("ada")

    async def revoke() -> None:
        await live.api.data(REVOKE_AUTHORIZATION, input={**live.api.credentials, "sub": ada.sub})

    found = await ended(live, CLIENT_SECRET, ada, revoke)
    assert found["errors"]["participants[0].members[0].sub"][0]["key"] == "errors.unknown"


async def test_revoking_the_token_ends_the_subscription(live: LiveServer) -> None:
    """At once, although the token's account is not a member of the query."""
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]

    async def revoke() -> None:
        await live.api.data(REVOKE_AUTHORIZATION, input={**live.api.credentials, "token": ben.token})

    assert await ended(live, ben.token, ada, revoke) == {"code": "UNAUTHENTICATED"}


async def test_disabling_the_feature_ends_the_subscription(live: LiveServer) -> None:
    """The plan is the client's, so it applies to all of its accounts."""
    ada = await live.api.application_calendar("ada")

    async def switch_off() -> None:
        async with live.api.db.write() as session:
            await clients.disable_features(session, CLIENT_ID, [Feature.AVAILABILITY])

    assert (await ended(live, ada.token, ada, switch_off))["code"] == "PAYMENT_REQUIRED"


async def test_renewing_the_secret_ends_subscriptions_by_the_old_one(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")

    async def change() -> None:
        async with live.api.db.write() as session:
            await clients.ensure(
                session, live.api.db.encryption, CLIENT_ID, "another secret of theirs", live.api.now, name="Tests"
            )

    assert await ended(live, CLIENT_SECRET, ada, change) == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_expired_token_ends_the_subscription_at_the_next_change(live: LiveServer) -> None:
    """The test's clock jumps, so no timer wakes it."""
    ada = await live.api.application_calendar("ada")

    async def expire() -> None:
        live.api.now += 2 * HOUR
        new = await live.api.application_calendar("ada")
        await live.api.data(UPSERT_EVENT, new.token, input=upsert_event_input(ada, 9, 10))

    assert await ended(live, ada.token, ada, expire) == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_subscription_ends_when_its_query_has_begun(live: LiveServer) -> None:
    """Past time must not be offered: once the first period begins, the client must send a new query."""
    ada = await live.api.application_calendar("ada")
    live.api.now = parse_instant("2027-01-19T08:59:59Z")

    async def begin() -> None:
        live.api.now += 1

    found = await ended(live, CLIENT_SECRET, ada, begin)
    assert found["errors"]["queryPeriods[0].start"][0]["key"] == "errors.in_past"


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_subscription_ends_when_the_token_expires(live: LiveServer) -> None:
    """Without any change."""
    ada = await live.api.application_calendar("ada")
    live.api.now += HOUR - 1

    async def expire() -> None:
        live.api.now += 1

    assert await ended(live, ada.token, ada, expire) == {"code": "UNAUTHENTICATED"}


async def test_an_answer_is_sent_when_a_hold_ends(live: LiveServer) -> None:
    """Without any write: by the clock."""
    ada = await live.api.application_calendar("ada")
    hold = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { __typename } }"
    given = booking_input(("all", [ada]), holdFor={"minutes": 1})
    await live.api.data(hold, CLIENT_SECRET, input=given)
    live.api.now += 59
    async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
        assert period_hours(await ws.next_result()) == ["10-17"]
        live.api.now += 1
        assert period_hours(await ws.next_result()) == ["9-17"]
