"""Events that recur: their instances count wherever events do, and can be changed one by one or from one on."""

from typing import Any

import pytest

from core.instants import DAY, parse_instant
from db import purge
from resolvers import recurring_events
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    create_account,
    event_input,
    iso_time,
)
from tests.support.graphql_queries import (
    AVAILABILITY_PERIODS,
    DELETE_ALL_EVENTS,
    DELETE_EVENT,
    UPSERT_EVENTS,
)
from tests.support.recurring import (
    FIELDS,
    WEEKLY,
    delete,
    expand,
    instance,
    let_tokens_last,
    listed,
    recurring,
    refusal,
    starts,
    upsert,
)
from tests.support.rest import Rest

#: the starts of the weekly event in the first five weeks
FIVE = ["01-19T09:00", "01-26T09:00", "02-02T09:00", "02-09T09:00", "02-16T09:00"]
SECOND, THIRD, FOURTH = "2027-01-26T09:00:00Z", "2027-02-02T09:00:00Z", "2027-02-09T09:00:00Z"


async def test_an_event_that_recurs_is_listed_as_its_instances(api: Api, store: Account) -> None:
    """Each is named by the start that the lines give it, and has a uid of its own."""
    upserted = await upsert(api, store, recurring())
    assert upserted["created"] is True
    assert (upserted["event"]["recurrence"], upserted["event"]["recurrenceId"]) == (WEEKLY, None)
    found = await listed(api, store)
    assert {event["eventId"] for event in found} == {"standup"}
    assert [event["recurrenceId"] for event in found] == [event["start"] for event in found]
    assert {event["recurrence"] for event in found} == {None}
    assert len({event["eventUid"] for event in [*found, upserted["event"]]}) == len(found) + 1
    assert await starts(api, store) == FIVE


async def test_the_event_itself_is_found_by_its_id(api: Api, store: Account) -> None:
    """With its lines, as upsertEvent has returned it."""
    event = (await upsert(api, store, recurring()))["event"]
    query = f"query ($id: ID!) {{ node(id: $id) {{ ... on Event {{ {FIELDS} }} }} }}"
    assert (await api.data(query, store.token, id=event["eventUid"]))["node"] == event


async def test_it_recurs_on_the_clock_of_its_zone(api: Api, store: Account) -> None:
    """9:00 in London is another instant once clocks have changed."""
    await upsert(api, store, recurring(tzid="Europe/London"))
    found = await starts(api, store, **{"from": "2027-03-20T00:00:00Z", "to": "2027-04-02T00:00:00Z"})
    assert found == ["03-23T09:00", "03-30T08:00"]


async def test_whole_days_recur(api: Api, store: Account) -> None:
    """From midnight to midnight, named by their dates."""
    event = recurring("RRULE:FREQ=MONTHLY;COUNT=3", start="2027-01-31", end="2027-02-01")
    await upsert(api, store, event)
    found = await listed(api, store)
    assert [(each["start"], each["end"], each["recurrenceId"]) for each in found] == [
        ("2027-01-31", "2027-02-01", "2027-01-31"),
        ("2027-03-31", "2027-04-01", "2027-03-31"),
        ("2027-05-31", "2027-06-01", "2027-05-31"),
    ]


async def test_further_dates_and_dates_that_are_left_out(api: Api, store: Account) -> None:
    """RDATE and EXDATE, also of another zone. The start itself always takes place."""
    lines = ["RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=3", "RDATE;TZID=Europe/Paris:20270120T100000", "EXDATE:20270128T090000Z"]
    await upsert(api, store, recurring(*lines))
    assert await starts(api, store) == ["01-19T09:00", "01-20T09:00", "01-21T09:00", "02-04T09:00"]


async def test_upserting_twice_is_upserting_once(api: Api, store: Account) -> None:
    """No instance has another uid, nor a later time of change."""
    await upsert(api, store, recurring())
    before = await listed(api, store)
    api.now += 60
    assert (await upsert(api, store, recurring()))["created"] is False
    assert await listed(api, store) == before


async def test_replacing_changes_what_has_changed(api: Api, store: Account) -> None:
    """Instances that stay keep their uids; those that are gone are deleted events."""
    await upsert(api, store, recurring())
    before = {event["start"]: event["eventUid"] for event in await listed(api, store)}
    await upsert(api, store, recurring("RRULE:FREQ=WEEKLY;COUNT=3", summary="Shorter"))
    found = await listed(api, store)
    assert [(each["summary"], each["eventUid"] == before[each["start"]]) for each in found] == [("Shorter", True)] * 3
    everything = await listed(api, store, includeDeleted=True)
    assert {each["eventUid"] for each in everything} == {*before.values()}
    assert [each["deleted"] for each in everything[:5]] == [False] * 3 + [True] * 2


async def test_one_instance_is_moved_by_itself(api: Api, store: Account) -> None:
    """It has its own summary and time, and is named as before."""
    await upsert(api, store, recurring())
    [_, second, *_] = await listed(api, store)
    moved = instance(SECOND, "2027-01-27T14:00:00Z", "2027-01-27T14:30:00Z", summary="Later")
    answer = await upsert(api, store, moved)
    assert answer["created"] is False
    assert answer["event"] == {
        **second,
        **{"summary": "Later", "start": "2027-01-27T14:00:00Z", "end": "2027-01-27T14:30:00Z"},
    }
    assert await starts(api, store) == ["01-19T09:00", "01-27T14:00", *FIVE[2:]]
    assert (await listed(api, store))[1] == answer["event"]


async def test_one_instance_is_deleted_by_itself(api: Api, store: Account) -> None:
    """Deleting it again does nothing; upserting it brings it back, with its uid."""
    await upsert(api, store, recurring())
    uid = (await listed(api, store))[1]["eventUid"]
    assert await delete(api, store, recurrenceId=SECOND) is True
    assert await delete(api, store, recurrenceId=SECOND) is False
    assert await starts(api, store) == [FIVE[0], *FIVE[2:]]
    deleted = [each for each in await listed(api, store, includeDeleted=True) if each["deleted"]]
    assert [(each["eventUid"], each["recurrenceId"]) for each in deleted] == [(uid, SECOND)]
    again = await upsert(api, store, instance(SECOND, SECOND, "2027-01-26T10:00:00Z"))
    assert (again["created"], again["event"]["eventUid"]) == (True, uid)
    assert await starts(api, store) == FIVE


async def test_changes_of_single_instances_outlive_an_upsert_of_the_event(api: Api, store: Account) -> None:
    """As long as the event still has them."""
    await upsert(api, store, recurring())
    await delete(api, store, recurrenceId=SECOND)
    await upsert(api, store, instance(THIRD, "2027-02-03T09:00:00Z", "2027-02-03T10:00:00Z"))
    await upsert(api, store, recurring(summary="Renamed"))
    assert await starts(api, store) == [FIVE[0], "02-03T09:00", *FIVE[3:]]
    await upsert(api, store, recurring("RRULE:FREQ=WEEKLY;INTERVAL=2"))  # has the third, and not the second
    await upsert(api, store, recurring())
    assert await starts(api, store) == [*FIVE[:2], "02-03T09:00", *FIVE[3:]]


async def test_an_instance_is_changed_with_all_that_follow(api: Api, store: Account) -> None:
    """They move by the same difference, have its length and its summary, and are named as before."""
    await upsert(api, store, recurring())
    await delete(api, store, recurrenceId=FOURTH)
    change = instance(THIRD, "2027-02-03T10:00:00Z", "2027-02-03T12:00:00Z", summary="Wednesdays")
    answer = await upsert(api, store, change, thisAndFollowing=True)
    assert (answer["created"], answer["event"]["recurrenceId"]) == (False, THIRD)
    assert await starts(api, store) == [*FIVE[:2], "02-03T10:00", "02-17T10:00"]
    fifth = (await listed(api, store))[3]
    assert fifth["summary"] == "Wednesdays"
    assert (fifth["end"], fifth["recurrenceId"]) == ("2027-02-17T12:00:00Z", "2027-02-16T09:00:00Z")


async def test_a_series_is_split(api: Api, store: Account) -> None:
    """With recurrence as well, it ends before the instance and goes on in another way; new instances are named anew."""
    await upsert(api, store, recurring())
    split = instance(THIRD, "2027-02-03T10:00:00Z", "2027-02-03T11:00:00Z", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    answer = await upsert(api, store, split, thisAndFollowing=True)
    assert answer["event"]["recurrenceId"] == "2027-02-03T10:00:00Z"
    assert await starts(api, store) == [*FIVE[:2], "02-03T10:00", "02-04T10:00", "02-05T10:00"]
    assert await delete(api, store, recurrenceId="2027-02-04T10:00:00Z")
    assert await starts(api, store) == [*FIVE[:2], "02-03T10:00", "02-05T10:00"]
    gone = await refusal(api, store, instance(FOURTH, FOURTH, "2027-02-09T10:00:00Z"))
    assert gone["code"] == "NOT_FOUND"


async def test_a_series_is_ended(api: Api, store: Account) -> None:
    """By deleting an instance and all that follow; an upsert of the whole event begins anew."""
    await upsert(api, store, recurring())
    assert await delete(api, store, recurrenceId=THIRD, thisAndFollowing=True) is True
    assert await starts(api, store) == FIVE[:2]
    await upsert(api, store, recurring())
    assert await starts(api, store) == FIVE


async def test_it_becomes_a_single_event_again(api: Api, store: Account) -> None:
    """By an upsert without recurrence, which is one call with other events or by itself. It keeps its uid."""
    for many in (False, True):
        series = (await upsert(api, store, recurring()))["event"]
        if many:
            given = {"calendarId": store.calendar_id, "events": [event_input("standup")]}
            counts = (await api.data(UPSERT_EVENTS, store.token, input=given))["upsertEvents"]
            assert counts == {"created": 0, "updated": 1}
        else:
            assert (await upsert(api, store, event_input("standup")))["created"] is False
        [single] = await listed(api, store)
        assert (single["eventUid"], single["recurrenceId"], single["recurrence"]) == (series["eventUid"], None, None)


async def test_deleting_it_deletes_all_instances(api: Api, store: Account) -> None:
    """And the id is free for a single event, a new one."""
    series = (await upsert(api, store, recurring()))["event"]
    assert await delete(api, store) is True
    assert await delete(api, store) is False
    assert await listed(api, store) == []
    assert {each["deleted"] for each in await listed(api, store, includeDeleted=True)} == {True}
    single = await upsert(api, store, event_input("standup"))
    assert single["created"] is True
    assert single["event"]["eventUid"] != series["eventUid"]
    assert await starts(api, store) == FIVE[:1]


async def test_deleting_every_event_counts_instances(api: Api, store: Account) -> None:
    """As they are listed."""
    await upsert(api, store, recurring("RRULE:FREQ=WEEKLY;COUNT=4"))
    await upsert(api, store, event_input("single"))
    assert (await api.data(DELETE_ALL_EVENTS, store.token))["deleteEvents"] == {"deleted": 5}
    assert await listed(api, store) == []
    assert await api.rows("SELECT count(*) FROM series") == [(0,)]


async def test_many_events_with_instances_of_theirs(api: Api, store: Account) -> None:
    """In one call, in which an instance may be changed of an event that is new in it."""
    events = [
        instance(SECOND, "2027-01-27T09:00:00Z", "2027-01-27T10:00:00Z"),
        recurring(),
        instance(THIRD, "2027-02-03T09:00:00Z", "2027-02-03T10:00:00Z"),
        event_input("single", "2027-01-20T09:00:00Z", "2027-01-20T10:00:00Z"),
        recurring(
            "RRULE:FREQ=DAILY;COUNT=2", event_id="another", start="2027-01-21T09:00:00Z", end="2027-01-21T10:00:00Z"
        ),
    ]
    given = {"calendarId": store.calendar_id, "events": events}
    first = (await api.data(UPSERT_EVENTS, store.token, input=given))["upsertEvents"]
    assert first == {"created": 3, "updated": 2}
    expected = ["01-19T09:00", "01-20T09:00", "01-21T09:00", "01-22T09:00", "01-27T09:00", "02-03T09:00", *FIVE[3:]]
    assert await starts(api, store) == expected
    before = await listed(api, store)
    assert (await api.data(UPSERT_EVENTS, store.token, input=given))["upsertEvents"] == {"created": 0, "updated": 5}
    assert await listed(api, store) == before


async def test_instances_are_not_free(api: Api) -> None:
    """In availability and in bookings; a deleted one is free again. Beyond what is expanded nothing is known."""
    ada = await create_account(api, "ada")
    await upsert(api, ada, recurring("RRULE:FREQ=DAILY"))

    async def free(day: str) -> list[str]:
        period = {"start": f"{day}T08:00:00Z", "end": f"{day}T12:00:00Z"}
        given = {**availability_input(ada), "queryPeriods": [period]}
        found = (await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given))["availability"]
        return [each["start"][11:16] + "-" + each["end"][11:16] for each in found["availablePeriods"]]

    assert await free("2027-01-25") == ["08:00-09:00", "10:00-12:00"]
    assert (await book_slot(api, booking_input(("all", [ada]))))["__typename"] == "SlotTaken"
    await delete(api, ada, recurrenceId="2027-01-25T09:00:00Z")
    assert await free("2027-01-25") == ["08:00-12:00"]
    assert await free("2028-02-04") == ["08:00-09:00", "10:00-12:00"]  # in 399 days
    assert await free("2029-02-04") == []
    await upsert(api, ada, recurring("RRULE:FREQ=DAILY;COUNT=100"))
    assert await free("2029-02-04") == ["08:00-12:00"]


async def test_a_subscription_hears_of_instances(api: Api, store: Account) -> None:
    """They change the version of the calendar, as all events do."""
    [before] = await api.rows(f"SELECT version FROM calendars WHERE calendar_id = '{store.calendar_id}'")
    await upsert(api, store, recurring())
    [between] = await api.rows(f"SELECT version FROM calendars WHERE calendar_id = '{store.calendar_id}'")
    await delete(api, store, recurrenceId=SECOND)
    [after] = await api.rows(f"SELECT version FROM calendars WHERE calendar_id = '{store.calendar_id}'")
    assert len({before, between, after}) == 3


async def test_the_event_of_a_booking_cannot_recur(api: Api) -> None:
    """Its booking is at one time. Once the event is deleted, its id is free."""
    ada = await create_account(api, "ada")
    await book_slot(api, booking_input(("all", [ada])))
    refused = await refusal(api, ada, recurring(event_id="booking"))
    assert refused["code"] == "UNPROCESSABLE"
    assert [each["key"] for each in refused["errors"]["event.recurrence"]] == ["errors.conflict"]
    await delete(api, ada, "booking")
    assert (await upsert(api, ada, recurring(event_id="booking")))["created"] is True


async def test_a_booking_takes_no_id_of_an_event_that_recurs(api: Api) -> None:
    """The id is taken even while no instance is ahead; once the event is deleted, it is free."""
    ada = await create_account(api, "ada")
    await upsert(api, ada, recurring("RRULE:FREQ=DAILY;COUNT=2", event_id="booking"))
    given = booking_input(("all", [ada]), start=iso_time(11))
    refused = await api.refusal(
        "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { __typename } }", CLIENT_SECRET, input=given
    )
    assert refused["code"] == "UNPROCESSABLE"
    await delete(api, ada, "booking")
    assert (await book_slot(api, given))["__typename"] == "Booked"
    assert await starts(api, ada) == ["01-19T11:00"]


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        ({"recurrenceId": SECOND}, {"event.eventId": "errors.unknown"}),
        ({"recurrenceId": SECOND, "recurrence": WEEKLY}, {"event.recurrence": "errors.conflict"}),
        ({"recurrenceId": "soon"}, {"event.recurrenceId": "errors.invalid"}),
        ({"recurrence": ["RRULE:FREQ=HOURLY"]}, {"event.recurrence[0]": "errors.invalid"}),
        ({"recurrence": ["RDATE:20270120"]}, {"event.recurrence[0]": "errors.invalid"}),
        ({"recurrence": ["RRULE:FREQ=DAILY", "DTSTART:1"]}, {"event.recurrence[1]": "errors.invalid"}),
        ({"recurrence": ["RRULE:FREQ=DAILY"] * 101}, {"event.recurrence": "errors.too_many"}),
        ({"recurrence": ["X" * 4097]}, {"event.recurrence[0]": "errors.too_long"}),
        (
            {"recurrence": ["RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12,13"]},
            {"event.recurrence": "errors.invalid"},
        ),
    ],
    ids=lambda given: str(given)[:60],
)
async def test_what_cannot_be_done_is_said(
    api: Api, store: Account, more: dict[str, Any], errors: dict[str, str]
) -> None:
    """Each with its place; nothing is written."""
    refused = await refusal(api, store, event_input("standup", **more))
    assert refused["code"] == ("NOT_FOUND" if "event.eventId" in errors else "UNPROCESSABLE")
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == errors
    assert await listed(api, store, includeDeleted=True) == []


async def test_an_unknown_instance_is_not_found(api: Api, store: Account) -> None:
    """As is one that is further ahead than the series is expanded."""
    await upsert(api, store, recurring())
    for unknown in ("2027-01-26T09:00:01Z", "2027-01-26", "2030-01-01T09:00:00Z"):
        refused = await refusal(api, store, instance(unknown, SECOND, THIRD))
        assert (refused["code"], [*refused["errors"]]) == ("NOT_FOUND", ["event.recurrenceId"])
        given = {"calendarId": store.calendar_id, "eventId": "standup", "recurrenceId": unknown}
        refused = await api.refusal(DELETE_EVENT, store.token, input=given)
        assert (refused["code"], [*refused["errors"]]) == ("NOT_FOUND", ["recurrenceId"])


async def test_following_instances_of_nothing(api: Api, store: Account) -> None:
    """`thisAndFollowing` is about an instance."""
    refused = await refusal(api, store, event_input("single"), thisAndFollowing=True)
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {
        "event.recurrenceId": "errors.required"
    }
    given = {"calendarId": store.calendar_id, "eventId": "standup", "thisAndFollowing": True}
    refused = await api.refusal(DELETE_EVENT, store.token, input=given)
    assert [*refused["errors"]] == ["recurrenceId"]


async def test_following_instances_keep_their_kind_and_their_zone(api: Api, store: Account) -> None:
    """Unless the change has recurrence of its own. One that goes on from before the instance before is refused."""
    await upsert(api, store, recurring())
    whole_day = instance(THIRD, "2027-02-02", "2027-02-03", tzid="Europe/Paris")
    refused = await refusal(api, store, whole_day, thisAndFollowing=True)
    assert [*refused["errors"]] == ["event.start", "event.tzid"]
    early = instance(THIRD, SECOND, "2027-01-26T10:00:00Z", recurrence=WEEKLY)
    assert [*(await refusal(api, store, early, thisAndFollowing=True))["errors"]] == ["event.start"]
    assert (await upsert(api, store, {**whole_day, "recurrence": WEEKLY}, thisAndFollowing=True))["created"] is False
    found = await listed(api, store, to="2027-02-11T00:00:00Z")
    assert [each["start"] for each in found[2:]] == ["2027-02-02", "2027-02-09"]


async def test_costly_rules_are_refused_soon(api: Api, store: Account) -> None:
    """Of a thousand that have to be counted from long ago, one is, and the others are refused before that."""
    hours = ",".join(str(hour) for hour in range(24))
    lines = [f"RRULE:FREQ=WEEKLY;BYMONTH=1;BYHOUR={hours};COUNT=1000000"]
    old = {"start": "1850-01-01T00:00:00Z", "end": "1850-01-01T00:30:00Z", "recurrence": lines}
    events = [event_input(str(number), **old) for number in range(1000)]
    refused = await api.refusal(UPSERT_EVENTS, store.token, input={"calendarId": store.calendar_id, "events": events})
    assert refused["code"] == "UNPROCESSABLE"
    assert [*refused["errors"]] == [f"events[{number}].recurrence" for number in range(1, 101)]
    assert "together" in refused["errors"]["events[1].recurrence"][0]["description"]
    assert await listed(api, store) == []


async def test_a_request_has_a_bounded_number_of_instances(api: Api, store: Account) -> None:
    """Of all its events together."""
    events = [event_input(str(number), recurrence=["RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5"]) for number in range(10)]
    refused = await api.refusal(UPSERT_EVENTS, store.token, input={"calendarId": store.calendar_id, "events": events})
    assert "events[0].recurrence" not in refused["errors"]
    assert "send fewer at once" in refused["errors"]["events[9].recurrence"][0]["description"]


async def test_lines_of_one_request_are_bounded_together(api: Api, store: Account) -> None:
    """More are refused before they are read."""
    line = "EXDATE:" + ",".join(["20270120T090000Z"] * 240)
    events = [event_input(str(number), recurrence=[line] * 41) for number in range(7)]
    refused = await api.refusal(UPSERT_EVENTS, store.token, input={"calendarId": store.calendar_id, "events": events})
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {"events": "errors.too_long"}


async def test_the_number_of_changes_is_bounded(api: Api, store: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of single instances, and of those from which on the series changes."""
    monkeypatch.setattr(recurring_events, "MAX_MOVED", 1)
    monkeypatch.setattr(recurring_events, "MAX_CUTS", 1)
    await upsert(api, store, recurring())
    await delete(api, store, recurrenceId=SECOND)
    await upsert(api, store, instance(SECOND, SECOND, THIRD))
    again = instance(THIRD, THIRD, FOURTH)
    assert [*(await refusal(api, store, again))["errors"]] == ["event.recurrenceId"]
    await upsert(api, store, again, thisAndFollowing=True)
    await upsert(api, store, again, thisAndFollowing=True)
    later = instance(FOURTH, FOURTH, "2027-02-09T10:00:00Z")
    assert [*(await refusal(api, store, later, thisAndFollowing=True))["errors"]] == ["event.recurrenceId"]


async def test_rest_lists_its_instances(api: Api, store: Account) -> None:
    """And replaces it by a single event, as every upsert does that has no recurrence."""
    await upsert(api, store, recurring("RRULE:FREQ=WEEKLY;COUNT=3"))
    rest = Rest(api)
    path = "/v1/events?tzid=Etc/UTC&from=2027-01-01&to=2027-03-01&include_managed=true"
    found = (await rest.ok("GET", path, token=store.token))["events"]
    assert [(each["event_id"], each["recurring"]) for each in found] == [("standup", True)] * 3
    await rest.upsert_event(store, "standup", "2027-01-20T09:00:00Z", "2027-01-20T10:00:00Z")
    found = (await rest.ok("GET", path, token=store.token))["events"]
    assert [(each["start"], each["recurring"]) for each in found] == [("2027-01-20T09:00:00Z", False)]


async def test_time_goes_on(api: Api, store: Account) -> None:
    """What is ahead is expanded before it has to be known, and changes neither what there is nor what was deleted."""
    await upsert(api, store, recurring("RRULE:FREQ=DAILY"))
    await upsert(api, store, recurring("RRULE:FREQ=DAILY;COUNT=3", event_id="over"))
    await delete(api, store, recurrenceId="2027-12-24T09:00:00Z")
    before = await listed(api, store)
    assert await expand(api) == 0
    await let_tokens_last(api)
    api.now += 60 * DAY
    assert await expand(api) == 1
    after = await listed(api, store)
    assert after[: len(before)] == before
    assert parse_instant(after[-1]["start"]) > api.now + 400 * DAY
    [(known_until,)] = await api.rows("SELECT known_until FROM calendars")
    assert known_until > api.now + 400 * DAY
    # What was deleted long ago is purged, and does not come back.
    async with api.db.write() as session:
        assert await purge.deleted_events(session, api.now) == 1
    api.now += 60 * DAY
    assert await expand(api) == 1
    assert "2027-12-24T09:00:00Z" not in {each["start"] for each in await listed(api, store, includeDeleted=True)}


async def test_an_old_series_has_instances_since_400_days(api: Api, store: Account) -> None:
    """However long ago it began."""
    old = {"start": "1990-01-01T09:00:00Z", "end": "1990-01-01T10:00:00Z"}
    await upsert(api, store, recurring("RRULE:FREQ=DAILY", **old))
    first, *_, last = await listed(api, store)
    assert NOW - 400 * DAY <= parse_instant(first["start"]) < NOW - 398 * DAY
    assert NOW + 429 * DAY < parse_instant(last["start"]) < NOW + 431 * DAY
