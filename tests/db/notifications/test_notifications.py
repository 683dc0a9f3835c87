"""Which subscribers are woken when an account has changed, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

import pytest

from db.database import Database
from db.notifications import subscribers
from db.notifications.subscribers import ChangedAccounts, Subscribers, decode, encode, mark_all_changed, mark_changed
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import availability_input, create_account, upsert_event_input
from tests.support.graphql_queries import UPSERT_EVENT
from tests.support.live_clients import QUIET_SECONDS
from tests.support.operations import APPLICATION_ONLY, GRAPHQL_SCHEMA
from tests.support.waiting import TIMEOUT


class Watched:
    """Subscribes to some accounts, and records whether it was woken."""

    def __init__(self, db: Database, *account_keys: int) -> None:
        self._changes = db.subscribers
        self._waiting = db.subscribers.subscribe(account_keys)

    async def __aenter__(self) -> "Watched":
        self.waiter = self._waiting.__enter__()
        # The first subscriber starts the listener, which wakes all of them once: wait for that first.
        assert len(self._changes) > 1 or await self.woken()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._waiting.__exit__(*error)

    async def woken(self, within: float = TIMEOUT) -> bool:
        """Whether it is woken within so many seconds; then it handles the change, and can be woken again."""
        began = asyncio.get_running_loop().time()
        await self.waiter.wait(within)
        told = asyncio.get_running_loop().time() - began < within
        async with self.waiter.throttled():
            return told


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
    assert not db.subscribers._by_account


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

RULE = {
    "availabilityRuleId": "r",
    "tzid": "Etc/UTC",
    "weeklyPeriods": [{"day": "TUESDAY", "startTime": "09:00", "endTime": "12:00"}],
}
PERIOD = {"availablePeriodId": "p", "start": "2027-01-19T09:00:00Z", "end": "2027-01-19T12:00:00Z"}

Input = Callable[[Api, Account], dict[str, Any] | Awaitable[dict[str, Any]] | None]


def _event(_api: Api, ada: Account) -> dict[str, Any]:
    return {"calendarId": ada.calendar_id, "eventId": "e"}


def _account(api: Api, _ada: Account) -> dict[str, Any]:
    return {**api.credentials, "kind": "USER", "accountId": "ada"}


def _link(_api: Api, ada: Account) -> dict[str, Any]:
    return {"availability": availability_input(ada), "event": {"eventId": "b", "summary": "Booked"}}


def _booking(api: Api, ada: Account) -> dict[str, Any]:
    return {**_link(api, ada), "start": "2027-01-19T12:00:00Z"}


def _sequence(_api: Api, ada: Account) -> dict[str, Any]:
    query = availability_input(ada)
    step = {"sequenceId": "s", "participants": query["participants"], "requiredDuration": query["requiredDuration"]}
    start = {"sequenceId": "s", "start": "2027-01-19T12:00:00Z", "event": {"eventId": "b", "summary": "Booked"}}
    asked = {"queryPeriods": query["queryPeriods"], "sequence": [step]}
    return {"sequencedAvailability": asked, "starts": [start]}


async def _made_booking(api: Api, ada: Account, **more: Any) -> dict[str, Any]:
    making = mutation("holdSlot").replace("__typename", "... on Booked { booking { bookingId } }")
    made = await api.data(making, CLIENT_SECRET, input=_booking(api, ada))
    return {**made["holdSlot"]["booking"], **more}


async def _made_link(api: Api, ada: Account) -> dict[str, Any]:
    making = mutation("realTimeScheduling").replace("__typename", "realTimeScheduling { realTimeSchedulingId }")
    made = (await api.data(making, CLIENT_SECRET, input=_link(api, ada)))["realTimeScheduling"]
    return {**made["realTimeScheduling"], "displayMessage": "Gone"}


async def _made_source(api: Api, ada: Account) -> dict[str, Any]:
    source = {"sourceId": "work", "url": "https://nowhere.invalid/a.ics"}
    await api.data(mutation("upsertCalendarSource"), ada.token, input=source)
    return {"sourceId": "work"}


async def _made_calendar(api: Api, ada: Account) -> dict[str, Any]:
    making = mutation("createCalendar").replace("__typename", "calendar { calendarId }")
    return (await api.data(making, ada.token, input={"name": "Private"}))["createCalendar"]["calendar"]


def _element_token(_api: Api, ada: Account) -> dict[str, Any]:
    return {"permissions": ["AVAILABILITY"], "subs": [ada.sub], "origin": "https://shop.example"}


#: mutations that can change an answer about an existing account, with an input that does
TELLING: dict[str, Input] = {
    "upsertEvent": lambda _, ada: upsert_event_input(ada, 9, 10),
    "upsertEvents": lambda _, ada: {"calendarId": ada.calendar_id, "events": [upsert_event_input(ada, 9, 10)["event"]]},
    "deleteEvent": _event,
    "deleteEvents": lambda _, ada: {"calendarIds": [ada.calendar_id]},
    "bookSlot": _booking,
    "holdSlot": _booking,
    "bookSequence": _sequence,
    "confirmBooking": lambda api, ada: _made_booking(api, ada),
    "rescheduleBooking": lambda api, ada: _made_booking(api, ada, start="2027-01-19T14:00:00Z"),
    "cancelBooking": lambda api, ada: _made_booking(api, ada),
    "upsertAvailabilityRule": lambda *_: RULE,
    "deleteAvailabilityRule": lambda *_: {"availabilityRuleId": "r"},
    "upsertAvailablePeriod": lambda *_: PERIOD,
    "deleteAvailablePeriod": lambda *_: {"availablePeriodId": "p"},
    "deleteAvailablePeriods": lambda *_: None,
    "createCalendar": lambda *_: {"name": "Private"},
    "upsertCalendarSource": lambda *_: {"sourceId": "work", "url": "https://example.com/a.ics"},
    "deleteCalendarSource": _made_source,
    "deleteCalendar": _made_calendar,
    "revokeAuthorization": lambda api, ada: {**api.credentials, "sub": ada.sub},
    "deleteAccount": lambda _, ada: {"sub": ada.sub},
}

#: mutations that change no answer, with the reason
SILENT: dict[str, tuple[Input, str]] = {
    "refreshToken": (
        lambda api, ada: {**api.credentials, "refreshToken": ada.refresh_token},
        "adds a token; existing ones stay valid",
    ),
    "elementToken": (_element_token, "adds a token"),
    "syncCalendarSource": (_made_source, "its file cannot be fetched, so events stay as they are"),
    "upsertChannel": (lambda *_: {"callbackUrl": "https://app.example.com/changes"}, "events stay as they are"),
    "closeChannel": (lambda *_: {"channelId": "chn_none"}, "events stay as they are"),
    "account": (_account, "it exists, and grants everything already"),
    "applicationCalendar": (
        lambda api, _: {**api.credentials, "applicationCalendarId": "ada"},
        "a new account, which no query can have named",
    ),
    "realTimeScheduling": (_link, "nothing is booked until a visitor confirms"),
    "calendarFeed": (lambda *_: {}, "an address by which others read"),
    "revokeCalendarFeed": (lambda *_: {"feedId": "fee_none"}, "an address by which others read"),
    "disableRealTimeScheduling": (_made_link, "nothing is booked"),
}


def mutation(name: str) -> str:
    """The mutation, with an empty selection."""
    root = GRAPHQL_SCHEMA.mutation_type
    assert root is not None
    given = root.fields[name].args
    declared, passed = (f"($input: {given['input'].type})", "(input: $input)") if given else ("", "")
    return f"mutation {declared} {{ {name}{passed} {{ __typename }} }}"


def test_every_mutation_is_listed_by_whether_it_can_change_an_answer() -> None:
    """A new mutation must be added here; if it can change an answer, it must mark the account as changed."""
    root = GRAPHQL_SCHEMA.mutation_type
    assert root is not None
    assert TELLING.keys() | SILENT.keys() == root.fields.keys()
    assert not TELLING.keys() & SILENT.keys()


async def _prepared(api: Api) -> tuple[Account, int]:
    """An account with data in everything that can be deleted, and its key."""
    ada = await create_account(api, "ada")
    for name in ("upsertEvent", "upsertAvailabilityRule", "upsertAvailablePeriod"):
        await api.data(mutation(name), ada.token, input=TELLING[name](api, ada))
    [(key,)] = await api.rows("SELECT key FROM accounts")
    return ada, key


@pytest.mark.parametrize("name", TELLING)
async def test_a_mutation_that_can_change_an_answer_wakes_subscribers(api: Api, name: str) -> None:
    ada, key = await _prepared(api)
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
    ada, key = await _prepared(api)
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
