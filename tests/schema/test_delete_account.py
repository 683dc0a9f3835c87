"""deleteAccount erases a person: nothing of it is left in any table but its sub in meetings with others."""

import asyncio
import json
from collections import defaultdict
from typing import Any

from sqlmodel import select

from core.identity import digest
from db import tables
from db.tables import metadata
from tests.conftest import NOW
from tests.support import recurring as recurring_events
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    booking_input,
    create_account,
    create_busy_event,
    create_link,
    get_link,
    iso_time,
    link_input,
    link_token,
)
from tests.support.graphql_queries import ACCOUNT_TOKENS, BOOK_SLOT, UPSERT_AVAILABILITY_RULE
from tests.support.sources import upsert as upsert_source

DELETE = "mutation ($sub: ID!) { deleteAccount(input: {sub: $sub}) { deleted } }"
PERIOD = """
mutation {
  upsertAvailablePeriod(input: {
    availablePeriodId: "erase-me", start: "2027-01-19T09:00:00Z", end: "2027-01-19T12:00:00Z"
  }) { availablePeriod { start } }
}
"""
ELEMENT_TOKEN = """
mutation ($subs: [ID!]!) {
  elementToken(input: {permissions: [AGENDA], subs: $subs, origin: "https://example.com"}) { elementToken { expiresIn } }
}
"""
CREATE_CALENDAR = 'mutation { createCalendar(input: {name: "erase-me too"}) { calendar { id } } }'

#: tables without anything about an account
OF_NO_ACCOUNT = {"clients", "installation", "locks", "element_tokens"}
#: where the sub of an erased account may remain, with those of the others who met or were to meet
SUB_REMAINS = {
    ("bookings", "request"),
    ("booking_participants", "sub"),
    ("real_time_schedulings", "request"),
    ("real_time_schedulings", "participants"),
    ("callbacks", "body"),
}


async def contents(api: Api) -> dict[tuple[str, str], list[Any]]:
    """Every value in the database, by table and column."""
    found: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for table in metadata.tables.values():
        names = [column.name for column in table.columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        for row in await api.rows(f"SELECT {quoted} FROM {table.name}"):
            for name, value in zip(names, row, strict=True):
                found[table.name, name].append(value)
    return dict(found)


def is_about(value: Any, marks: list[Any]) -> bool:
    """Whether a stored value has one of the marks, in text, JSON or bytes."""
    if isinstance(value, bytes):
        return value in marks
    text = value if isinstance(value, str) else json.dumps(value)
    return any(mark in text for mark in marks if isinstance(mark, str))


def places(stored: dict[tuple[str, str], list[Any]], marks: list[Any]) -> set[tuple[str, str]]:
    """The tables and columns in which there is one of the marks."""
    return {place for place, values in stored.items() if any(is_about(value, marks) for value in values)}


async def book_by_link(api: Api, link: dict[str, Any], start: str) -> None:
    """Books a start as a visitor does who has only the link."""
    answer = await api.http.post(
        f"/book/{link_token(link)}", data={"start": start, "tz": "Etc/UTC"}, follow_redirects=False
    )
    assert answer.status_code in (200, 303), answer.text


UPSERT_CHANNEL = "mutation ($input: UpsertChannelInput!) { upsertChannel(input: $input) { channel { channelId } } }"


async def fill(api: Api, ada: Account, ben: Account) -> None:
    """Stores something about Ada in every table that can hold it: alone, and together with Ben."""
    await create_busy_event(api, ada, iso_time(9), iso_time(10), "erase-me")
    day = {"start": "2027-02-01T09:00:00Z", "end": "2027-02-01T10:00:00Z"}
    await recurring_events.upsert(api, ada, recurring_events.recurring(event_id="erase-me too", **day))
    moved = recurring_events.instance(day["start"], *day.values(), event_id="erase-me too", summary="erase-me")
    await recurring_events.upsert(api, ada, moved)
    own = (await api.data(CREATE_CALENDAR, ada.token))["createCalendar"]["calendar"]["id"]
    rule = {"availabilityRuleId": "erase-me", "tzid": "UTC", "weeklyPeriods": []}
    await api.data(UPSERT_AVAILABILITY_RULE, ada.token, input=rule)
    await api.data(PERIOD, ada.token)
    feed = "mutation ($calendars: [ID!]) { calendarFeed(input: {calendarIds: $calendars}) { feedId } }"
    await api.data(feed, ada.token, calendars=[ada.calendar_id])
    await api.data(ELEMENT_TOKEN, CLIENT_SECRET, subs=[ada.sub, ben.sub])
    channel = {"callbackUrl": "https://example.com/erase-me", "calendarIds": [ada.calendar_id]}
    await api.data(UPSERT_CHANNEL, ada.token, input=channel)
    detailed = {"sub": ada.sub, "calendarIds": [ada.calendar_id, own], "availablePeriods": None}
    urls = {"completedUrl": "https://example.com/completed"}
    for number, groups in enumerate(((("all", [ada]),), (("all", [detailed, ben]),))):
        booking = booking_input(*groups, start=iso_time(10 + number), event_id=f"booked {number}")
        await api.data(BOOK_SLOT, CLIENT_SECRET, input={**booking, "idempotencyKey": f"key {number}"})
        target = [{"sub": ada.sub, "calendarId": ada.calendar_id}]
        later = {"queryPeriods": [{"start": "2027-01-20T09:00:00Z", "end": "2027-01-20T17:00:00Z"}]}
        for state in ("open", "completed"):
            more = {"targetCalendars": target, "availability": later, "callbackUrls": urls}
            link = await create_link(api, link_input(*groups, event_id=f"{state} {number}", **more))
            if state == "completed":
                await book_by_link(api, link, f"2027-01-20T{9 + number:02}:00:00Z")
    await upsert_source(api, ada, "https://example.com/a.ics", "erase-me")
    async with api.db.write() as session:
        [key] = await session.exec(select(tables.CalendarSource.key))
        session.add(tables.CalendarSourceItem(source_key=key or 0, uid="erase-me", ends_at=0))


async def test_nothing_is_left_but_the_sub_in_meetings_with_others(api: Api) -> None:
    """Every table is walked: a new one is filled here, or is listed as one that has nothing about accounts."""
    ben = await create_account(api, "ben", name="Ben")
    ada = await create_account(api, "erase-me", name="Ada erase-me", email="erase-me@example.com")
    await fill(api, ada, ben)
    [(key, profile_id)] = await api.rows(f"SELECT key, profile_id FROM accounts WHERE sub = '{ada.sub}'")
    calendars = await api.rows(f"SELECT calendar_id, key FROM calendars WHERE account_key = {key}")
    uids = await api.rows(
        f"SELECT event_uid FROM events WHERE calendar_key IN (SELECT key FROM calendars WHERE account_key = {key})"
    )
    marks = [
        "erase-me",
        profile_id,
        *(row[0] for row in calendars + uids),
        digest(ada.token),
        digest(ada.refresh_token),
    ]
    before = await contents(api)
    filled = {table for table, _ in places(before, [*marks, ada.sub])}
    keys = {"account_key": [key], "calendar_key": [row[1] for row in calendars]}
    filled |= {table for (table, name), values in before.items() if any(own in values for own in keys.get(name, []))}
    assert filled == metadata.tables.keys() - OF_NO_ACCOUNT
    assert (len(before["real_time_schedulings", "key"]), len(before["callbacks", "key"])) == (4, 3)
    bens = await api.data("{ events(input: {}) { nodes { eventUid summary start } } }", ben.token)

    assert await api.data(DELETE, CLIENT_SECRET, sub=ada.sub) == {"deleteAccount": {"deleted": True}}

    after = await contents(api)
    assert places(after, marks) == set()
    assert places(after, [ada.sub]) == SUB_REMAINS
    assert [place for place, values in after.items() if any(own in values for own in keys.get(place[1], []))] == []
    assert (len(after["real_time_schedulings", "key"]), len(after["callbacks", "key"])) == (2, 1)
    assert await api.data("{ events(input: {}) { nodes { eventUid summary start } } }", ben.token) == bens
    assert await api.data(DELETE, CLIENT_SECRET, sub=ada.sub) == {"deleteAccount": {"deleted": False}}


async def test_its_id_makes_a_new_account_afterwards(api: Api) -> None:
    """With a new sub, new tokens and nothing of the old one; the old tokens and the old sub are unknown."""
    ada = await create_account(api, "ada", name="Ada", email="ada@example.com")
    await create_busy_event(api, ada, iso_time(9), iso_time(10))
    await api.data(DELETE, CLIENT_SECRET, sub=ada.sub)
    assert (await api.refusal("{ userInfo { sub } }", ada.token))["code"] == "UNAUTHENTICATED"
    refresh = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { sub } }"
    refused = await api.refusal(refresh, input={**api.credentials, "refreshToken": ada.refresh_token})
    assert [*refused["errors"]] == ["refreshToken"]
    assert (await api.refusal(BOOK_SLOT, CLIENT_SECRET, input=booking_input(("all", [ada]))))["code"] == "UNPROCESSABLE"
    again = await create_account(api, "ada")
    assert again.sub != ada.sub
    assert await api.data("{ userInfo { name email } events(input: {}) { nodes { eventId } } }", again.token) == {
        "userInfo": {"name": None, "email": None},
        "events": {"nodes": []},
    }


async def test_only_the_applications_key_erases_and_only_its_own_accounts(api: Api) -> None:
    ada = await create_account(api, "ada")
    eve = await api.application_calendar_of_another_client("eve")
    assert (await api.refusal(DELETE, ada.token, sub=ada.sub))["code"] == "FORBIDDEN"
    assert (await api.refusal(DELETE, sub=ada.sub))["code"] == "UNAUTHENTICATED"
    for sub in (eve.sub, "acc_000000000000000000000000", "", "\0"):
        assert await api.data(DELETE, CLIENT_SECRET, sub=sub) == {"deleteAccount": {"deleted": False}}
    assert await api.data("{ userInfo { sub } }", eve.token) == {"userInfo": {"sub": eve.sub}}


async def test_a_link_with_an_erased_member_can_be_read_but_not_booked(api: Api) -> None:
    """It is as with a revoked member; the application still finds the link."""
    ada, ben = await create_account(api, "ada"), await create_account(api, "ben")
    alone = await create_link(api, link_input(("all", [ada]), event_id="alone"))
    shared = await create_link(api, link_input(("all", [ada, ben]), event_id="shared"))
    await api.data(DELETE, CLIENT_SECRET, sub=ada.sub)
    assert (await get_link(api, id=shared["realTimeSchedulingId"]))["status"] == "OPEN"
    assert (await api.http.get(f"/book/{link_token(alone)}")).status_code == 404
    assert (await api.http.get(f"/book/{link_token(shared)}")).status_code < 500


async def test_beside_bookings_and_upserts_it_is_whole_or_not_at_all(database_url: str) -> None:
    """Two servers on one database: whoever comes first, a meeting is on both calendars or on none before the erasure,
    and nothing of the erased account is left after it."""
    async with Api.open(database_url, NOW) as api, Api.open(database_url, NOW) as other:
        ben = await create_account(api, "ben")
        booked = 0
        for turn in range(6):
            ada = await create_account(api, "ada")
            given = booking_input(
                ("all", [ada, ben]),
                start=f"2027-01-{10 + turn}T09:00:00Z",
                event_id=f"meeting {turn}",
                availability={
                    "queryPeriods": [
                        {"start": f"2027-01-{10 + turn}T09:00:00Z", "end": f"2027-01-{10 + turn}T12:00:00Z"}
                    ]
                },
            )
            if turn % 2:
                given["idempotencyKey"] = f"key {turn}"
            rule = {"availabilityRuleId": "r", "tzid": "UTC", "weeklyPeriods": []}

            async def erase(late: float = turn / 400, sub: str = ada.sub) -> Any:
                await asyncio.sleep(late)
                return await other.data(DELETE, CLIENT_SECRET, sub=sub)

            answers = await asyncio.gather(
                erase(),
                api(BOOK_SLOT, CLIENT_SECRET, input=given),
                other(UPSERT_AVAILABILITY_RULE, ada.token, input=rule),
                api(CREATE_CALENDAR, ada.token),
                api(ACCOUNT_TOKENS, input={**api.credentials, "kind": "USER", "accountId": "ada", "name": "Again"}),
            )
            assert answers[0] == {"deleteAccount": {"deleted": True}}
            refused = [answer["errors"][0]["extensions"] for answer in answers[1:] if "errors" in answer]
            assert {extensions["code"] for extensions in refused} <= {"UNPROCESSABLE", "UNAUTHENTICATED"}
            is_booked = "errors" not in answers[1]
            booked += is_booked
            [(events,)] = await api.rows(f"SELECT count(*) FROM events WHERE event_id = 'meeting {turn}'")
            assert events == is_booked  # Ben's; hers is erased
            assert await api.rows(f"SELECT key FROM accounts WHERE sub = '{ada.sub}'") == []
            assert await api.rows("SELECT key FROM booking_answers") == []
            again = await create_account(api, "ada")
            assert again.sub != ada.sub
            assert (await api.data("{ availabilityRules { tzid } }", again.token)) == {"availabilityRules": []}
            await api.data(DELETE, CLIENT_SECRET, sub=again.sub)
