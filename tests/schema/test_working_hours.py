"""Working hours of an account: availability rules and stored available periods."""

from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import DELETE_AVAILABILITY_RULE

UPSERT_RULE = """
mutation ($input: UpsertAvailabilityRuleInput!) {
  upsertAvailabilityRule(input: $input) {
    availabilityRule { availabilityRuleId tzid calendarIds weeklyPeriods { day startTime endTime } }
  }
}
"""

RULES = """
{ availabilityRules { availabilityRuleId tzid calendarIds weeklyPeriods { day startTime endTime } } }
"""

RULE = "query ($id: ID!) { availabilityRule(availabilityRuleId: $id) { availabilityRuleId tzid } }"

UPSERT_PERIOD = """
mutation ($input: UpsertAvailablePeriodInput!) {
  upsertAvailablePeriod(input: $input) { availablePeriod { availablePeriodId start end } }
}
"""

PERIODS = """
query ($from: DateTime, $to: DateTime, $first: Int, $after: String) {
  availablePeriods(from: $from, to: $to, first: $first, after: $after) {
    nodes { availablePeriodId }
    edges { cursor node { availablePeriodId start end } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

DELETE_PERIOD = "mutation ($input: DeleteAvailablePeriodInput!) { deleteAvailablePeriod(input: $input) { deleted } }"
DELETE_PERIODS = "mutation { deleteAvailablePeriods { deleted } }"


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


@pytest.fixture
async def ben(api: Api) -> Account:
    """Another account of the same application."""
    return await api.application_calendar("ben")


def hours(day: str, start_time: str, end_time: str) -> dict[str, str]:
    return {"day": day, "startTime": start_time, "endTime": end_time}


def rule(rule_id: str, *periods: dict[str, str], tzid: str = "Europe/London", **more: Any) -> dict[str, Any]:
    return {"availabilityRuleId": rule_id, "tzid": tzid, "weeklyPeriods": list(periods), **more}


def period(period_id: str, start: str, end: str) -> dict[str, str]:
    """A period on the day of these tests."""
    return {"availablePeriodId": period_id, "start": f"2027-01-19T{start}:00Z", "end": f"2027-01-19T{end}:00Z"}


async def put_rule(api: Api, whose: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Upserts a rule, and returns it."""
    return (await api.data(UPSERT_RULE, whose.token, input=given))["upsertAvailabilityRule"]["availabilityRule"]


async def rules(api: Api, whose: Account) -> list[dict[str, Any]]:
    return (await api.data(RULES, whose.token))["availabilityRules"]


async def put_periods(api: Api, whose: Account, *periods: dict[str, str]) -> None:
    for given in periods:
        kept = await api.data(UPSERT_PERIOD, whose.token, input=given)
        assert kept == {"upsertAvailablePeriod": {"availablePeriod": given}}


async def period_ids(api: Api, whose: Account, **window: Any) -> list[str]:
    found = (await api.data(PERIODS, whose.token, **window))["availablePeriods"]
    return [node["availablePeriodId"] for node in found["nodes"]]


async def keys(api: Api, operation: str, whose: Account, **variables: Any) -> dict[str, list[str]]:
    """The keys of the problems, by path."""
    refused = await api.refusal(operation, whose.token, **variables)
    return {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()}


async def test_a_rule_is_created_and_then_replaced_completely(api: Api, ada: Account) -> None:
    """The second upsert of an id replaces the rule; omitted fields lose their values."""
    given = rule("default", hours("MONDAY", "09:30", "12:30"), calendarIds=[ada.calendar_id])
    assert await put_rule(api, ada, given) == given
    changed = rule("default", hours("FRIDAY", "10:00", "24:00"), tzid="America/Chicago")
    assert await put_rule(api, ada, changed) == {**changed, "calendarIds": None}
    assert await rules(api, ada) == [{**changed, "calendarIds": None}]


async def test_hours_are_stored_sorted_and_merged(api: Api, ada: Account) -> None:
    """From Sunday to Saturday and by start; a day may have several periods, and midnight separates days."""
    kept = await put_rule(
        api,
        ada,
        rule(
            "default",
            hours("TUESDAY", "00:00", "02:00"),
            hours("MONDAY", "14:00", "17:00"),
            hours("MONDAY", "22:00", "24:00"),
            hours("MONDAY", "09:30", "12:30"),
            hours("MONDAY", "12:00", "13:00"),
            hours("MONDAY", "13:00", "13:30"),
            hours("SUNDAY", "10:00", "11:00"),
            hours("MONDAY", "10:00", "10:30"),
        ),
    )
    assert kept["weeklyPeriods"] == [
        hours("SUNDAY", "10:00", "11:00"),
        hours("MONDAY", "09:30", "13:30"),
        hours("MONDAY", "14:00", "17:00"),
        hours("MONDAY", "22:00", "24:00"),
        hours("TUESDAY", "00:00", "02:00"),
    ]
    assert [kept] == await rules(api, ada)


async def test_rules_are_listed_by_id_read_and_deleted(api: Api, ada: Account) -> None:
    """Deleting a rule again does nothing."""
    for rule_id in ("late", "early", "on leave"):
        await put_rule(api, ada, rule(rule_id))
    assert [found["availabilityRuleId"] for found in await rules(api, ada)] == ["early", "late", "on leave"]
    assert await api.data(RULE, ada.token, id="late") == {
        "availabilityRule": {"availabilityRuleId": "late", "tzid": "Europe/London"}
    }
    for deleted in (True, False):
        answer = await api.data(DELETE_AVAILABILITY_RULE, ada.token, input={"availabilityRuleId": "late"})
        assert answer == {"deleteAvailabilityRule": {"deleted": deleted}}
    assert [found["availabilityRuleId"] for found in await rules(api, ada)] == ["early", "on leave"]


async def test_a_missing_rule_is_not_found(api: Api, ada: Account) -> None:
    """Deleted, never created, or an invalid id."""
    for rule_id in ("nowhere", "", "a\u0000b"):
        assert await api.refusal(RULE, ada.token, id=rule_id) == {
            "code": "NOT_FOUND",
            "errors": {
                "availabilityRuleId": [
                    {"key": "errors.unknown", "description": "is not an availability rule of this account"}
                ]
            },
        }
        answer = await api.data(DELETE_AVAILABILITY_RULE, ada.token, input={"availabilityRuleId": rule_id})
        assert answer == {"deleteAvailabilityRule": {"deleted": False}}


async def test_all_problems_of_a_rule_are_reported_at_once(api: Api, ada: Account, ben: Account) -> None:
    """Each with its path and key; nothing is stored."""
    wrong = rule(
        "ü" * 65,
        hours("MONDAY", "09:00", "09:00"),
        hours("MONDAY", "9:00", "25:00"),
        hours("TUESDAY", "24:00", "24:00"),
        hours("TUESDAY", "17:00", "09:00"),
        hours("SUNDAY", "09:00", "17:00"),
        tzid="Europe/Londres",
        calendarIds=[ada.calendar_id, ben.calendar_id, ada.calendar_id, "cal_nowhere"],
    )
    assert await keys(api, UPSERT_RULE, ada, input=wrong) == {
        "availabilityRuleId": ["errors.too_long", "errors.invalid"],
        "tzid": ["errors.invalid"],
        "weeklyPeriods[0].endTime": ["errors.invalid"],
        "weeklyPeriods[1].startTime": ["errors.invalid"],
        "weeklyPeriods[1].endTime": ["errors.invalid"],
        "weeklyPeriods[2].startTime": ["errors.invalid"],
        "weeklyPeriods[3].endTime": ["errors.invalid"],
        "calendarIds[1]": ["errors.unknown"],
        "calendarIds[2]": ["errors.duplicate"],
        "calendarIds[3]": ["errors.unknown"],
    }
    assert await rules(api, ada) == []


async def test_a_rule_names_at_least_one_calendar_or_none_at_all(api: Api, ada: Account) -> None:
    """An empty list would be ambiguous. Null and omitting the list mean all calendars."""
    assert await keys(api, UPSERT_RULE, ada, input=rule("", calendarIds=[])) == {
        "availabilityRuleId": ["errors.required"],
        "calendarIds": ["errors.too_few"],
    }
    assert (await put_rule(api, ada, rule("default", calendarIds=None)))["calendarIds"] is None


async def test_a_day_is_one_of_seven(api: Api, ada: Account) -> None:
    """An enum of the schema: any other value makes the request invalid before a resolver runs."""
    for day in ("monday", "HOLIDAY"):
        refused = await api.refusal(UPSERT_RULE, ada.token, input=rule("default", hours(day, "09:00", "17:00")))
        assert refused["code"] == "BAD_REQUEST"


async def test_a_period_is_stored_and_then_replaced(api: Api, ada: Account) -> None:
    """It may lie in the past, because applications that synchronise upsert whole lists again."""
    await put_periods(api, ada, period("open day", "09:00", "12:00"), period("open day", "10:00", "17:00"))
    past = {"availablePeriodId": "was", "start": "2020-02-29T09:00:00Z", "end": "2020-02-29T10:00:00Z"}
    await put_periods(api, ada, past)
    found = (await api.data(PERIODS, ada.token))["availablePeriods"]
    assert [edge["node"] for edge in found["edges"]] == [past, period("open day", "10:00", "17:00")]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (period("", "09:00", "10:00"), {"availablePeriodId": ["errors.required"]}),
        (period("x" * 65, "09:00", "10:00"), {"availablePeriodId": ["errors.too_long"]}),
        (period("a\tb", "09:00", "10:00"), {"availablePeriodId": ["errors.invalid"]}),
        (period("p", "09:00", "09:00"), {"end": ["errors.too_short"]}),
        (period("p", "10:00", "09:00"), {"end": ["errors.too_short"]}),
        (period("p", "09:00", "9am"), {"end": ["errors.invalid"]}),
        ({**period("p", "09:00", "10:00"), "start": "2027-01-19"}, {"start": ["errors.invalid"]}),
        ({**period("p", "09:00", "10:00"), "end": "2027-02-23T09:00:01Z"}, {"end": ["errors.too_long"]}),
        (period("ü", "nine", "9am"), {path: ["errors.invalid"] for path in ("availablePeriodId", "start", "end")}),
    ],
)
async def test_an_invalid_period_is_refused(
    api: Api, ada: Account, given: dict[str, str], wrong: dict[str, list[str]]
) -> None:
    """A minute to 35 days long, with an id of printable ASCII; all problems are reported at once."""
    assert await keys(api, UPSERT_PERIOD, ada, input=given) == wrong
    assert await period_ids(api, ada) == []


async def test_the_window_of_periods_is_half_open(api: Api, ada: Account) -> None:
    """A period that ends when the window begins, or starts when it ends, is not listed."""
    await put_periods(api, ada, period("p", "09:00", "10:00"), period("q", "12:00", "13:00"))
    assert await period_ids(api, ada, **{"from": "2027-01-19T10:00:00Z"}) == ["q"]
    assert await period_ids(api, ada, to="2027-01-19T12:00:00Z") == ["p"]
    assert await period_ids(api, ada, **{"from": "2027-01-19T10:00:00Z", "to": "2027-01-19T12:00:00Z"}) == []
    assert await period_ids(api, ada, **{"from": "2027-01-19T09:59:59Z", "to": "2027-01-19T12:00:01Z"}) == ["p", "q"]


async def test_periods_are_paginated_by_start(api: Api, ada: Account) -> None:
    """Five, two of them at the same instant, two per page; changes before a cursor do not affect the items after it."""
    starts = {"e": "13:00", "c": "11:00", "a": "09:00", "d": "11:00", "b": "10:00"}
    await put_periods(api, ada, *(period(name, start, "17:00") for name, start in starts.items()))
    seen: list[str] = []
    sizes, after = [], None
    for _ in range(3):
        page = (await api.data(PERIODS, ada.token, first=2, after=after))["availablePeriods"]
        info = page["pageInfo"]
        assert [edge["node"]["availablePeriodId"] for edge in page["edges"]] == [
            node["availablePeriodId"] for node in page["nodes"]
        ]
        assert (page["edges"][0]["cursor"], page["edges"][-1]["cursor"]) == (info["startCursor"], info["endCursor"])
        sizes.append((len(page["nodes"]), info["hasPreviousPage"], info["hasNextPage"]))
        seen += [node["availablePeriodId"] for node in page["nodes"]]
        after = info["endCursor"]
        await put_periods(api, ada, period("early", "08:00", "09:00"))
    assert sizes == [(2, False, True), (2, True, True), (1, True, False)]
    assert seen == ["a", "b", "c", "d", "e"]


async def test_invalid_pagination_of_periods_is_refused(api: Api, ada: Account) -> None:
    """An invalid size, an invalid cursor and an inverted window, all reported at once."""
    given = {"from": "2027-01-19T09:00:00Z", "to": "2027-01-19T09:00:00Z", "first": 0, "after": "nonsense"}
    assert await keys(api, PERIODS, ada, **given) == {
        "to": ["errors.invalid"],
        "first": ["errors.too_few"],
        "after": ["errors.invalid"],
    }
    assert await keys(api, PERIODS, ada, first=1001, to="noon") == {
        "to": ["errors.invalid"],
        "first": ["errors.too_many"],
    }


async def test_periods_are_deleted_one_by_one_or_all_at_once(api: Api, ada: Account) -> None:
    """The answer has their number."""
    await put_periods(api, ada, *(period(name, "09:00", "10:00") for name in "abc"))
    for deleted in (True, False):
        answer = await api.data(DELETE_PERIOD, ada.token, input={"availablePeriodId": "b"})
        assert answer == {"deleteAvailablePeriod": {"deleted": deleted}}
    odd = await api.data(DELETE_PERIOD, ada.token, input={"availablePeriodId": "a\u0000b"})
    assert odd == {"deleteAvailablePeriod": {"deleted": False}}
    assert await period_ids(api, ada) == ["a", "c"]
    for deleted in (2, 0):
        assert await api.data(DELETE_PERIODS, ada.token) == {"deleteAvailablePeriods": {"deleted": deleted}}
    assert await period_ids(api, ada) == []


async def test_another_account_can_neither_see_nor_change_them(api: Api, ada: Account, ben: Account) -> None:
    """Both may use the same ids."""
    theirs, mine = (
        rule("default", hours("MONDAY", "09:00", "17:00")),
        rule("default", hours("SUNDAY", "10:00", "11:00")),
    )
    await put_rule(api, ada, theirs)
    await put_periods(api, ada, period("p", "09:00", "10:00"))
    assert (await rules(api, ben), await period_ids(api, ben)) == ([], [])
    assert (await api.refusal(RULE, ben.token, id="default"))["code"] == "NOT_FOUND"

    await put_rule(api, ben, mine)
    await put_periods(api, ben, period("p", "11:00", "12:00"))
    await api.data(DELETE_AVAILABILITY_RULE, ben.token, input={"availabilityRuleId": "default"})
    await api.data(DELETE_PERIOD, ben.token, input={"availablePeriodId": "p"})
    await api.data(DELETE_PERIODS, ben.token)

    assert await rules(api, ada) == [{**theirs, "calendarIds": None}]
    found = (await api.data(PERIODS, ada.token))["availablePeriods"]
    assert [edge["node"] for edge in found["edges"]] == [period("p", "09:00", "10:00")]


async def test_hours_can_be_changed_by_the_account_s_own_token_only(api: Api) -> None:
    """Not with the client secret, and not without a token."""
    asked: list[tuple[str, dict[str, Any]]] = [
        (UPSERT_RULE, {"input": rule("default")}),
        (RULES, {}),
        (RULE, {"id": "default"}),
        (DELETE_AVAILABILITY_RULE, {"input": {"availabilityRuleId": "default"}}),
        (UPSERT_PERIOD, {"input": period("p", "09:00", "10:00")}),
        (PERIODS, {}),
        (DELETE_PERIOD, {"input": {"availablePeriodId": "p"}}),
        (DELETE_PERIODS, {}),
    ]
    for operation, given in asked:
        assert await api.refusal(operation, **given) == {"code": "UNAUTHENTICATED"}, operation
        assert await api.refusal(operation, CLIENT_SECRET, **given) == {"code": "FORBIDDEN"}, operation
