"""Wrong secrets and tokens: late answers for whoever sends them, and for nobody else."""

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

REFRESH = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { accessToken } }"


class Sleeper:
    """Somebody who notes how long they were told to sleep, and wakes up when a test lets them."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.wake = asyncio.Event()
        self.wake.set()

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wake.wait()


class Failing:
    """Credentials that fail at moments that a test chooses."""

    def __init__(self, most_waiting: int = 100) -> None:
        self.now = 0.0
        self.sleeper = Sleeper()
        self.counted = CredentialThrottle(delay=7, max_waiting=most_waiting, clock=lambda: self.now, sleep=self.sleeper)

    async def late(self, client_id: str = "", address: str = "1.2.3.4", fields: int = 1) -> bool:
        """Whether an answer with so many wrong credentials comes late."""
        before = len(self.sleeper.slept)
        await self.counted.delay_if_repeated([WrongCredentials("wrong", client_id=client_id)] * fields, address)
        return len(self.sleeper.slept) > before


async def test_a_few_are_answered_at_once_and_the_next_late() -> None:
    """A slip of the pen costs nothing. After a while one more is free."""
    failing = Failing()
    assert [await failing.late() for _ in range(_FREE + 2)] == [False] * _FREE + [True, True]
    assert failing.sleeper.slept == [7, 7]
    failing.now += 3 * _EACH + 0.1  # the two late ones have to be made good for
    assert [await failing.late() for _ in range(2)] == [False, True]


async def test_an_address_is_counted_over_all_clients_and_a_client_over_all_addresses() -> None:
    """Whoever tries many ids from one place, or one id from many places."""
    failing = Failing()
    assert [await failing.late(f"client-{n}") for n in range(_FREE + 1)] == [False] * _FREE + [True]
    assert [await failing.late("one", f"10.0.0.{n}") for n in range(_FREE + 1)] == [False] * _FREE + [True]
    assert not await failing.late("another", "10.0.1.1")


async def test_each_wrong_pair_in_a_request_is_counted_and_a_bearer_token_once() -> None:
    """Many guesses in one document are many guesses; one token is one, however many fields ask who it is."""
    failing = Failing()
    await failing.late("client", fields=_FREE)
    assert await failing.late("client")
    assert [await failing.late(address="other", fields=9) for _ in range(_FREE)] == [False] * _FREE


async def test_other_refusals_are_no_failures() -> None:
    """No token at all, one that has expired, a scope that is missing: nobody guesses."""
    wrong = WrongCredentials("wrong")
    causes = [Unauthenticated(), Forbidden(), wrong, None]
    result = ExecutionResult(None, [GraphQLError("", original_error=cause) for cause in causes])
    assert wrong_credentials(result) == [wrong]


async def test_only_so_many_wait_and_the_others_are_told_to_come_later() -> None:
    """Whatever an attacker sends, so many answers are held back and no more; other errors stay what they are."""
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
def test_of_an_ipv6_address_the_network_counts(host: str | None, address: str) -> None:
    """Whoever has one such address has eighteen quintillion of them."""
    client = (host, 1) if host is not None else None
    assert address_of(Request({"type": "http", "client": client, "headers": []})) == address


async def test_the_right_credentials_are_served_while_wrong_ones_wait(api: Api) -> None:
    """From the same address, for the same client: nobody is locked out. And what waits holds no connection."""
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
    async with asyncio.timeout(10):
        while api.engine.throttle.waiting < len(attacks):
            await asyncio.sleep(0.01)
        assert api.db.connections_in_use == 0
        await api.data(APPLICATION_CALENDAR, input={**wrong, "clientSecret": CLIENT_SECRET})
        await api.data(CALENDARS, person.token)
        refresh = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "refreshToken": person.refresh_token}
        await api.data(REFRESH, input=refresh)
    assert not any(attack.done() for attack in attacks)
    sleeper.wake.set()
    assert await asyncio.gather(*attacks) == [{"code": "UNAUTHENTICATED"}] * 3


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_late_answer_really_is_late(api: Api) -> None:
    """No more than a lower bound: whoever sends wrong tokens waits a second for each."""
    for _ in range(_FREE):
        await api.refusal(CALENDARS, "wrong")
    began = monotonic()
    assert await api.refusal(CALENDARS, "wrong") == {"code": "UNAUTHENTICATED"}
    assert monotonic() - began >= 0.9


async def test_an_expired_token_is_no_guess(api: Api) -> None:
    """A client that comes back after a weekend refreshes it, as often as it likes."""
    api.engine.throttle.sleep = sleeper = Sleeper()
    person = await api.application_calendar("person")
    api.now += 7200
    for _ in range(2 * _FREE):
        assert (await api.refusal(CALENDARS, person.token))["code"] == "UNAUTHENTICATED"
    assert sleeper.slept == []
