"""Availability queries over REST."""

from typing import Any

import pytest

from core.instants import DAY, HOUR
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, booking_input
from tests.support.graphql_queries import AVAILABILITY_PERIODS
from tests.support.known_time import set_source
from tests.support.rest import Rest, availability

NINE, TEN, ELEVEN, NOON = (f"2027-01-04T{hour:02}:00:00Z" for hour in (9, 10, 11, 12))
EVENING = "2027-01-04T20:00:00Z"
WHOLE_DAY = {"start": "2027-01-04T00:00:00Z", "end": "2027-01-05T00:00:00Z"}


def starts(found: dict[str, Any], name: str = "available_slots") -> list[str]:
    """The times of day at which the results start."""
    return [each["start"][11:16] for each in found[name]]


async def test_periods_with_those_who_are_free(rest: Rest, people: list[Account]) -> None:
    """With the key of the application, and with the token of one account, as Python's and JavaScript's clients ask."""
    ada, ben, _ = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    query = availability(ada.sub, ben.sub)
    for token in (CLIENT_SECRET, ada.token, ben.token):
        assert await rest.ok("POST", "/v1/availability", query, token=token) == {
            "available_periods": [{"start": TEN, "end": NOON, "participants": [{"sub": ada.sub}, {"sub": ben.sub}]}]
        }


async def test_every_way_to_write_a_query(rest: Rest, people: list[Account]) -> None:
    """One group for a list of one, a sub for a member, no `required`, nulls and empty objects, C#'s buffers and times."""
    ada, *_ = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    query = {
        "participants": {
            "members": [
                ada.sub,
            ]
        },
        "required_duration": {"minutes": 60},
        "available_periods": [{"start": "2027-01-04 09:00:00Z", "end": {"time": NOON, "tzid": "Etc/UTC"}}],
        "buffer": {"before": {"minimum": {"minutes": 15}, "maximum": {"minutes": 90}}, "after": {}},
        "start_interval": None,
        "response_format": "slots",
        "max_results": "5",
        "no_such_field": {"is": ["ignored"]},
    }
    found = await rest.ok("POST", "/v1/availability/", query, token=CLIENT_SECRET)
    assert starts(found) == ["10:15"]
    member = {
        "sub": ada.sub,
        "only_managed_events": True,
        "calendar_ids": [],
        "buffer": {},
        "availability_rule_ids": None,
    }
    query |= {"participants": [{"members": [member], "required": "1"}], "start_interval": {"minutes": 60}}
    assert starts(await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)) == ["09:00", "10:00", "11:00"]


async def test_slots_are_all_there_by_default(rest: Rest, people: list[Account]) -> None:
    """UI Elements show the time of slots that are not in the response as busy, and ask for no number."""
    query = availability(people[0].sub, start_interval={"minutes": 5}, response_format="overlapping_slots")
    query["query_periods"] = [{"start": "2027-01-04T00:00:00Z", "end": "2027-01-08T00:00:00Z"}]
    for more, count in (({}, 512), ({"max_results": 512}, 512), ({"max_results": 3}, 3), ({"max_results": None}, 512)):
        found = await rest.ok("POST", "/v1/availability", {**query, **more}, token=CLIENT_SECRET)
        assert len(found["available_slots"]) == count
    periods = [
        {"start": f"2027-01-{4 + n // 24:02}T{n % 24:02}:00:00Z", "end": f"2027-01-{4 + n // 24:02}T{n % 24:02}:59:00Z"}
        for n in range(30)
    ]
    query = {**availability(people[0].sub), "required_duration": {"minutes": 30}, "query_periods": periods}
    assert len((await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET))["available_periods"]) == 20


async def test_query_slots_have_both_names_without_a_format(rest: Rest, people: list[Account]) -> None:
    """Python's client reads periods unless it has asked for slots by name."""
    ada, *_ = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    query = availability(ada.sub, query_slots=[{"start": NINE}, {"start": ELEVEN}], query_periods=None)
    found = await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)
    assert starts(found) == ["11:00"]
    assert found["available_periods"] == found["available_slots"]
    found = await rest.ok("POST", "/v1/availability", {**query, "response_format": "slots"}, token=CLIENT_SECRET)
    assert found.keys() == {"available_slots"}


async def test_member_statuses_are_given_if_asked_for(rest: Rest, people: list[Account]) -> None:
    subs = [each.sub for each in people]
    found = await rest.ok(
        "POST", "/v1/availability", availability(*subs, include_member_statuses=True), token=CLIENT_SECRET
    )
    assert found["member_statuses"] == [{"sub": sub, "sync_status": "active"} for sub in subs]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"synced_at": None}, "pending"),
        ({"synced_at": NOW}, "active"),
        ({"synced_at": NOW - 2 * HOUR}, "active"),
        ({"synced_at": NOW - DAY}, "disconnected"),
        ({"synced_at": NOW, "refused": True}, "disconnected"),
        ({"synced_at": NOW, "incomplete": True}, "disconnected"),
    ],
)
async def test_the_status_of_a_calendar_elsewhere_is_one_that_clients_know(
    rest: Rest, people: list[Account], state: dict[str, Any], status: str
) -> None:
    ada, *_ = people
    await set_source(rest.api, ada, **state)
    query = availability(ada.sub, include_member_statuses=True)
    found = await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)
    assert found["member_statuses"] == [{"sub": ada.sub, "sync_status": status}]
    assert bool(found["available_periods"]) == (status == "active")


async def test_excluded_events_do_not_block(rest: Rest, people: list[Account]) -> None:
    ada, *_ = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    query = availability(ada.sub, excluded_events=[{"event_id": "1"}], response_format="slots")
    assert starts(await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)) == ["09:00", "10:00", "11:00"]


async def test_days_with_as_many_bookings_as_the_limit_are_not_free(rest: Rest, people: list[Account]) -> None:
    """Bookings count, and no other events. Problems of a limit are reported at its place."""
    ada, *_ = people
    limited = {"sub": ada.sub, "availability_constraints": [{"limit": 1, "period": "day", "tags": {}}]}
    query = {**availability(response_format="slots"), "participants": [{"members": [limited]}]}
    await rest.upsert_event(ada, "1", NINE, TEN)
    assert starts(await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)) == ["10:00", "11:00"]
    await book_slot(rest.api, booking_input(("all", [ada]), start=EVENING, availability={"queryPeriods": [WHOLE_DAY]}))
    assert starts(await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)) == []
    limited["availability_constraints"] = [
        {"period": "year"},
        {"limit": 0, "period": "week", "tzid": "Mars/Olympus"},
        {"limit": 1.5, "period": "month"},
    ]
    assert await rest.keys("POST", "/v1/availability", query, token=CLIENT_SECRET) == {
        "participants[0].members[0].availability_constraints[0].limit": ["errors.required"],
        "participants[0].members[0].availability_constraints[0].period": ["errors.inclusion"],
        "participants[0].members[0].availability_constraints[1].limit": ["errors.too_few"],
        "participants[0].members[0].availability_constraints[1].tzid": ["errors.invalid"],
        "participants[0].members[0].availability_constraints[2].limit": ["errors.invalid"],
    }


async def test_what_would_change_the_result_is_refused(rest: Rest, people: list[Account]) -> None:
    """Unlike what is unknown, which is ignored."""
    member = {
        "sub": people[0].sub,
        "availability_constraints": [{"limit": 2, "period": "day", "tags": {"context": [{"value": "x"}]}}],
        "ignored_extended_transparencies": ["tentative"],
    }
    query = {**availability(), "participants": [{"members": [member]}], "bookable_events": {"x": 1}}
    unsupported = ["errors.unsupported"]
    assert await rest.keys("POST", "/v1/availability", query, token=CLIENT_SECRET) == {
        "bookable_events": unsupported,
        "participants[0].members[0].availability_constraints[0].tags": unsupported,
        "participants[0].members[0].ignored_extended_transparencies": unsupported,
    }


async def test_every_problem_is_reported_at_once(rest: Rest) -> None:
    """What is missing, what has the wrong type, and what is wrong with the rest."""
    required, invalid = ["errors.required"], ["errors.invalid"]
    assert await rest.keys("POST", "/v1/availability", {}, token=CLIENT_SECRET) == {
        "participants": required,
        "required_duration": required,
        "query_periods": required,
    }
    query = {
        "participants": [
            {"members": [{}, 1, {"sub": [], "managed_availability": "perhaps"}], "required": "some"},
            {},
            5,
        ],
        "required_duration": {"minutes": 1.5},
        "query_periods": [{"start": NINE}, {"start": "2020-01-01T00:00:00Z", "end": NOON}, "x"],
        "buffer": {"before": 30},
        "max_results": 1000,
        "response_format": "circles",
        "start_interval": {"minutes": 7},
    }
    assert await rest.keys("POST", "/v1/availability", query, token=CLIENT_SECRET) == {
        "participants[0].members[0].sub": required,
        "participants[0].members[1]": invalid,
        "participants[0].members[2].sub": invalid,
        "participants[0].members[2].managed_availability": invalid,
        "participants[0].required": ["errors.inclusion"],
        "participants[1].members": required,
        "participants[2]": invalid,
        "required_duration.minutes": invalid,
        "query_periods[0].end": required,
        "query_periods[1].start": ["errors.in_past"],
        "query_periods[1].end": ["errors.too_long"],
        "query_periods[2]": invalid,
        "buffer.before": invalid,
        "max_results": ["errors.too_many"],
        "response_format": ["errors.inclusion"],
        "start_interval": ["errors.inclusion"],
    }


async def test_problems_are_bounded(rest: Rest) -> None:
    query = availability(participants=[{"members": [{}] * 500}])
    response = await rest("POST", "/v1/availability", query, token=CLIENT_SECRET)
    found = response.json()
    assert (response.status_code, len(found["errors"]), found["more"]) == (422, 100, True)


async def test_an_unknown_sub_is_the_problem_of_its_place(rest: Rest, people: list[Account]) -> None:
    other = await rest.api.application_calendar_of_another_client("other")
    query = availability(people[0].sub, other.sub)
    assert await rest.keys("POST", "/v1/availability", query, token=CLIENT_SECRET) == {
        "participants[0].members[1].sub": ["errors.unknown"]
    }


async def test_nobody_may_not_ask(rest: Rest, people: list[Account]) -> None:
    for token in (None, "unknown", "None", "undefined"):
        response = await rest("POST", "/v1/availability", availability(people[0].sub), token=token)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


@pytest.fixture
def lookups(api: Api) -> list[tuple[str, bool]]:
    """Every look-up in the cache, and whether it found something."""
    found: list[tuple[str, bool]] = []
    api.gate.cache.on_lookup = lambda kind, hit: found.append((kind, hit))
    return found


async def test_an_answer_is_remembered_until_something_changes(
    rest: Rest, people: list[Account], lookups: list[tuple[str, bool]]
) -> None:
    ada, ben, _ = people
    query = availability(ada.sub, ben.sub)

    async def ask(token: str = CLIENT_SECRET) -> tuple[list[str], bool]:
        lookups.clear()
        found = starts(await rest.ok("POST", "/v1/availability", query, token=token), "available_periods")
        return found, ("rest availability", True) in lookups

    assert await ask() == (["09:00"], False)
    assert await ask() == (["09:00"], True)
    assert await ask(ada.token) == (["09:00"], True)
    await rest.upsert_event(ben, "1", NINE, TEN)
    assert await ask() == (["10:00"], False)
    assert await ask() == (["10:00"], True)
    rest.api.now += 4 * 86_400  # the query is in the past
    assert (await rest("POST", "/v1/availability", query, token=CLIENT_SECRET)).status_code == 422


async def test_a_remembered_answer_is_for_callers_of_the_same_application(rest: Rest, people: list[Account]) -> None:
    query = availability(people[0].sub)
    await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)
    other = await rest.api.application_calendar_of_another_client("other")
    assert (await rest("POST", "/v1/availability", query, token=other.token)).status_code == 422
    assert (await rest("POST", "/v1/availability", query, token="unknown")).status_code == 401


async def test_the_answer_is_that_of_graphql(rest: Rest, people: list[Account]) -> None:
    ada, ben, cem = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    await rest.upsert_event(ben, "2", TEN, ELEVEN)
    subs = [each.sub for each in (ada, ben, cem)]
    group = {"members": [{"sub": sub} for sub in subs], "required": 2}
    rest_query = availability(participants=[group], buffer={"after": {"minutes": 10}})
    graphql_query = {
        "participants": [group],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": rest_query["query_periods"],
        "buffer": rest_query["buffer"],
    }
    by_rest = await rest.ok("POST", "/v1/availability", rest_query, token=CLIENT_SECRET)
    by_graphql = await rest.api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=graphql_query)
    assert by_rest["available_periods"] == by_graphql["availability"]["availablePeriods"]
