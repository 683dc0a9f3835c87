"""The `sequencedAvailability` field. What an answer means is tried in tests/core; here it is sent and read through GraphQL."""

from itertools import product
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import AVAILABILITY_PERIODS_AND_SLOTS, UPSERT_EVENTS
from tests.support.statements import record_statements

DAY = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}

SEQUENCED = """
query ($input: SequencedAvailabilityInput!) {
  sequencedAvailability(input: $input) {
    sequences { start end sequence { sequenceId start end participants { sub } } }
  }
}
"""


def at(clock: str) -> str:
    """An instant on the day of these tests."""
    return f"2027-01-19T{clock}:00Z"


async def block(api: Api, whose: Account, start: str, end: str, **more: Any) -> None:
    """Creates an event on the account's calendar."""
    event = {"eventId": f"{start}-{end}", "summary": "Busy", "start": at(start), "end": at(end), **more}
    await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": [event]})


@pytest.fixture
async def people(api: Api) -> list[Account]:
    return [await api.application_calendar(name) for name in ("ada", "ben", "cy")]


def step(name: str, *members: Account, required: str | int = "all", **more: Any) -> dict[str, Any]:
    """A step of an hour."""
    group = {"members": [{"sub": member.sub} for member in members], "required": required}
    return {"sequenceId": name, "participants": [group], "requiredDuration": {"minutes": 60}, **more}


def gaps(before: tuple[int, int | None] = (0, None), after: tuple[int, int | None] = (0, None)) -> dict[str, Any]:
    """The least and the greatest minutes before and after a step."""
    named = {"before": before, "after": after}
    return {
        side: {"minimum": {"minutes": least}} | ({"maximum": {"minutes": most}} if most is not None else {})
        for side, (least, most) in named.items()
    }


async def ask(api: Api, token: str, *steps: dict[str, Any], **more: Any) -> list[str]:
    """Each sequence as a text of its steps with their starts."""
    given = {"queryPeriods": [DAY], "sequence": list(steps), **more}
    found = (await api.data(SEQUENCED, token, input=given))["sequencedAvailability"]["sequences"]
    return [" ".join(f"{each['sequenceId']}@{each['start'][11:16]}" for each in way["sequence"]) for way in found]


async def problems(api: Api, token: str, *steps: dict[str, Any], **more: Any) -> dict[str, list[str]]:
    """The keys of what is wrong, by path."""
    refused = await api.refusal(SEQUENCED, token, input={"queryPeriods": [DAY], "sequence": list(steps), **more})
    assert refused["code"] == "UNPROCESSABLE"
    return {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()}


async def test_interviews_follow_each_other(api: Api, people: list[Account]) -> None:
    """Steps with ordinals in their order, the next at most half an hour after the one before."""
    ada, ben, _ = people
    await block(api, ada, "09:00", "09:30")
    await block(api, ben, "09:00", "12:00")
    grid: dict[str, Any] = {"startInterval": {"minutes": 30}}
    soon: dict[str, Any] = {"buffer": gaps(before=(0, 30)), **grid}
    asked = [step("talk", ada, ordinal=1, **grid), step("tour", ben, ordinal=2, **soon)]
    assert await ask(api, ada.token, *asked, maxResults=3) == [
        "talk@10:30 tour@12:00",
        "talk@11:00 tour@12:00",
        "talk@11:30 tour@12:30",
    ]
    given = {"queryPeriods": [DAY], "sequence": asked, "maxResults": 1}
    assert await api.data(SEQUENCED, CLIENT_SECRET, input=given) == {
        "sequencedAvailability": {
            "sequences": [
                {
                    "start": at("10:30"),
                    "end": at("13:00"),
                    "sequence": [
                        {
                            "sequenceId": "talk",
                            "start": at("10:30"),
                            "end": at("11:30"),
                            "participants": [{"sub": ada.sub}],
                        },
                        {
                            "sequenceId": "tour",
                            "start": at("12:00"),
                            "end": at("13:00"),
                            "participants": [{"sub": ben.sub}],
                        },
                    ],
                }
            ]
        }
    }


async def test_steps_without_ordinals_come_in_any_order(api: Api, people: list[Account]) -> None:
    """Of sequences with the same start the one that ends first, then the order of the request."""
    ada, ben, cy = people
    await block(api, ben, "10:00", "11:00")
    grid: dict[str, Any] = {"startInterval": {"minutes": 60}}
    asked = [step(name, who, **grid) for name, who in (("a", ada), ("b", ben), ("c", cy))]
    assert await ask(api, ada.token, *asked, maxResults=6) == [
        "a@09:00 c@10:00 b@11:00",
        "b@09:00 a@10:00 c@11:00",
        "b@09:00 c@10:00 a@11:00",
        "c@09:00 a@10:00 b@11:00",
        "a@09:00 b@11:00 c@12:00",
        "c@09:00 b@11:00 a@12:00",
    ]
    ranked = [{**asked[0], "ordinal": 2}, {**asked[1], "ordinal": -1}, asked[2]]
    assert await ask(api, ada.token, *ranked, maxResults=2) == ["b@09:00 a@10:00 c@11:00", "b@09:00 c@10:00 a@11:00"]


async def test_gaps_keep_from_events_and_from_the_neighbour(api: Api, people: list[Account]) -> None:
    """A member's own buffer replaces the minimum for its events, but not between steps."""
    ada, ben, _ = people
    await block(api, ada, "10:00", "10:30")
    asked = [step("a", ada, ordinal=1, buffer=gaps(after=(30, None))), step("b", ben, ordinal=2)]
    assert await ask(api, ada.token, *asked, maxResults=1) == ["a@10:30 b@12:00"]
    own = {"sub": ada.sub, "buffer": {}}
    asked[0]["participants"] = [{"members": [own], "required": "all"}]
    assert await ask(api, ada.token, *asked, maxResults=1) == ["a@09:00 b@10:30"]


async def test_each_step_has_its_own_periods_grid_and_excluded_events(api: Api, people: list[Account]) -> None:
    """Its periods within the query's; the same person may be in several steps."""
    ada, ben, _ = people
    await block(api, ada, "09:00", "13:00", eventId="meeting")
    afternoon = [{"start": at("14:00"), "end": at("20:00")}]
    local: dict[str, Any] = {"startInterval": {"minutes": 60}, "startIntervalTzid": "Asia/Kathmandu"}
    asked = [step("a", ada, excludedEvents=[{"eventId": "meeting"}]), step("b", ada, queryPeriods=afternoon, **local)]
    assert await ask(api, ada.token, *asked, maxResults=1) == ["a@09:00 b@14:15"]
    asked[0].pop("excludedEvents")
    assert await ask(api, ada.token, *asked, maxResults=1) == ["a@13:00 b@14:15"]
    nowhere = [{"start": at("18:00"), "end": at("20:00")}]
    assert await ask(api, ada.token, asked[0], step("b", ben, queryPeriods=nowhere)) == []


async def test_managed_members_have_their_hours(api: Api, people: list[Account]) -> None:
    """In each step in which they ask for them, and in no other."""
    ada, _, _ = people
    rule = {
        "availabilityRuleId": "tuesday",
        "tzid": "UTC",
        "weeklyPeriods": [{"day": "TUESDAY", "startTime": "12:00", "endTime": "13:00"}],
    }
    text = "mutation ($i: UpsertAvailabilityRuleInput!) { upsertAvailabilityRule(input: $i) { availabilityRule { tzid } } }"
    await api.data(text, ada.token, i=rule)
    managed = step("b", ada)
    managed["participants"][0]["members"][0]["managedAvailability"] = True
    assert await ask(api, ada.token, step("a", ada, ordinal=1), {**managed, "ordinal": 2}, maxResults=1) == [
        "a@09:00 b@12:00"
    ]


async def test_all_problems_are_reported_at_once(api: Api, people: list[Account]) -> None:
    """Of the query, of each step, of two steps together, and those that the database reveals."""
    ada, ben, _ = people
    nobody = "apc_" + "0" * 24
    first = step("a", ada, ordinal=1, buffer=gaps(before=(30, 10)), startInterval={"minutes": 7})
    second = step("a", ben, required=2, ordinal=1, startOffset={"minutes": 5}, queryPeriods=[])
    second["requiredDuration"] = {"minutes": 0}
    second["participants"][0]["members"] += [{"sub": nobody}, {"sub": ada.sub, "calendarIds": ["cal_x"]}]
    second["excludedEvents"] = [{}]
    third = {**step("", ada), "participants": []}
    assert await problems(api, ada.token, first, second, third, maxResults=513) == {
        "sequence[1].sequenceId": ["errors.duplicate"],
        "sequence[1].ordinal": ["errors.duplicate"],
        "sequence[0].startInterval": ["errors.inclusion"],
        "sequence[0].buffer.before.maximum": ["errors.conflict"],
        "sequence[1].requiredDuration": ["errors.too_short"],
        "sequence[1].startOffset": ["errors.conflict"],
        "sequence[1].excludedEvents[0].eventId": ["errors.required"],
        "sequence[1].queryPeriods": ["errors.too_few"],
        "sequence[2].sequenceId": ["errors.required"],
        "sequence[2].participants": ["errors.too_few"],
        "maxResults": ["errors.too_many"],
        "sequence[1].participants[0].members[1].sub": ["errors.unknown"],
        "sequence[1].participants[0].members[2].calendarIds[0]": ["errors.unknown"],
    }


async def test_sequences_are_bounded(api: Api, people: list[Account]) -> None:
    """Steps, their orders, and the accounts of each step."""
    ada = people[0]
    many = [step(str(n), ada, ordinal=n) for n in range(11)]
    assert await problems(api, ada.token) == {"sequence": ["errors.too_few"]}
    assert await problems(api, ada.token, *many) == {"sequence": ["errors.too_many"]}
    assert await ask(api, ada.token, *many[:8]) == [" ".join(f"{n}@{9 + n:02}:00" for n in range(8))]
    free = [step(str(n), ada) for n in range(7)]
    assert await problems(api, ada.token, *free) == {"sequence": ["errors.too_many"]}
    assert len(await ask(api, ada.token, *free[:6], maxResults=512)) == 512
    crowd = step("crowd", ada)
    crowd["participants"][0]["members"] += [{"sub": f"apc_{n:024}"} for n in range(10)]
    found = await problems(api, ada.token, crowd)
    assert found["sequence[0].participants"] == ["errors.too_many"]


async def test_answers_follow_every_write(api: Api, people: list[Account]) -> None:
    """Cached or not."""
    ada, ben, _ = people
    asked = [step("a", ada, ordinal=1), step("b", ben, ordinal=2)]
    for _ in range(2):
        assert await ask(api, ada.token, *asked, maxResults=1) == ["a@09:00 b@10:00"]
    await block(api, ben, "10:00", "11:00")
    assert await ask(api, ada.token, *asked, maxResults=1) == ["a@09:00 b@11:00"]


async def test_accounts_that_may_not_be_asked_about_are_unknown(api: Api, people: list[Account]) -> None:
    """Another application's, and one that does not exist, in any step."""
    other = await api.application_calendar_of_another_client("other")
    assert await problems(api, people[0].token, step("a", people[0]), step("b", other)) == {
        "sequence[1].participants[0].members[0].sub": ["errors.unknown"]
    }
    refused = await api.refusal(SEQUENCED, "wrong", input={"queryPeriods": [DAY], "sequence": [step("a", people[0])]})
    assert refused["code"] == "UNAUTHENTICATED"


async def test_an_element_token_asks_about_its_own_subs(api: Api, people: list[Account]) -> None:
    """Others are unknown, in any step."""
    ada, ben, cy = people
    token = await api.element_token(ada, ben, permissions=["AVAILABILITY"])
    asked = [step("a", ada, ordinal=1), step("b", ben, ordinal=2)]
    assert await ask(api, token, *asked, maxResults=1) == ["a@09:00 b@10:00"]
    assert await problems(api, token, *asked, step("c", cy)) == {
        "sequence[2].participants[0].members[0].sub": ["errors.unknown"]
    }


async def test_a_sequence_takes_as_many_statements_as_one_meeting(api: Api, people: list[Account]) -> None:
    """One for rights and versions, one for events, whatever the number of steps; then one."""
    steps = [step(str(n), *people, ordinal=n) for n in range(6)]
    given = {"queryPeriods": [DAY], "sequence": steps}
    for count in (2, 1):
        with record_statements(api) as statements:
            await api.data(SEQUENCED, CLIENT_SECRET, input=given)
        assert len(statements) == count


async def test_one_step_is_an_availability_query(api: Api, people: list[Account]) -> None:
    """Its starts are those of slots without a grid, and of overlapping slots with one."""
    ada, ben, _ = people
    await block(api, ada, "10:10", "11:00")
    await block(api, ben, "12:00", "14:30")
    for required, interval in product(("all", 1), (None, {"minutes": 15})):
        one = step("one", ada, ben, required=required, startInterval=interval)
        plain = {name: one[name] for name in ("participants", "requiredDuration", "startInterval")}
        plain |= {"queryPeriods": [DAY], "responseFormat": "OVERLAPPING_SLOTS"}
        answer = await api.data(AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=plain)
        slots = answer["availability"]["availableSlots"]
        assert slots
        assert await ask(api, ada.token, one) == [f"one@{slot['start'][11:16]}" for slot in slots]
