"""The `availability` field. What an answer means is drawn in tests/core; here it is sent and read through GraphQL."""

from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import AVAILABILITY_PERIODS_AND_SLOTS, UPSERT_EVENTS

DAY = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}


def at(clock: str) -> str:
    """An instant on the day of these tests."""
    return f"2027-01-19T{clock}:00Z"


async def block(api: Api, whose: Account, start: str, end: str, **more: Any) -> None:
    """Creates an event on the account's calendar."""
    event = {"eventId": f"{start}-{end}", "summary": "Busy", "start": at(start), "end": at(end), **more}
    await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": [event]})


def query(*groups: tuple[str | int, list[Any]], **more: Any) -> dict[str, Any]:
    """The input for an hour's meeting on the day; each group is its `required` and its members."""
    members = [[member if isinstance(member, dict) else {"sub": member.sub} for member in group] for _, group in groups]
    participants = [{"required": groups[n][0], "members": members[n]} for n in range(len(groups))]
    return {"participants": participants, "requiredDuration": {"minutes": 60}, "queryPeriods": [DAY], **more}


async def ask(api: Api, token: str, **given: Any) -> list[tuple[str, str, list[str]]]:
    """The answer as clock times and subs."""
    answer = (await api.data(AVAILABILITY_PERIODS_AND_SLOTS, token, input=given))["availability"]
    [times] = [found for found in (answer["availablePeriods"], answer["availableSlots"]) if found is not None]
    return [(t["start"][11:16], t["end"][11:16], [who["sub"] for who in t["participants"]]) for t in times]


async def problems(api: Api, token: str, **given: Any) -> dict[str, list[str]]:
    """The keys of what is wrong, by path."""
    refused = await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, token, input=given)
    return {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()}


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


@pytest.fixture
async def ben(api: Api) -> Account:
    return await api.application_calendar("ben")


async def test_two_people_can_meet_when_both_are_free(api: Api, ada: Account, ben: Account) -> None:
    """The main use case."""
    await block(api, ada, "09:00", "11:00")
    await block(api, ben, "10:30", "12:00")
    await block(api, ben, "13:30", "14:00")
    both = [ada.sub, ben.sub]
    given = query(("all", [ada, ben]))
    assert await ask(api, ada.token, **given) == [("12:00", "13:30", both), ("14:00", "17:00", both)]
    assert await ask(api, ada.token, **given, responseFormat="SLOTS", maxResults=2) == [
        ("12:00", "13:00", both),
        ("14:00", "15:00", both),
    ]
    grid = {"startInterval": {"minutes": 30}, "responseFormat": "OVERLAPPING_SLOTS", "maxResults": 3}
    assert await ask(api, ada.token, **given, **grid) == [
        ("12:00", "13:00", both),
        ("12:30", "13:30", both),
        ("14:00", "15:00", both),
    ]


async def test_starts_lie_on_the_clock_of_a_zone(api: Api, ada: Account) -> None:
    """Nepal is a quarter to an hour ahead; without the zone an offset applies to UTC's clock."""
    given = query(("all", [ada]), responseFormat="SLOTS", maxResults=2, startInterval={"minutes": 90})
    local = {"startIntervalTzid": "Asia/Kathmandu"}
    assert [t[0] for t in await ask(api, ada.token, **given, **local)] == ["09:15", "10:45"]
    moved = {**local, "startOffset": {"minutes": 10}}
    assert [t[0] for t in await ask(api, ada.token, **given, **moved)] == ["09:25", "10:55"]
    on_utc = given | {"startInterval": {"hours": 1}, "startOffset": {"minutes": 20}}
    assert [t[0] for t in await ask(api, ada.token, **on_utc)] == ["09:20", "10:20"]


async def test_a_grid_that_makes_no_sense_is_refused(api: Api, ada: Account) -> None:
    """Every problem at its path."""
    wrong = {"startInterval": {"minutes": 7}, "startIntervalTzid": "Mars/Olympus", "startOffset": {"minutes": -1}}
    assert await problems(api, ada.token, **query(("all", [ada]), **wrong)) == {
        "startInterval": ["errors.inclusion"],
        "startIntervalTzid": ["errors.invalid"],
        "startOffset.minutes": ["errors.invalid"],
    }
    lonely = {"startIntervalTzid": "Europe/London", "startOffset": {"minutes": 5}}
    assert await problems(api, ada.token, **query(("all", [ada]), **lonely)) == {
        "startIntervalTzid": ["errors.conflict"],
        "startOffset": ["errors.conflict"],
    }


async def test_excluded_events_do_not_block(api: Api, ada: Account, ben: Account) -> None:
    """By the application's id on every calendar that has it, or by uid on one; unknown ones are no error."""
    for who in (ada, ben):
        await block(api, who, "10:00", "12:00", eventId="meeting", status="TENTATIVE")
        await block(api, who, "14:00", "15:00", eventId="lunch")
        await block(api, who, "14:00", "15:00", eventId="again")
    both = [ada.sub, ben.sub]
    given = query(("all", [ada, ben]))
    without = [("09:00", "10:00", both), ("12:00", "14:00", both), ("15:00", "17:00", both)]
    assert await ask(api, ada.token, **given) == without
    unknown = [{"eventId": "nobody's"}, {"eventUid": "evt_0"}, {"eventId": "lunch"}]
    assert await ask(api, ada.token, **given, excludedEvents=unknown) == without  # "again" still blocks
    meeting = [{"eventId": "meeting"}]
    assert await ask(api, ada.token, **given, excludedEvents=meeting) == [("09:00", "14:00", both), without[2]]
    ignoring = query(("all", [{"sub": ada.sub, "ignoreTentative": True}, ben]))
    assert await ask(api, ada.token, **ignoring, excludedEvents=meeting) == [("09:00", "14:00", both), without[2]]
    all_of_them = [*meeting, {"eventId": "lunch"}, {"eventId": "again"}, {"eventId": "again"}]
    assert await ask(api, ada.token, **given, excludedEvents=all_of_them) == [("09:00", "17:00", both)]
    found = await api.data("{ events(input: {}) { nodes { eventId eventUid } } }", ada.token)
    [uid] = [event["eventUid"] for event in found["events"]["nodes"] if event["eventId"] == "meeting"]
    assert await ask(api, ada.token, **query(("all", [ada])), excludedEvents=[{"eventUid": uid}]) == [
        ("09:00", "14:00", [ada.sub]),
        ("15:00", "17:00", [ada.sub]),
    ]
    assert await ask(api, ada.token, **given, excludedEvents=[{"eventUid": uid}]) == without  # Ben's is another


async def test_answers_with_excluded_events_follow_every_write(api: Api, ada: Account) -> None:
    """Neither the cached answer nor the cached events outlive a change."""
    given = query(("all", [ada]), excludedEvents=[{"eventId": "meeting"}])
    await block(api, ada, "10:00", "12:00", eventId="meeting")
    for _ in range(2):
        assert await ask(api, ada.token, **given) == [("09:00", "17:00", [ada.sub])]
    await block(api, ada, "13:00", "14:00", eventId="meeting")
    await block(api, ada, "15:00", "17:00", eventId="other")
    assert await ask(api, ada.token, **given) == [("09:00", "15:00", [ada.sub])]
    await block(api, ada, "13:00", "14:00", eventId="meeting", transparency="TRANSPARENT")
    assert await ask(api, ada.token, **given) == [("09:00", "15:00", [ada.sub])]
    await api.data(
        "mutation ($input: DeleteEventInput!) { deleteEvent(input: $input) { deleted } }",
        ada.token,
        input={"calendarId": ada.calendar_id, "eventId": "other"},
    )
    assert await ask(api, ada.token, **given) == [("09:00", "17:00", [ada.sub])]


async def test_the_response_format_decides_which_list_is_filled(api: Api, ada: Account) -> None:
    """Periods in one, slots in the other; query slots are answered as slots; without results the list is empty."""
    for more, filled in (
        ({}, "availablePeriods"),
        ({"responseFormat": "SLOTS"}, "availableSlots"),
        ({"responseFormat": None}, "availablePeriods"),
        ({"queryPeriods": None, "querySlots": [{"start": at("09:00")}]}, "availableSlots"),
    ):
        answer = (await api.data(AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=query(("all", [ada])) | more))[
            "availability"
        ]
        assert {name for name, found in answer.items() if found is not None} == {filled}
    await block(api, ada, "08:00", "18:00")
    assert (await api.data(AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=query(("all", [ada]))))["availability"] == {
        "availablePeriods": [],
        "availableSlots": None,
    }


async def test_one_of_several_members_is_enough_and_all_free_ones_are_named(
    api: Api, ada: Account, ben: Account
) -> None:
    """`required` is how many must be free; the answer names all who are."""
    await block(api, ben, "10:00", "16:00")
    given = query(("all", [ada]), (1, [ben, await api.application_calendar("cleo")]))
    answer = await ask(api, ada.token, **given, responseFormat="SLOTS", maxResults=2)
    assert [len(who) for _, _, who in answer] == [3, 2]


async def test_possible_query_slots_are_returned(api: Api, ada: Account) -> None:
    """In time order, also off the grid."""
    await block(api, ada, "10:00", "11:00")
    slots = [{"start": at(clock)} for clock in ("11:00", "09:30", "09:00", "11:00", "16:07")]
    given = query(("all", [ada]), querySlots=slots, queryPeriods=None)
    assert [start for start, _, _ in await ask(api, ada.token, **given)] == ["09:00", "11:00", "16:07"]


async def test_calendars_tentative_events_and_buffers_of_a_member_apply(api: Api, ada: Account) -> None:
    """Settings of one member in one query."""
    await block(api, ada, "10:00", "11:00", status="TENTATIVE")
    await block(api, ada, "13:00", "14:00", transparency="TRANSPARENT")

    async def starts(**member: Any) -> list[tuple[str, str]]:
        found = await ask(
            api, ada.token, **query(("all", [{"sub": ada.sub, **member}]), buffer={"before": {"hours": 1}})
        )
        return [(start, end) for start, end, _ in found]

    assert await starts() == [("09:00", "10:00"), ("12:00", "17:00")]
    assert await starts(buffer={"after": {"minutes": 30}}) == [("11:00", "17:00")]
    assert await starts(buffer={}) == [("09:00", "10:00"), ("11:00", "17:00")]
    assert await starts(ignoreTentative=True) == [("09:00", "17:00")]
    assert await starts(calendarIds=[]) == [("09:00", "17:00")]
    assert await starts(calendarIds=[ada.calendar_id]) == [("09:00", "10:00"), ("12:00", "17:00")]
    assert await starts(availablePeriods=[{"start": at("11:30"), "end": at("13:30")}]) == [("12:00", "13:30")]


async def test_the_buffer_of_an_event_outside_the_window_applies(api: Api, ada: Account) -> None:
    """Events are loaded from a wider range than the window."""
    await block(api, ada, "08:00", "09:00")
    await block(api, ada, "17:00", "18:00")
    given = query(("all", [ada]), buffer={"before": {"minutes": 45}, "after": {"hours": 2, "minutes": 15}})
    assert await ask(api, ada.token, **given) == [("09:45", "14:45", [ada.sub])]


async def test_a_deleted_event_frees_its_time(api: Api, ada: Account) -> None:
    """And a moved event blocks its new time only."""
    await block(api, ada, "09:00", "17:00")
    assert await ask(api, ada.token, **query(("all", [ada]))) == []
    delete = "mutation ($input: DeleteEventInput!) { deleteEvent(input: $input) { deleted } }"
    await api.data(delete, ada.token, input={"calendarId": ada.calendar_id, "eventId": "09:00-17:00"})
    assert await ask(api, ada.token, **query(("all", [ada]))) == [("09:00", "17:00", [ada.sub])]


async def test_an_all_day_event_blocks_the_day_of_its_own_zone(api: Api, ada: Account) -> None:
    """The 19th in New York begins at five in the morning in UTC and ends at five on the 20th."""
    event = {"eventId": "d", "summary": "Off", "start": "2027-01-19", "end": "2027-01-20", "tzid": "America/New_York"}
    await api.data(UPSERT_EVENTS, ada.token, input={"calendarId": ada.calendar_id, "events": [event]})
    window = [{"start": "2027-01-19T00:00:00Z", "end": "2027-01-20T12:00:00Z"}]
    assert await ask(api, ada.token, **query(("all", [ada])) | {"queryPeriods": window}) == [
        ("00:00", "05:00", [ada.sub]),
        ("05:00", "12:00", [ada.sub]),
    ]


async def test_the_client_secret_and_any_account_s_token_may_query(api: Api, ada: Account, ben: Account) -> None:
    """One account's token can query another account of the same application."""
    given = query(("all", [ben]))
    by_key = await ask(api, CLIENT_SECRET, **given)
    assert by_key == await ask(api, ada.token, **given) == [("09:00", "17:00", [ben.sub])]
    assert (await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, input=given))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, "wrong", input=given))["code"] == "UNAUTHENTICATED"


async def test_unknown_revoked_and_foreign_accounts_are_indistinguishable(api: Api, ada: Account, ben: Account) -> None:
    """Nothing reveals whether another application has such an account."""
    foreign = await api.application_calendar_of_another_client("eve")
    revoke = "mutation ($input: RevokeAuthorizationInput!) { revokeAuthorization(input: $input) { revoked } }"
    await api.data(revoke, input={**api.credentials, "sub": ben.sub})
    subs = [foreign.sub, ben.sub, "apc_000000000000000000000000", "nobody", "\u0000"]
    refused = await api.refusal(
        AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=query(("all", [ada, *({"sub": sub} for sub in subs)]))
    )
    assert refused["code"] == "UNPROCESSABLE"
    assert set(refused["errors"]) == {f"participants[0].members[{n}].sub" for n in range(1, 6)}
    assert len({str(found) for found in refused["errors"].values()}) == 1
    assert refused["errors"]["participants[0].members[1].sub"][0]["key"] == "errors.unknown"


async def test_all_problems_are_reported_at_once_with_path_and_key(api: Api, ada: Account, ben: Account) -> None:
    """Those of the input and those found in the database, in the names of the schema."""
    given = {
        "participants": [
            {
                "required": 3,
                "members": [
                    {"sub": ada.sub, "calendarIds": [ben.calendar_id]},
                    {"sub": "acc_nobody", "availablePeriods": [{"start": at("09:00"), "end": at("09:00")}]},
                ],
            },
            {"required": "some", "members": []},
        ],
        "requiredDuration": {"minutes": 0},
        "availablePeriods": [{"start": "2026-12-31T00:00:00Z", "end": "2027-03-01T00:00:00Z"}],
        "querySlots": [{"start": "2027-01-19T09:00:00"}],
        "startInterval": {"minutes": 7},
        "buffer": {"before": {"hours": 1, "minutes": 60}},
        "maxResults": 513,
    }
    refused = await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=given)
    assert {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()} == {
        "participants[0].required": ["errors.too_many"],
        "participants[0].members[0].calendarIds[0]": ["errors.unknown"],
        "participants[0].members[1].sub": ["errors.unknown"],
        "participants[0].members[1].availablePeriods[0].end": ["errors.too_short"],
        "participants[1].required": ["errors.inclusion"],
        "participants[1].members": ["errors.too_few"],
        "requiredDuration": ["errors.too_short"],
        "availablePeriods": ["errors.conflict"],
        "availablePeriods[0].start": ["errors.in_past"],
        "availablePeriods[0].end": ["errors.too_long"],
        "querySlots": ["errors.conflict"],
        "querySlots[0].start": ["errors.invalid"],
        "startInterval": ["errors.inclusion"],
        "buffer.before.minutes": ["errors.invalid"],
        "maxResults": ["errors.too_many"],
    }


async def test_times_may_be_literals_in_the_document(api: Api, ada: Account) -> None:
    """Literals are treated like variables, with the same errors."""
    text = """
    { availability(input: {
        participants: [{required: 1, members: [{sub: "%s"}]}, {required: "all", members: [{sub: "%s"}]}]
        requiredDuration: {hours: 1}
        queryPeriods: [{start: "%s", end: "2027-01-19T11:00:00+01:00"}]
    }) { availablePeriods { start end } } }
    """
    data = await api.data(text % (ada.sub, ada.sub, at("09:00")), ada.token)
    assert data["availability"]["availablePeriods"] == [{"start": at("09:00"), "end": at("10:00")}]
    refused = await api.refusal(text % (ada.sub, ada.sub, "2027-01-19"), ada.token)
    assert list(refused["errors"]) == ["queryPeriods[0].start"]


async def test_a_refused_field_leaves_its_siblings_answered(api: Api, ada: Account) -> None:
    """Several queries by alias: each is answered or refused by itself."""
    text = """
    query ($good: AvailabilityInput!, $bad: AvailabilityInput!) {
      good: availability(input: $good) { availablePeriods { start } }
      bad: availability(input: $bad) { availablePeriods { start } }
    }
    """
    good = query(("all", [ada]))
    answer = await api(text, ada.token, good=good, bad={**good, "maxResults": 0})
    assert answer["data"] == {"good": {"availablePeriods": [{"start": at("09:00")}]}, "bad": None}
    assert [error["path"] for error in answer["errors"]] == [["bad"]]


async def test_an_operator_can_raise_the_limits(database_url: str) -> None:
    """Twelve accounts and a period of fifty days exceed the defaults, but not these settings."""
    async with Api.open(database_url, 1798761600) as api:
        people = [await api.application_calendar(f"person {n}") for n in range(12)]
        long = query(("all", people)) | {"queryPeriods": [{"start": at("09:00"), "end": "2027-03-10T09:00:00Z"}]}
        refused = await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, CLIENT_SECRET, input=long)
        assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {
            "participants": "errors.too_many",
            "queryPeriods[0].end": "errors.too_long",
        }
    async with Api.open(database_url, 1798761600, max_accounts=12, max_period_days=50) as api:
        assert len(await ask(api, CLIENT_SECRET, **long)) == 1
