"""Busy time that is read in one trip with rights and versions."""

from dataclasses import replace
from typing import Any

import pytest

from core.identity import digest
from core.instants import DAY, parse_instant
from db import access
from resolvers.cached_facts import rounded
from resolvers.context import Context
from resolvers.expected_busy import ExpectedBusy
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.builders import availability_input, create_account, create_busy_event, iso_time
from tests.support.graphql_queries import AVAILABILITY_PERIODS

_NINE = parse_instant(iso_time(9))
WINDOW = rounded(_NINE, _NINE + DAY)

CREATE_CALENDAR = """
mutation ($input: CreateCalendarInput!) { createCalendar(input: $input) { calendar { calendarId } } }
"""


async def _rows(ctx: Context, subs: list[str]) -> list[access.Row]:
    """The rows that a request for these accounts reads, which are those of the statement alone."""
    expected = ExpectedBusy(ctx, subs, WINDOW, fresh=True)
    _, rows = await access.load_rows(ctx.statements, ctx.caller, subs, ctx.now, expected.fetch)
    assert rows == (await access.load_rows(ctx.db.driver, ctx.caller, subs, ctx.now))[1]
    return list(rows)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_busy_time_that_has_changed_is_read_and_no_other(api: Api, database_url: str) -> None:
    """The rows are the same, in the same order, and what is cached in the present version stays."""
    ada, ben = await create_account(api, "ada"), await api.application_calendar("ben")
    made = await api.data(CREATE_CALENDAR, ada.token, input={"name": "Second"})
    second = replace(ada, calendar_id=made["createCalendar"]["calendar"]["calendarId"])
    await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=availability_input(ada, ben))
    ctx, subs = api.gate.context(digest(CLIENT_SECRET)), [ada.sub, ben.sub]

    def cached(key: Any) -> Any:
        return ctx.cache.peek("busy", (key, *WINDOW))

    before = await _rows(ctx, subs)
    known = {row[-2]: cached(row[-2]) for row in before}
    assert len(known) == 3
    async with Api.open(database_url, NOW) as other:
        await create_busy_event(other, second, iso_time(9), iso_time(10))
    after = await _rows(ctx, subs)
    [changed] = [new for old, new in zip(before, after, strict=True) if old != new]
    for *_, key, version in after:
        assert cached(key)[0] == version
        assert (cached(key)[1] is known[key][1]) == (key != changed[-2])
    _, busy = cached(changed[-2])
    assert (busy.firm.starts, known[changed[-2]][1].firm.starts) == ([_NINE], [])


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_much_busy_time_is_left_to_the_turn_of_its_client(
    api: Api, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as long as what is cached of an earlier version."""
    monkeypatch.setattr("resolvers.expected_busy._MOST", 1)
    ada = await api.application_calendar("ada")
    await create_busy_event(api, ada, iso_time(9), iso_time(10))
    given = availability_input(ada)
    before = await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given)
    ctx = api.gate.context(digest(CLIENT_SECRET))
    [key] = {row[-2] for row in await _rows(ctx, [ada.sub])}
    known = ctx.cache.get_unchecked("busy", (key, *WINDOW))
    assert known is not None
    async with Api.open(database_url, NOW) as other:
        await create_busy_event(other, ada, iso_time(10), iso_time(11))
    await _rows(ctx, [ada.sub])
    assert ctx.cache.get_unchecked("busy", (key, *WINDOW)) is known
    assert await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given) != before
