"""Responses to repeated wrong credentials are delayed; all others are not."""

import asyncio
from time import monotonic

import pytest
from graphql import ExecutionResult, GraphQLError
from starlette.requests import Request

from core.errors import Forbidden, Unauthenticated, WrongCredentials
from server.graphql.errors import replace_wrong_credentials, wrong_credentials
from server.http.client_address import address_of
from server.http.credential_throttle import _EACH, _FREE, CredentialThrottle
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api
from tests.support.graphql_queries import APPLICATION_CALENDAR, CALENDARS
from tests.support.waiting import TIMEOUT, until

REFRESH = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { accessToken } }"


class Sleeper:
    """A sleep that records its durations, and returns when the test allows it."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.wake = asyncio.Event()
        self.wake.set()

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wake.wait()


class Failing:
    """A throttle with a clock that the test sets."""

    def __init__(self, most_waiting: int = 100) -> None:
        self.now = 0.0
        self.sleeper = Sleeper()
        self.counted = CredentialThrottle(delay=7, max_waiting=most_waiting, clock=lambda: self.now, sleep=self.sleeper)

    async def late(self, client_id: str = "", address: str = "1.2.3.4", fields: int = 1) -> bool:
        """Whether the response to a request with that many wrong credentials is delayed."""
        before = len(self.sleeper.slept)
        await self.counted.delay_if_repeated([WrongCredentials("wrong", client_id=client_id)] * fields, address)
        return len(self.sleeper.slept) > before


async def test_the_first_few_responses_are_immediate_and_the_next_delayed() -> None:
    """A typing error costs nothing. After a while, one more is free."""
    failing = Failing()
    assert [await failing.late() for _ in range(_FREE + 2)] == [False] * _FREE + [True, True]
    assert failing.sleeper.slept == [7, 7]
    failing.now += 3 * _EACH + 0.1  # three are due: the two delayed ones count too
    assert [await failing.late() for _ in range(2)] == [False, True]


async def test_failures_are_counted_per_address_and_per_client() -> None:
    """Many ids from one address, or one id from many addresses."""
    failing = Failing()
    assert [await failing.late(f"client-{n}") for n in range(_FREE + 1)] == [False] * _FREE + [True]
    assert [await failing.late("one", f"10.0.0.{n}") for n in range(_FREE + 1)] == [False] * _FREE + [True]
    assert not await failing.late("another", "10.0.1.1")


async def test_each_wrong_secret_in_a_request_counts_but_a_bearer_token_only_once() -> None:
    """Many secrets in one document are many guesses; a token is one, however many fields use it."""
    failing = Failing()
    await failing.late("client", fields=_FREE)
    assert await failing.late("client")
    assert [await failing.late(address="other", fields=9) for _ in range(_FREE)] == [False] * _FREE


async def test_other_refusals_do_not_count() -> None:
    """A missing token, an expired one, or a missing scope is no guess."""
    wrong = WrongCredentials("wrong")
    causes = [Unauthenticated(), Forbidden(), wrong, None]
    result = ExecutionResult(None, [GraphQLError("", original_error=cause) for cause in causes])
    assert wrong_credentials(result) == [wrong]


async def test_delayed_responses_are_limited_and_others_rate_limited() -> None:
    """So an attacker cannot fill the memory with waiting responses. Other errors in the response are unchanged."""
    failing = Failing(most_waiting=3)
    for _ in range(_FREE):
        await failing.late()
    failing.sleeper.wake.clear()
    waiting = [asyncio.create_task(failing.late()) for _ in range(3)]
    await asyncio.sleep(0)
    assert failing.counted.waiting == 3
    credentials = WrongCredentials("wrong")
    refusal = await failing.counted.delay_if_repeated([credentials], "1.2.3.4")
    assert refusal is not None
    errors = [GraphQLError("wrong", path=[0], original_error=credentials), GraphQLError("another")]
    wrong, other = replace_wrong_credentials(ExecutionResult(None, errors), refusal).errors or []
    assert getattr(wrong.original_error, "code", None) == "RATE_LIMITED"
    assert wrong.path == [0]
    assert other.message == "another"
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    assert failing.counted.waiting == 2
    failing.sleeper.wake.set()
    await asyncio.gather(*waiting[1:])
    assert failing.counted.waiting == 0


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_an_ipv6_address_is_counted_by_its_network(host: str | None, address: str) -> None:
    """Its owner usually has 2⁶⁴ of them."""
    client = (host, 1) if host is not None else None
    assert address_of(Request({"type": "http", "client": client, "headers": []})) == address


async def test_correct_credentials_are_not_delayed_by_wrong_ones(api: Api) -> None:
    """Even from the same address for the same client. Delayed responses hold no database connection."""
    sleeper = api.engine.throttle.sleep = Sleeper()
    person = await api.application_calendar("person")
    wrong = {"clientId": CLIENT_ID, "clientSecret": "wrong", "applicationCalendarId": "x"}
    for _ in range(_FREE):
        assert await api.refusal(APPLICATION_CALENDAR, input=wrong) == {"code": "UNAUTHENTICATED"}
    sleeper.wake.clear()
    attacks = [
        asyncio.create_task(api.refusal(query, "wrong", **variables))
        for query, variables in (
            (APPLICATION_CALENDAR, {"input": wrong}),
            (REFRESH, {"input": {"clientId": CLIENT_ID, "clientSecret": "wrong", "refreshToken": "x"}}),
            (CALENDARS, {}),
        )
    ]
    await until(lambda: api.engine.throttle.waiting == len(attacks))
    async with asyncio.timeout(TIMEOUT):
        assert api.db.connections_in_use == 0
        await api.data(APPLICATION_CALENDAR, input={**wrong, "clientSecret": CLIENT_SECRET})
        await api.data(CALENDARS, person.token)
        refresh = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "refreshToken": person.refresh_token}
        await api.data(REFRESH, input=refresh)
    assert not any(attack.done() for attack in attacks)
    sleeper.wake.set()
    assert await asyncio.gather(*attacks) == [{"code": "UNAUTHENTICATED"}] * 3


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_delayed_response_takes_the_configured_time(api: Api) -> None:
    """At least: each wrong token costs its sender a second."""
    for _ in range(_FREE):
        await api.refusal(CALENDARS, "wrong")
    began = monotonic()
    assert await api.refusal(CALENDARS, "wrong") == {"code": "UNAUTHENTICATED"}
    assert monotonic() - began >= 0.9


async def test_an_expired_token_is_no_guess(api: Api) -> None:
    """A client that returns after a weekend refreshes it, as often as it likes."""
    api.engine.throttle.sleep = sleeper = Sleeper()
    person = await api.application_calendar("person")
    api.now += 7200
    for _ in range(2 * _FREE):
        assert (await api.refusal(CALENDARS, person.token))["code"] == "UNAUTHENTICATED"
    assert sleeper.slept == []
