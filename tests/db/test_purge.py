"""The steps of the purge, and how the surplus of an account's refresh tokens is deleted."""

from typing import Any

import pytest
from sqlalchemy import text

from core.instants import DAY, HOUR
from db import purge
from db.database import Database
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, booking_errors, booking_input, create_link, link_input, link_token
from tests.support.graphql_queries import CALENDARS, DISABLE_LINK, REFRESH_TOKEN
from tests.support.statements import record_statements


async def execute(db: Database, statement: str, **values: Any) -> None:
    async with db.write() as session:
        await (await session.connection()).execute(text(statement), values)


async def repeat(db: Database, step: Any, *given: Any) -> list[int]:
    """Runs a step in transactions of its own until it deletes nothing; returns the numbers of deleted rows."""
    deleted: list[int] = []
    while not deleted or deleted[-1]:
        async with db.write() as session:
            deleted.append(await step(session, *given))
    return deleted[:-1]


async def refreshed(api: Api, refresh_token: str) -> bool:
    """Whether the refresh token works; if not, it must be unknown."""
    answer = await api(REFRESH_TOKEN, input={**api.credentials, "refreshToken": refresh_token})
    if "errors" in answer:
        [error] = answer["errors"]
        assert error["extensions"]["errors"]["refreshToken"][0]["key"] == "errors.unknown"
    return "errors" not in answer


async def add_refresh_tokens(api: Api, account: Account, count: int) -> int:
    """Adds refresh tokens as an earlier version did, without deleting any. Returns the account's key."""
    [(key,)] = await api.rows(f"SELECT key FROM accounts WHERE sub = '{account.sub}'")
    async with api.db.write() as session:
        statement = text(
            "INSERT INTO tokens (account_key, kind, digest, scope, created_at)"
            " VALUES (:key, 'refresh', :digest, 'read_write', 0)"
        )
        rows = [{"key": key, "digest": f"{key} {n}".encode()} for n in range(count)]
        await (await session.connection()).execute(statement, rows)
    return key


async def count_refresh_tokens(api: Api, account_key: int) -> int:
    statement = f"SELECT count(*) FROM tokens WHERE kind = 'refresh' AND account_key = {account_key}"
    return (await api.rows(statement))[0][0]


async def test_of_an_accounts_refresh_tokens_the_last_20_made_or_used_stay(api: Api) -> None:
    """All within one second: their order does not depend on the clock. Another account's tokens do not count."""
    ben = await api.application_calendar("ben")
    ada = [(await api.application_calendar("ada")).refresh_token for _ in range(20)]
    assert await refreshed(api, ada[0])
    assert await refreshed(api, ada[2])
    ada += [(await api.application_calendar("ada")).refresh_token for _ in range(5)]
    stay = {ada[0], ada[2], *ada[7:]}
    assert len(stay) == 20
    assert [token for token in ada if await refreshed(api, token)] == [token for token in ada if token in stay]
    assert await refreshed(api, ben.refresh_token)


async def test_access_tokens_of_a_deleted_refresh_token_stay_valid(api: Api) -> None:
    """Until they expire."""
    made = [await api.application_calendar("ada") for _ in range(25)]
    for account in made:
        await api.data(CALENDARS, account.token)


async def test_the_clock_of_another_server_does_not_change_the_order(api: Api) -> None:
    """A token is later than all of its account, even when it is made by a server whose clock is behind."""
    await api.application_calendar("ada")
    api.now -= HOUR
    made = [(await api.application_calendar("ada")).refresh_token for _ in range(20)]
    assert all([await refreshed(api, token) for token in made])


async def test_a_refresh_token_of_another_client_is_not_used(api: Api) -> None:
    """It is unknown, and its place in the order stays."""
    theirs = await api.application_calendar_of_another_client("ada")
    before = await api.rows("SELECT key, used_at FROM tokens ORDER BY key")
    assert not await refreshed(api, theirs.refresh_token)
    assert await api.rows("SELECT key, used_at FROM tokens ORDER BY key") == before


async def test_an_authorization_takes_as_many_statements_whatever_there_is(api: Api) -> None:
    """It deletes a few refresh tokens of an earlier version, the oldest first, and leaves the others to the purge."""
    ada = await api.application_calendar("ada")
    with record_statements(api) as few:
        await api.application_calendar("ada")
    key = await add_refresh_tokens(api, ada, 1000)
    with record_statements(api) as many:
        await api.application_calendar("ada")
    assert len(many) == len(few)
    assert await count_refresh_tokens(api, key) == 1003 - 50
    assert await repeat(api.db, purge.refresh_tokens, key) == [500, 433]
    assert await refreshed(api, ada.refresh_token)


async def test_accounts_with_too_many_refresh_tokens_are_found(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps over all accounts."""
    monkeypatch.setattr(purge, "STEP", 2)
    people = [await api.application_calendar(name) for name in ("ada", "ben", "cem", "dan", "eva")]
    keys = [await add_refresh_tokens(api, person, 20 if n in (0, 3) else 19) for n, person in enumerate(people)]
    found, after, steps = list[int](), 0, 0
    while after is not None:
        async with api.db.read() as session:
            crowded, after = await purge.accounts_to_trim(session, after)
        found += crowded
        steps += 1
    assert found == [keys[0], keys[3]]
    assert steps == 4


async def test_an_access_token_is_deleted_a_week_after_it_expired(api: Api) -> None:
    """Also of an account that is never authorized again; its refresh token stays."""
    ada = await api.application_calendar("ada")
    before = NOW + HOUR
    assert await repeat(api.db, purge.access_tokens, before) == []
    assert await repeat(api.db, purge.access_tokens, before + 1) == [1]
    assert await refreshed(api, ada.refresh_token)


async def test_answers_are_deleted_in_steps_and_young_ones_stay(
    api: Api, people: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a deleted answer is a new one: here the same request finds its slot taken."""
    monkeypatch.setattr(purge, "STEP", 2)
    ada = people[0]
    given = [
        booking_input(
            ("all", [ada]), start=f"2027-01-19T{hour:02}:00:00Z", event_id=f"e{hour}", idempotencyKey=f"{hour}"
        )
        for hour in (9, 10, 11)
    ]
    booked = [await book_slot(api, one) for one in given]
    await execute(api.db, "UPDATE booking_answers SET created_at = :then WHERE idempotency_key <> '11'", then=NOW - DAY)
    await execute(
        api.db,
        "INSERT INTO booking_answers (client_key, idempotency_key, request_digest, answer, created_at)"
        " SELECT client_key, 'another', request_digest, answer, created_at FROM booking_answers"
        " WHERE idempotency_key = '9'",
    )
    assert await repeat(api.db, purge.answers, NOW - DAY) == []
    assert await repeat(api.db, purge.answers, NOW) == [2, 1]
    assert await book_slot(api, given[2]) == booked[2]
    assert await booking_errors(api, {**given[2], "start": "2027-01-19T09:00:00Z"}) == {
        "idempotencyKey": ["errors.conflict"]
    }
    assert (await book_slot(api, given[0]))["__typename"] == "SlotTaken"


async def test_a_link_is_deleted_some_time_after_it_is_finished(api: Api, people: list[Account]) -> None:
    """Its page is then not found. An open one is finished with its last period, a booked one with the meeting."""
    open_, booked, disabled = [await create_link(api, link_input(("all", people))) for _ in range(3)]
    form = {"start": "2027-01-19T10:00:00Z", "tz": "Europe/Paris"}
    assert (await api.http.post(f"/book/{link_token(booked)}", data=form)).status_code == 303
    given = {"realTimeSchedulingId": disabled["realTimeSchedulingId"], "displayMessage": "We are closed."}
    await api.data(DISABLE_LINK, CLIENT_SECRET, input=given)

    async def found() -> list[int]:
        return [(await api.http.get(f"/book/{link_token(link)}")).status_code for link in (open_, booked, disabled)]

    tuesday = NOW + 18 * DAY
    assert await found() == [200, 200, 200]
    assert await repeat(api.db, purge.links, NOW) == []
    assert await repeat(api.db, purge.links, NOW + 1) == [1]
    assert await found() == [200, 200, 404]
    assert await repeat(api.db, purge.links, tuesday + 11 * HOUR) == []
    assert await repeat(api.db, purge.links, tuesday + 11 * HOUR + 1) == [1]
    assert await found() == [200, 404, 404]
    assert await repeat(api.db, purge.links, tuesday + 12 * HOUR) == []
    assert await repeat(api.db, purge.links, tuesday + 12 * HOUR + 1) == [1]
    assert await found() == [404, 404, 404]


async def test_a_link_with_slots_is_finished_when_the_last_could_end(api: Api, people: list[Account]) -> None:
    slots = [{"start": "2027-01-19T09:00:00Z"}, {"start": "2027-01-20T09:00:00Z"}]
    asked = {"queryPeriods": None, "querySlots": slots, "responseFormat": "SLOTS"}
    await create_link(api, link_input(("all", people), availability=asked))
    assert await api.rows("SELECT finishes_at FROM real_time_schedulings") == [(NOW + 19 * DAY + 10 * HOUR,)]
