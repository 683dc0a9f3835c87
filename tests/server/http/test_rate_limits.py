"""Rate limits: the laws of the token bucket, and the responses to a client over its limit."""

import asyncio
from math import floor
from unittest.mock import Mock

import pytest
from graphql import parse
from hypothesis import example, given
from hypothesis import strategies as st

from server.http.rate_limits import MOST_CALLERS, RateLimits, TokenBucket, parse_rates
from server.settings import SettingError, Settings
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api

HELLO = {"query": "{ __typename }"}

_steps = st.lists(st.floats(0, 10).map(lambda step: round(step, 3)), max_size=60)


def admitted(limits: RateLimits, moments: list[float], who: str = "somebody") -> list[float]:
    """The moments whose requests were admitted."""
    return [moment for moment in moments if limits.admit(who, moment) is None]


def moments_of(steps: list[float]) -> list[float]:
    """Moments with these intervals between them."""
    return [round(sum(steps[: n + 1]), 3) for n in range(len(steps))]


@given(_steps, st.integers(1, 20), st.sampled_from(["s", "min"]))
def test_no_interval_admits_more_than_the_bucket_and_its_refill(steps: list[float], amount: int, unit: str) -> None:
    """For any two moments: the capacity, and what was refilled between them."""
    [rate] = rates = parse_rates(f"{amount}/{unit}")
    through = admitted(RateLimits(rates), moments_of(steps))
    for first, begin in enumerate(through):
        for last, end in enumerate(through[first:], first):
            assert last - first + 1 <= amount + (end - begin) * amount / rate.seconds + 1e-6


@given(_steps, st.integers(1, 20))
@example([0.0, 0.0, 0.0, 3.062, 0.0], 1)
def test_a_client_within_its_rate_is_never_refused(steps: list[float], amount: int) -> None:
    """One request per refilled token, for any pauses and any rounding of the clock."""
    moments = moments_of([step + 1 / amount for step in steps])
    assert admitted(RateLimits(parse_rates(f"{amount}/s")), moments) == moments


@given(_steps, st.integers(1, 5))
def test_a_client_that_waits_as_long_as_stated_is_admitted(steps: list[float], amount: int) -> None:
    """A moment earlier it is not."""
    limits = RateLimits(parse_rates(f"{amount}/s,{3 * amount}/min"))
    now = 0.0
    for step in steps:
        now += step / 10
        if (exceeded := limits.admit("somebody", now)) is not None:
            assert limits.admit("somebody", now + exceeded.wait * 0.9 - 1e-6) is not None
            now += exceeded.wait + 1e-6
            assert limits.admit("somebody", now) is None


@given(_steps, st.integers(1, 50), st.integers(1, 8))
def test_workers_share_one_limit(steps: list[float], amount: int, workers: int) -> None:
    """Each has its part; but a worker admits its first request in any case."""
    each = RateLimits(parse_rates(f"{amount}/s"), workers)
    through = admitted(each, moments_of(steps))
    elapsed = through[-1] - through[0] if through else 0
    assert len(through) <= max(1, amount / workers) + elapsed * amount / workers + 1e-6


def test_a_refused_request_does_not_count() -> None:
    """A client that is too fast is served at the limit's rate, not refused for ever."""
    limits = RateLimits(parse_rates("1/s"))
    assert len(admitted(limits, [n / 10 for n in range(100)])) == 10


def test_of_several_exceeded_limits_the_longest_wait_is_stated() -> None:
    """So that a client need not run into one after the other."""
    limits = RateLimits(parse_rates("2/s,3/min"))
    assert admitted(limits, [0, 0, 0, 1, 1]) == [0, 0, 1]
    exceeded = limits.admit("somebody", 1)
    assert exceeded is not None
    assert exceeded.limit == "3/min"
    assert exceeded.wait == pytest.approx(19)


def test_each_caller_has_a_limit_of_its_own() -> None:
    """Without a limit, no callers are stored."""
    limits = RateLimits(parse_rates("1/min"))
    assert [limits.admit(who, 0) is None for who in ("ada", "ben", "ada")] == [True, True, False]
    free = RateLimits([])
    assert [free.admit("ada", 0) for _ in range(1_000)] == [None] * 1_000
    assert len(free._buckets) == 0


def test_a_clock_that_goes_back_refills_nothing() -> None:
    """It takes nothing away either."""
    bucket = TokenBucket(1, 1, 100)
    bucket.take(100)
    assert bucket.wait(0) == pytest.approx(1)
    assert bucket.wait(100) == pytest.approx(1)
    assert bucket.wait(101) == 0


def test_the_debt_of_a_bucket_is_bounded() -> None:
    """A million wrong guesses are forgotten as soon as a few."""
    bucket = TokenBucket(10, 1, 0)
    for _ in range(1_000_000 // 1000):
        bucket.take(0)
    assert bucket.wait(0) == pytest.approx(11)


def test_the_number_of_callers_is_bounded() -> None:
    """The least recently active one is evicted, not the oldest."""
    limits = RateLimits(parse_rates("2/h"))
    for caller in ("a", "b", "a", "b", *range(MOST_CALLERS - 2)):
        assert limits.admit(caller, 0) is None
    assert limits.admit("a", 0) is not None
    assert limits.admit("one more", 0) is None
    assert limits.admit("a", 0) is not None
    assert limits.admit("b", 0) is None


@pytest.mark.parametrize(
    "text", ["50", "50/", "/s", "0/s", "1/d", "1/s;2/min", "1/s,", "-1/s", "1.5/s", "١/s", "9" * 10 + "/s"]
)
def test_an_invalid_limit_is_reported_in_one_line(text: str) -> None:
    with pytest.raises(SettingError, match=r"^OPENINGS_RATE_LIMIT must have the form 50/s,500/min"):
        Settings.read({"OPENINGS_RATE_LIMIT": text})


def test_limits_are_parsed() -> None:
    """With spaces or without; an empty text means no limit."""
    assert [(rate.amount, rate.seconds) for rate in parse_rates("50/s, 500/min,9/h")] == [(50, 1), (500, 60), (9, 3600)]
    assert parse_rates("") == ()


@pytest.fixture
def backend() -> str:
    """SQLite only: these tests do not depend on the database."""
    return "sqlite"


async def test_a_client_over_its_limit_gets_status_429_and_the_wait(database_url: str) -> None:
    """Nothing was executed. The limit and the wait are in the message, the extensions and the header."""
    async with Api.open(database_url, NOW, rate_limit="3/h") as api:
        for _ in range(3):
            assert (await api.http.post("/graphql", json=HELLO)).status_code == 200
        response = await api.http.post("/graphql", json=HELLO)
        assert response.status_code == 429
        [error] = response.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["limit"] == "3/h"
        wait = error["extensions"]["retryAfter"]
        assert response.headers["retry-after"] == str(wait)
        assert 0 < wait <= floor(3600 / 3) + 1
        assert f"retry in {wait} s" in error["message"]


async def test_an_application_and_its_accounts_share_a_limit(database_url: str) -> None:
    """Requests from the same address without credentials, or with wrong ones, are counted separately."""
    async with Api.open(database_url, NOW) as unlimited:
        person = await unlimited.application_calendar("person")
        another = await unlimited.application_calendar_of_another_client("another")
    async with Api.open(database_url, NOW, rate_limit="2/h") as api:

        async def statuses(token: str | None, times: int) -> list[int]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return [(await api.http.post("/graphql", json=HELLO, headers=headers)).status_code for _ in range(times)]

        assert await statuses(None, 3) == [200, 200, 429]
        assert await statuses("wrong", 1) == [429]
        assert await statuses(person.token, 1) == [200]
        assert await statuses(CLIENT_SECRET, 2) == [200, 429]
        assert await statuses(another.token, 1) == [200]


async def test_a_request_over_the_limit_is_not_parsed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invalid documents count as well."""
    async with Api.open(database_url, NOW, rate_limit="5/h") as api:
        for n in range(5):
            await api.http.post("/graphql", json={"query": "{" * n})
        parser = Mock(wraps=parse)
        monkeypatch.setattr("server.graphql.documents.parse", parser)
        make = {"clientId": "tests", "clientSecret": CLIENT_SECRET, "applicationCalendarId": "x"}
        query = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub } }"
        answers = await asyncio.gather(*(api(query, input=make) for _ in range(5)))
        assert {answer["errors"][0]["extensions"]["code"] for answer in answers} == {"RATE_LIMITED"}
        assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]
        parser.assert_not_called()


async def test_two_machines_let_twice_the_limit_through(database_url: str) -> None:
    """Each server counts for itself."""
    async with (
        Api.open(database_url, NOW, rate_limit="2/h") as one,
        Api.open(database_url, NOW, rate_limit="2/h") as other,
    ):
        for api in (one, other):
            responses = [await api.http.post("/graphql", json=HELLO) for _ in range(3)]
            assert [response.status_code for response in responses] == [200, 200, 429]
