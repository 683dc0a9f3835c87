"""availabilityChanged: the answer at once, and again whenever a write changes it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from core.features import Feature
from core.instants import HOUR, parse_instant
from db import clients
from tests.resolvers.test_cost import counted
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Someone
from tests.support.live_clients import CHANGED, UPSERT_EVENT, Listening, busy, hours, listening, question


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[Listening]:
    """The application on a socket. Whatever a test does there, nobody is left on the line when its clients are gone."""
    async with listening(database_url) as opened:
        yield opened
        await opened.until_nobody_waits()


async def test_the_answer_comes_at_once_and_again_when_a_write_changes_it(live: Listening) -> None:
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]
    async with live.asking(CHANGED, input=question(ada, ben)) as ws:
        assert await ws.next() == {
            "data": {
                "availabilityChanged": {
                    "availablePeriods": [{"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}]
                }
            }
        }
        await live.api.data(UPSERT_EVENT, ben.token, input=busy(ben, 10, 12))
        assert hours(await ws.next()) == ["9-10", "12-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=busy(ada, 9, 10))
        assert hours(await ws.next()) == ["12-17"]


async def test_a_change_that_leaves_the_answer_as_it_was_pushes_nothing(live: Listening) -> None:
    """Another day, a summary, an event that does not block, somebody else's calendar."""
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]
    await live.api.data(UPSERT_EVENT, ada.token, input=busy(ada, 9, 10))
    async with live.asking(CHANGED, input=question(ada)) as ws:
        assert hours(await ws.next()) == ["10-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=busy(ada, 9, 17, "another", day="2027-01-20"))
        renamed = busy(ada, 9, 10)
        renamed["event"]["summary"] = "Another word"
        await live.api.data(UPSERT_EVENT, ada.token, input=renamed)
        await live.api.data(UPSERT_EVENT, ben.token, input=busy(ben, 9, 17))
        await ws.silent()


async def test_a_write_that_is_refused_pushes_nothing(live: Listening) -> None:
    """It had the calendar locked already when it was undone."""
    ada = await live.api.application_calendar("ada")
    async with live.asking(CHANGED, input=question(ada)) as ws:
        await ws.next()
        wrong = busy(ada, 12, 10)
        assert (await live.api.refusal(UPSERT_EVENT, ada.token, input=wrong))["code"] == "UNPROCESSABLE"
        await ws.silent()


async def test_many_changes_in_a_row_are_few_answers_and_the_last_one_is_right(live: Listening) -> None:
    """They are looked at as often as can be of use, and not as often as they come."""
    ada = await live.api.application_calendar("ada")
    async with live.asking(CHANGED, input=question(ada)) as ws:
        assert hours(await ws.next()) == ["9-17"]
        ends = range(10, 16)
        with counted(live.api) as statements:
            for _ in range(1000):
                live.api.db.changes.wake(None)
                await asyncio.sleep(0)
            for end in ends:
                await live.api.data(UPSERT_EVENT, ada.token, input=busy(ada, 9, end))
            while hours(await ws.next()) != ["15-17"]:
                pass
            await ws.silent()
        asked = [statement for statement, _ in statements if "WITH caller" in statement]
        assert 1 <= len(asked) < 100


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("an unknown token", "nonsense", {}, "UNAUTHENTICATED"),
    ("a member that nobody knows", CLIENT_SECRET, {"sub": "apc_000000000000000000000000"}, "UNPROCESSABLE"),
    ("a query in the past", CLIENT_SECRET, {"day": "2026-01-19"}, "UNPROCESSABLE"),
]


@pytest.mark.parametrize(("token", "other", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_what_a_query_would_be_refused_is_refused_alike(
    live: Listening, token: str, other: dict[str, Any], code: str
) -> None:
    """The same error, with the same path, and then it is over."""
    ada = await live.api.application_calendar("ada")
    given = question(Someone(other.get("sub", ada.sub), "", "", ""), day=other.get("day", "2027-01-19"))
    query = CHANGED.replace("subscription", "query").replace("availabilityChanged", "availability")
    asked = await live.api(query, token, input=given)
    async with live.asking(CHANGED, token, input=given) as ws:
        refused = await ws.next()
        await ws.completed()
    assert refused["data"] == {"availabilityChanged": None}
    assert refused["errors"][0]["path"] == ["availabilityChanged"]
    assert refused["errors"][0]["extensions"] == asked["errors"][0]["extensions"]
    assert refused["errors"][0]["extensions"]["code"] == code


async def test_variables_that_do_not_fit_are_an_error_of_the_operation(live: Listening) -> None:
    """No data, because nothing was executed."""
    async with live.asking(CHANGED, input={"participants": 1}) as ws:
        message = await ws.received()
    assert (message["id"], message["type"]) == ("1", "error")
    assert message["payload"][0]["extensions"]["code"] == "BAD_REQUEST"


REVOKE = "mutation ($input: RevokeAuthorizationInput!) { revokeAuthorization(input: $input) { revoked } }"


async def ended(live: Listening, token: str, whom: Someone, by: Any) -> dict[str, Any]:
    """The error that a subscription by this token about this account ends with, when that is done to it."""
    async with live.asking(CHANGED, token, input=question(whom)) as ws:
        assert hours(await ws.next()) == ["9-17"]
        await by()
        refused = await ws.next()
        await ws.completed()
    assert refused["data"] == {"availabilityChanged": None}
    return refused["errors"][0]["extensions"]


async def test_a_member_that_is_revoked_ends_it(live: Listening) -> None:
    """Its sub is unknown from then on."""
    ada = await live.api.application_calendar("ada")

    async def revoke() -> None:
        await live.api.data(REVOKE, input={**live.api.credentials, "sub": ada.sub})

    found = await ended(live, CLIENT_SECRET, ada, revoke)
    assert found["errors"]["participants[0].members[0].sub"][0]["key"] == "errors.unknown"


async def test_a_token_that_is_revoked_ends_it(live: Listening) -> None:
    """At once, and not only when one of the members changes: there is none of its account among them."""
    ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]

    async def revoke() -> None:
        await live.api.data(REVOKE, input={**live.api.credentials, "token": ben.token})

    assert await ended(live, ben.token, ada, revoke) == {"code": "UNAUTHENTICATED"}


async def test_a_feature_that_is_switched_off_ends_it(live: Listening) -> None:
    """The plan is the client's, so it is everybody's who asks for it."""
    ada = await live.api.application_calendar("ada")

    async def switch_off() -> None:
        async with live.api.db.write() as session:
            await clients.leave_out(session, CLIENT_ID, [Feature.AVAILABILITY])

    assert (await ended(live, ada.token, ada, switch_off))["code"] == "PAYMENT_REQUIRED"


async def test_another_secret_ends_what_the_old_one_began(live: Listening) -> None:
    ada = await live.api.application_calendar("ada")

    async def change() -> None:
        async with live.api.db.write() as session:
            await clients.ensure(
                session, live.api.db.keys, CLIENT_ID, "another secret of theirs", live.api.now, name="Tests"
            )

    assert await ended(live, CLIENT_SECRET, ada, change) == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_token_that_has_expired_ends_it_at_the_next_change(live: Listening) -> None:
    """The clock of this test jumps, so nothing else wakes it."""
    ada = await live.api.application_calendar("ada")

    async def expire() -> None:
        live.api.now += 2 * HOUR
        new = await live.api.application_calendar("ada")
        await live.api.data(UPSERT_EVENT, new.token, input=busy(ada, 9, 10))

    assert await ended(live, ada.token, ada, expire) == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_it_ends_by_itself_when_the_query_begins_to_lie_in_the_past(live: Listening) -> None:
    """Nobody is offered time that has passed: when the first of its periods begins, the question has to be asked anew."""
    ada = await live.api.application_calendar("ada")
    live.api.now = parse_instant("2027-01-19T08:59:59Z")

    async def begin() -> None:
        live.api.now += 1

    found = await ended(live, CLIENT_SECRET, ada, begin)
    assert found["errors"]["queryPeriods[0].start"][0]["key"] == "errors.in_past"


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_it_ends_by_itself_when_the_token_expires(live: Listening) -> None:
    """With nobody having changed anything."""
    ada = await live.api.application_calendar("ada")
    live.api.now += HOUR - 1

    async def expire() -> None:
        live.api.now += 1

    assert await ended(live, ada.token, ada, expire) == {"code": "UNAUTHENTICATED"}
