"""Builders of inputs, and requests that several test modules send.

Unless a function says otherwise, times are on Tuesday, 2027-01-19, in UTC.
"""

from typing import Any

from .api import CLIENT_SECRET, Account, Api
from .graphql_queries import ACCOUNT_TOKENS, BOOK_SLOT, CALENDARS, CREATE_LINK, GET_LINK, UPSERT_EVENT, UPSERT_EVENTS

MORNING = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T12:00:00Z"}


def iso_time(hour: int, minute: int = 0) -> str:
    """A time of that Tuesday."""
    return f"2027-01-19T{hour:02}:{minute:02}:00Z"


async def create_account(api: Api, account_id: str, kind: str = "USER", **more: Any) -> Account:
    """Creates or finds a user or a resource; `more` are further fields of the input."""
    given = {**api.credentials, "kind": kind, "accountId": account_id, **more}
    made = (await api.data(ACCOUNT_TOKENS, input=given))["account"]
    calendars = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendars[0]["calendarId"])


def booking_input(
    *groups: tuple[str | int, list[Any]], start: str = iso_time(9), event_id: str = "booking", **more: Any
) -> dict[str, Any]:
    """The input of `bookSlot` for one hour between 9 and 12.

    A group is the number of members it requires, or "all", and its members: accounts, or inputs with more fields.
    """

    def to_input(member: Any) -> dict[str, Any]:
        return {"sub": member.sub} if isinstance(member, Account) else member

    return {
        "availability": {
            "participants": [
                {"required": required, "members": [to_input(member) for member in members]}
                for required, members in groups
            ],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [MORNING],
            **more.pop("availability", {}),
        },
        "start": start,
        "event": {"eventId": event_id, "summary": "Meeting", **more.pop("event", {})},
        **more,
    }


async def book_slot(api: Api, given: dict[str, Any], token: str = CLIENT_SECRET) -> dict[str, Any]:
    """Sends a booking, and returns its result: `Booked` or `SlotTaken`."""
    return (await api.data(BOOK_SLOT, token, input=given))["bookSlot"]


async def create_busy_event(api: Api, whose: Account, start: str, end: str, event_id: str = "busy") -> None:
    """Creates an event that makes the account busy."""
    event = {"eventId": event_id, "summary": "Busy", "start": start, "end": end}
    await api.data(UPSERT_EVENT, whose.token, input={"calendarId": whose.calendar_id, "event": event})


async def booking_errors(api: Api, given: dict[str, Any]) -> dict[str, list[str]]:
    """Sends a booking that must be refused as unprocessable, and returns the keys of its errors by path."""
    refusal = await api.refusal(BOOK_SLOT, CLIENT_SECRET, input=given)
    assert refusal["code"] == "UNPROCESSABLE"
    return {path: [problem["key"] for problem in problems] for path, problems in refusal["errors"].items()}


async def count_events(api: Api) -> int:
    """Counts the rows of the table of events, those of deleted events included."""
    [[found]] = await api.rows("SELECT COUNT(*) FROM events")
    return found


def link_input(*groups: tuple[str | int, list[Any]], **more: Any) -> dict[str, Any]:
    """The input of `realTimeScheduling` for one hour; groups are given as to `booking_input`."""
    given = booking_input(*groups, **more)
    del given["start"]
    return given


async def create_link(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    """Creates a booking link."""
    made = await api.data(CREATE_LINK, CLIENT_SECRET, input=given)
    return made["realTimeScheduling"]["realTimeScheduling"]


async def get_link(api: Api, **which: str) -> dict[str, Any]:
    """Reads a booking link by its `id`, or by its token as `part`."""
    return (await api.data(GET_LINK, CLIENT_SECRET, **which))["realTimeScheduling"]


def link_token(link: dict[str, Any]) -> str:
    """The token in the URL of a booking link."""
    return link["url"].rpartition("/")[2]


def event_input(
    event_id: str, start: str = "2027-01-19T09:00:00Z", end: str = "2027-01-19T10:00:00Z", **more: Any
) -> dict[str, Any]:
    """An event with its required fields."""
    return {"eventId": event_id, "summary": "Meeting", "start": start, "end": end, **more}


async def create_hourly_events(api: Api, whose: Account, count: int) -> None:
    """Creates events of half an hour, one in each hour from `nth_hour(0)` on."""
    events = [
        {"eventId": f"e{n}", "summary": "Busy", "start": nth_hour(n), "end": nth_hour(n).replace(":00:00", ":30:00")}
        for n in range(count)
    ]
    await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": events})


def nth_hour(n: int) -> str:
    """The time n hours after the beginning of 2027-01-10."""
    return f"2027-01-{10 + n // 24:02}T{n % 24:02}:00:00Z"


def slots_input(people: list[Account]) -> dict[str, Any]:
    """The input of `availability` for slots of half an hour with all people, within eleven days."""
    return {
        "participants": [{"required": "all", "members": [{"sub": person.sub} for person in people]}],
        "requiredDuration": {"minutes": 30},
        "queryPeriods": [{"start": "2027-01-09T00:00:00Z", "end": "2027-01-20T00:00:00Z"}],
        "responseFormat": "SLOTS",
    }


def availability_input(*people: Account, day: str = "2027-01-19", **more: Any) -> dict[str, Any]:
    """The input of `availability` for one hour with all people, between 9 and 17 on a day; `more` is for each member."""
    members = [{"sub": person.sub, **more} for person in people]
    return {
        "participants": [{"members": members, "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": f"{day}T09:00:00Z", "end": f"{day}T17:00:00Z"}],
    }


def upsert_event_input(
    whose: Account, start: int, end: int, event_id: str = "e", day: str = "2027-01-19"
) -> dict[str, Any]:
    """The input of `upsertEvent` for an event from one full hour to another."""
    times = {"start": f"{day}T{start:02}:00:00Z", "end": f"{day}T{end:02}:00:00Z"}
    return {"calendarId": whose.calendar_id, "event": {"eventId": event_id, "summary": "Busy", **times}}


def period_hours(body: dict[str, Any]) -> list[str]:
    """The periods in an answer of `availabilityChanged`, each as `9-17`."""
    assert "errors" not in body, body
    found = body["data"]["availabilityChanged"]["availablePeriods"]
    return [f"{int(period['start'][11:13])}-{int(period['end'][11:13])}" for period in found]
