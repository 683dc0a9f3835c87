"""Every mutation with an input, by whether it can change an answer to an availability query."""

from collections.abc import Awaitable, Callable
from typing import Any

from .api import CLIENT_SECRET, Account, Api
from .builders import availability_input, create_account, upsert_event_input
from .operations import GRAPHQL_SCHEMA

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


async def prepared(api: Api) -> tuple[Account, int]:
    """An account with data in everything that can be deleted, and its key."""
    ada = await create_account(api, "ada")
    for name in ("upsertEvent", "upsertAvailabilityRule", "upsertAvailablePeriod"):
        await api.data(mutation(name), ada.token, input=TELLING[name](api, ada))
    [(key,)] = await api.rows(f"SELECT key FROM accounts WHERE sub = '{ada.sub}'")
    return ada, key
