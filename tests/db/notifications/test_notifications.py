"""Which subscribers are woken when an account has changed, and when."""

import asyncio
from inspect import isawaitable

import pytest

from db.database import Database
from db.notifications import subscribers
from db.notifications.subscribers import ChangedAccounts, Subscribers, decode, encode, mark_all_changed, mark_changed
from tests.support.api import CLIENT_SECRET, Api
from tests.support.builders import upsert_event_input
from tests.support.graphql_queries import UPSERT_EVENT
from tests.support.live_clients import QUIET_SECONDS
from tests.support.mutations import SILENT, TELLING, mutation, prepared
from tests.support.operations import APPLICATION_ONLY, GRAPHQL_SCHEMA
from tests.support.subscribing import Watched
from tests.support.waiting import TIMEOUT


def test_an_encoded_notification_decodes_to_the_same_accounts() -> None:
    """PostgreSQL's payload is below 8,000 bytes; more accounts than fit become "all"."""
    few: list[ChangedAccounts] = [frozenset(), frozenset({1}), frozenset({3, 2**62, 17}), None]
    assert [decode(encode(touched)) for touched in few] == few
    most = frozenset(range(2**62, 2**62 + 300))
    assert decode(encode(most)) == most
    assert len(encode(most)) < 8000
    assert decode(encode(most | {1})) is None


@pytest.mark.parametrize("payload", ["*", "1 x", "{}"])
def test_an_unreadable_notification_concerns_all_accounts(payload: str) -> None:
    """A newer version that runs beside this one may send more."""
    assert decode(payload) is None


async def test_only_subscribers_of_the_changed_account_are_woken(db: Database) -> None:
    async with Watched(db, 1, 2) as one, Watched(db, 3) as other:
        async with db.write() as session:
            mark_changed(session, 2)
        assert await one.woken()
        assert not await other.woken(QUIET_SECONDS)


async def test_a_change_of_all_accounts_wakes_all_subscribers(db: Database) -> None:
    """Even if the transaction names single accounts before or after."""
    async with Watched(db, 1) as one, Watched(db) as other:
        async with db.write() as session:
            mark_changed(session, 7)
            mark_all_changed(session)
            mark_changed(session, 8)
        assert await one.woken()
        assert await other.woken()


async def test_a_rolled_back_change_wakes_nobody(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as session:
            mark_changed(session, 1)
            raise ZeroDivisionError

    async with Watched(db, 1) as one:
        with pytest.raises(ZeroDivisionError):
            await fail()
        assert not await one.woken(QUIET_SECONDS)


async def test_a_cancelled_write_that_was_committed_wakes_subscribers(api: Api) -> None:
    """The cancellation may come too late to prevent the commit."""
    ada = await api.application_calendar("ada")
    [(key,)] = await api.rows("SELECT key FROM accounts")
    for steps in range(12):
        async with Watched(api.db, key) as one:
            writing = asyncio.create_task(
                api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10, f"e{steps}"))
            )
            await asyncio.sleep(0.002 * steps)
            writing.cancel()
            await asyncio.wait({writing})
            if await api.rows(f"SELECT 1 FROM events WHERE event_id = 'e{steps}'"):
                assert await one.woken()


async def test_a_subscriber_of_many_accounts_is_removed_completely(db: Database) -> None:
    """Even after an exception."""
    with pytest.raises(ZeroDivisionError):
        async with Watched(db, *range(100)):
            raise ZeroDivisionError
    assert len(db.subscribers) == 0
    assert not db.subscribers._by_watched


async def test_changes_in_quick_succession_are_handled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at once, the later ones after a pause."""
    monkeypatch.setattr(subscribers, "PAUSE", 0.2)
    told, looks = Subscribers(), 0
    with told.subscribe([1]) as waiter:
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            for _ in range(1000):
                told.wake(frozenset({1}))
            await waiter.wait(TIMEOUT)
            async with waiter.throttled():
                looks += 1
        assert asyncio.get_running_loop().time() - began > 0.4
        assert looks == 3


# --- every mutation ------------------------------------------------------------------------------------------------


def test_every_mutation_is_listed_by_whether_it_can_change_an_answer() -> None:
    """A new mutation must be added here; if it can change an answer, it must mark the account as changed."""
    root = GRAPHQL_SCHEMA.mutation_type
    assert root is not None
    assert TELLING.keys() | SILENT.keys() == root.fields.keys()
    assert not TELLING.keys() & SILENT.keys()


@pytest.mark.parametrize("name", TELLING)
async def test_a_mutation_that_can_change_an_answer_wakes_subscribers(api: Api, name: str) -> None:
    ada, key = await prepared(api)
    given = TELLING[name](api, ada)
    given = await given if isawaitable(given) else given
    async with Watched(api.db, key) as one, Watched(api.db, key + 1) as other:
        token = CLIENT_SECRET if name in APPLICATION_ONLY else ada.token
        await api.data(mutation(name), token, **({"input": given} if given else {}))
        assert await one.woken()
        assert not await other.woken(0.05)


@pytest.mark.parametrize("name", SILENT)
async def test_a_mutation_that_changes_no_answer_wakes_nobody(api: Api, name: str) -> None:
    """Applications request their accounts whenever they need a token."""
    ada, key = await prepared(api)
    given = SILENT[name][0](api, ada)
    given = await given if isawaitable(given) else given
    async with Watched(api.db, key) as one:
        await api.data(mutation(name), CLIENT_SECRET if name in APPLICATION_ONLY else ada.token, input=given)
        assert not await one.woken(QUIET_SECONDS)


async def test_an_account_with_another_capacity_wakes_subscribers(api: Api) -> None:
    """It may have room now. The same capacity once more changes nothing."""
    given = {**api.credentials, "applicationCalendarId": "shop", "capacity": 3}
    await api.data(mutation("applicationCalendar"), input=given)
    [(key,)] = await api.rows("SELECT key FROM accounts")
    async with Watched(api.db, key) as one:
        await api.data(mutation("applicationCalendar"), input=given)
        assert not await one.woken(QUIET_SECONDS)
        await api.data(mutation("applicationCalendar"), input={**given, "capacity": 2})
        assert await one.woken()


async def test_an_account_that_grants_more_or_returns_wakes_subscribers(api: Api) -> None:
    """A query that was refused may be answered now."""
    given = {**api.credentials, "applicationCalendarId": "shy"}
    await api.data(mutation("applicationCalendar"), input={**given, "scope": "read_events"})
    [(key, sub)] = await api.rows("SELECT key, sub FROM accounts")
    async with Watched(api.db, key) as one:
        await api.data(mutation("applicationCalendar"), input={**given, "scope": "free_busy"})
        assert await one.woken()
        await api.data(mutation("revokeAuthorization"), input={**api.credentials, "sub": sub})
        assert await one.woken()
        await api.data(mutation("applicationCalendar"), input=given)
        assert await one.woken()
