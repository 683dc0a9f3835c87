"""The graph: one query goes from a value to everything that belongs to it, as far as the caller may see it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from core.features import Feature
from db import clients
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.builders import (
    booking_input,
    create_account,
    create_busy_event,
    create_link,
    iso_time,
    link_input,
    slots_input,
)
from tests.support.graphql_queries import ACCOUNT_TOKENS, REVOKE_AUTHORIZATION, UPSERT_AVAILABILITY_RULE

WEEK = """
query Week($sub: ID!, $from: DateTime, $to: DateTime) {
  account(sub: $sub) {
    id
    kind
    accountId
    name
    email
    tzid
    capacity
    revoked
    calendars { id calendarName account { name } }
    events(input: {from: $from, to: $to}) { nodes { summary start calendar { id } } pageInfo { hasNextPage } }
    availabilityRules { availabilityRuleId }
    availablePeriods { nodes { availablePeriodId } }
  }
}
"""
NODE = """
query Node($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Account { name calendars { id } }
    ... on Calendar { calendarName account { id } events(input: {}) { nodes { summary } } }
    ... on Event { summary deleted calendar { id account { id name } } }
    ... on RealTimeScheduling { status }
  }
}
"""
NAMES = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availableSlots { start participants { sub account { name email } } } }
}
"""
PERIOD = """
mutation {
  upsertAvailablePeriod(input: {
    availablePeriodId: "fair", start: "2027-01-19T09:00:00Z", end: "2027-01-19T12:00:00Z"
  }) { availablePeriod { start } }
}
"""


@pytest.fixture(params=[True, False], ids=["compiled", "stock"])
async def graph(database_url: str, request: pytest.FixtureRequest) -> AsyncGenerator[Api]:
    """The application, with compiled execution and without."""
    async with Api.open(database_url, NOW, compiled=request.param) as opened:
        yield opened


async def make_ada(api: Api) -> Account:
    """A user with an event, a rule and a stored period."""
    ada = await create_account(api, "ada", name="Ada Lovelace", email="ada@example.com", tzid="Europe/London")
    await create_busy_event(api, ada, iso_time(10), iso_time(11))
    rule = {"availabilityRuleId": "hours", "tzid": "UTC", "weeklyPeriods": []}
    await api.data(UPSERT_AVAILABILITY_RULE, ada.token, input=rule)
    await api.data(PERIOD, ada.token)
    return ada


async def test_one_query_gets_a_name_the_calendars_and_the_week(graph: Api) -> None:
    """For the application by its key, and for the account by its own token."""
    ada = await make_ada(graph)
    for token in (CLIENT_SECRET, ada.token):
        assert await graph.data(WEEK, token, sub=ada.sub, **{"from": iso_time(0), "to": iso_time(23)}) == {
            "account": {
                "id": ada.sub,
                "kind": "USER",
                "accountId": "ada",
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "tzid": "Europe/London",
                "capacity": 1,
                "revoked": False,
                "calendars": [{"id": ada.calendar_id, "calendarName": "ada", "account": {"name": "Ada Lovelace"}}],
                "events": {
                    "nodes": [{"summary": "Busy", "start": iso_time(10), "calendar": {"id": ada.calendar_id}}],
                    "pageInfo": {"hasNextPage": False},
                },
                "availabilityRules": [{"availabilityRuleId": "hours"}],
                "availablePeriods": {"nodes": [{"availablePeriodId": "fair"}]},
            }
        }


async def test_a_token_sees_its_own_account_within_its_scopes_and_of_others_the_sub(graph: Api) -> None:
    """What it may not see is null, and an error nowhere."""
    ada, ben = await make_ada(graph), await create_account(graph, "ben", name="Ben")
    narrow = await create_account(graph, "ada", scope="read_free_busy list_calendars")
    found = (await graph.data(WEEK, narrow.token, sub=ada.sub))["account"]
    assert found["name"] == "Ada Lovelace"
    assert found["calendars"] == [{"id": ada.calendar_id, "calendarName": "ada", "account": {"name": "Ada Lovelace"}}]
    assert (found["events"], found["availabilityRules"], found["availablePeriods"]) == (None, None, None)
    [slot, *_] = (await graph.data(NAMES, narrow.token, input=slots_input([ada, ben])))["availability"][
        "availableSlots"
    ]
    assert slot["participants"] == [
        {"sub": ada.sub, "account": {"name": "Ada Lovelace", "email": "ada@example.com"}},
        {"sub": ben.sub, "account": None},
    ]


async def test_a_token_without_a_scope_gets_null_and_what_needs_none(graph: Api) -> None:
    """An event says which calendar it is on, and a calendar whose it is, without a scope of their own."""
    ada = await make_ada(graph)
    reader = await graph.data(
        ACCOUNT_TOKENS, input={**graph.credentials, "kind": "USER", "accountId": "ada", "scope": "read_events"}
    )
    token = reader["account"]["accessToken"]
    query = """
    { events(input: {}) { nodes { calendar { id account { id calendars { id } } events(input: {}) { nodes { summary } } } } } }
    """
    assert (await graph.data(query, token))["events"]["nodes"] == [
        {
            "calendar": {
                "id": ada.calendar_id,
                "account": {"id": ada.sub, "calendars": None},
                "events": {"nodes": [{"summary": "Busy"}]},
            }
        }
    ]


async def test_without_the_feature_hours_are_null(graph: Api) -> None:
    """As at the top, where they are PAYMENT_REQUIRED."""
    ada = await make_ada(graph)
    async with graph.db.write() as session:
        assert await clients.disable_features(session, CLIENT_ID, [Feature.MANAGED_AVAILABILITY])
    for token in (CLIENT_SECRET, ada.token):
        found = (await graph.data(WEEK, token, sub=ada.sub))["account"]
        assert (found["availabilityRules"], found["availablePeriods"]) == (None, None)
        assert found["events"]["nodes"] != []


async def test_an_id_leads_to_its_object(graph: Api) -> None:
    """Accounts, calendars, events (deleted ones too) and links; Relay and Apollo fetch objects again by their ids."""
    ada = await make_ada(graph)
    [event] = (await graph.data("{ events(input: {}) { nodes { id eventUid } } }", ada.token))["events"]["nodes"]
    link = await create_link(graph, link_input(("all", [ada])))
    expected: dict[str, dict[str, Any]] = {
        ada.sub: {"__typename": "Account", "name": "Ada Lovelace", "calendars": [{"id": ada.calendar_id}]},
        ada.calendar_id: {
            "__typename": "Calendar",
            "calendarName": "ada",
            "account": {"id": ada.sub},
            "events": {"nodes": [{"summary": "Busy"}]},
        },
        event["id"]: {
            "__typename": "Event",
            "summary": "Busy",
            "deleted": False,
            "calendar": {"id": ada.calendar_id, "account": {"id": ada.sub, "name": "Ada Lovelace"}},
        },
        link["realTimeSchedulingId"]: {"__typename": "RealTimeScheduling", "status": "OPEN"},
    }
    assert event["id"] == event["eventUid"]
    for id, node in expected.items():
        assert await graph.data(NODE, CLIENT_SECRET, id=id) == {"node": {"id": id, **node}}
    for id in (ada.sub, ada.calendar_id, event["id"]):
        assert await graph.data(NODE, ada.token, id=id) == {"node": {"id": id, **expected[id]}}
    assert await graph.data(NODE, ada.token, id=link["realTimeSchedulingId"]) == {"node": None}
    await graph.data("mutation { deleteEvents(input: {deleteAll: true}) { deleted } }", ada.token)
    assert (await graph.data(NODE, CLIENT_SECRET, id=event["id"]))["node"]["deleted"] is True


async def test_what_is_not_the_callers_is_unknown(api: Api) -> None:
    """Another account's, another application's, and what there is not are the same."""
    ada, ben = await make_ada(api), await create_account(api, "ben")
    eve = await api.application_calendar_of_another_client("eve")
    [event] = (await api.data("{ events(input: {}) { nodes { id } } }", ada.token))["events"]["nodes"]
    ids = [ada.sub, ada.calendar_id, event["id"]]
    strange = [
        "acc_000000000000000000000000",
        "cal_none",
        "evt_000000000000000000000000",
        "sch_0",
        "",
        "x" * 5000,
        "\0",
    ]
    for token, hidden in ((ben.token, [*ids, *strange]), (eve.token, [*ids, *strange]), (ada.token, strange)):
        for id in hidden:
            assert await api.data(NODE, token, id=id) == {"node": None}
        for sub in hidden:
            refused = await api.refusal(WEEK, token, sub=sub)
            assert refused["code"] == "NOT_FOUND"
            assert [*refused["errors"]] == ["sub"]
    narrow = await create_account(api, "ada", scope="list_calendars")
    assert await api.data(NODE, narrow.token, id=event["id"]) == {"node": None}
    for query in ('{ node(id: "x") { id } }', '{ account(sub: "x") { id } }'):
        assert (await api.refusal(query))["code"] == "UNAUTHENTICATED"


async def test_an_account_is_found_by_the_applications_own_id(api: Api) -> None:
    """With its key; an id and its kind belong together, and exclude a sub."""
    ada = await create_account(api, "ada", name="Ada")
    query = (
        "query ($sub: ID, $id: String, $kind: AccountType) { account(sub: $sub, accountId: $id, kind: $kind) { sub } }"
    )
    assert await api.data(query, CLIENT_SECRET, id="ada", kind="USER") == {"account": {"sub": ada.sub}}
    assert (await api.refusal(query, CLIENT_SECRET, id="ada", kind="RESOURCE"))["code"] == "NOT_FOUND"
    assert (await api.refusal(query, CLIENT_SECRET, id="a\0", kind="USER"))["code"] == "NOT_FOUND"
    assert (await api.refusal(query, ada.token, id="ada", kind="USER"))["code"] == "FORBIDDEN"
    for given, keys in (
        ({}, {"sub": "errors.required"}),
        ({"id": "ada"}, {"kind": "errors.required"}),
        ({"kind": "USER"}, {"accountId": "errors.required"}),
        ({"sub": ada.sub, "id": "ada", "kind": "USER"}, {"accountId": "errors.conflict", "kind": "errors.conflict"}),
    ):
        refused = await api.refusal(query, CLIENT_SECRET, **given)
        assert refused["code"] == "UNPROCESSABLE"
        assert {path: found[0]["key"] for path, found in refused["errors"].items()} == keys


ACCOUNTS = """
query ($kind: AccountType, $search: String, $first: Int, $after: String) {
  accounts(kind: $kind, search: $search, first: $first, after: $after) {
    nodes { accountId kind revoked }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_an_application_lists_its_accounts(api: Api) -> None:
    """In pages, oldest first, revoked ones as well; by kind, and by a part of a name or an id in any case."""
    eve = await api.application_calendar_of_another_client("eve")
    await api.application_calendar("store-42")
    ada = await create_account(api, "ada", name="ADA Lovelace")
    for number, name in enumerate(("Zoë Ärmel", "100% wool", "a_b")):
        api.now += 1
        await create_account(api, f"person-{number}", name=name)
    await create_account(api, "red", "RESOURCE", name="Red room")
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ada.sub})

    async def listed(**given: Any) -> list[str]:
        return [node["accountId"] for node in (await api.data(ACCOUNTS, CLIENT_SECRET, **given))["accounts"]["nodes"]]

    everybody = await listed()
    assert sorted(everybody[:2]) == ["ada", "store-42"]
    assert everybody[2:4] == ["person-0", "person-1"]
    assert len(everybody) == 6
    found: list[str] = []
    after = None
    while True:
        page = (await api.data(ACCOUNTS, CLIENT_SECRET, first=2, after=after))["accounts"]
        found += [node["accountId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == everybody
    assert await listed(kind="RESOURCE") == ["red"]
    assert await listed(kind="APPLICATION_CALENDAR") == ["store-42"]
    for search, ids in (
        ("love", ["ada"]),
        ("ZOË är", ["person-0"]),
        ("zoe\u0308", ["person-0"]),
        ("%", ["person-1"]),
        ("_", ["person-2"]),
        ("PERSON-", ["person-0", "person-1", "person-2"]),
        ("nobody", []),
    ):
        assert await listed(search=search) == ids, search
    await create_account(api, "person-2", name="Renamed")
    assert await listed(search="a_b") == []
    assert await listed(search="renamed") == ["person-2"]
    for token in (ada.token, eve.token):
        assert (await api.refusal(ACCOUNTS, token))["code"] in ("FORBIDDEN", "UNAUTHENTICATED")
    refused = await api.refusal(ACCOUNTS, CLIENT_SECRET, search="x" * 256, first=0, after="?")
    assert {path: at[0]["key"] for path, at in refused["errors"].items()} == {
        "search": "errors.too_long",
        "first": "errors.too_few",
        "after": "errors.invalid",
    }
    revoked = (await api.data(WEEK, CLIENT_SECRET, sub=ada.sub))["account"]["revoked"]
    assert revoked is True


async def test_an_application_lists_its_links(api: Api) -> None:
    ada = await create_account(api, "ada")
    links = []
    for number in range(3):
        api.now += 1
        links.append(
            (await create_link(api, link_input(("all", [ada]), event_id=f"e{number}")))["realTimeSchedulingId"]
        )
    disable = """
    mutation ($i: DisableRealTimeSchedulingInput!) {
      disableRealTimeScheduling(input: $i) { realTimeScheduling { id } }
    }
    """
    await api.data(disable, CLIENT_SECRET, i={"realTimeSchedulingId": links[1], "displayMessage": "Gone"})
    query = """
    query ($status: RealTimeSchedulingStatus, $first: Int, $after: String) {
      realTimeSchedulings(status: $status, first: $first, after: $after) {
        nodes { id url participants { account { name } } }
        pageInfo { endCursor }
      }
    }
    """

    async def listed(**given: Any) -> tuple[list[str], str | None]:
        page = (await api.data(query, CLIENT_SECRET, **given))["realTimeSchedulings"]
        return [node["id"] for node in page["nodes"]], page["pageInfo"]["endCursor"]

    assert (await listed())[0] == links
    assert (await listed(status="OPEN"))[0] == [links[0], links[2]]
    first, cursor = await listed(first=2)
    assert first == links[:2]
    assert (await listed(first=2, after=cursor))[0] == links[2:]
    assert (await api.refusal(query, ada.token))["code"] == "FORBIDDEN"


async def test_who_is_booked_has_a_name(graph: Api) -> None:
    """In the answer of the booking, and in the slots that are offered instead."""
    ada = await create_account(graph, "ada", name="Ada")
    query = """
    mutation ($input: BookSlotInput!) {
      bookSlot(input: $input) {
        ... on Booked { participants { account { name } } events { calendar { account { name } } } }
        ... on SlotTaken { nextSlots { participants { account { name } } } }
      }
    }
    """
    given = booking_input(("all", [ada]))
    ada_named = {"account": {"name": "Ada"}}
    assert await graph.data(query, CLIENT_SECRET, input=given) == {
        "bookSlot": {"participants": [ada_named], "events": [{"calendar": ada_named}]}
    }
    taken = booking_input(("all", [ada]), event_id="other")
    slots = (await graph.data(query, CLIENT_SECRET, input=taken))["bookSlot"]["nextSlots"]
    assert [slot["participants"] for slot in slots] == [[ada_named]] * 2


async def test_problems_have_the_path_of_their_field(graph: Api) -> None:
    """A refused field is null, and its siblings are answered."""
    ada = await make_ada(graph)
    query = """
    query ($sub: ID!, $calendar: ID!) {
      account(sub: $sub) {
        name
        late: events(input: {from: "soon"}, first: 0) { nodes { id } }
        other: events(input: {calendarIds: ["cal_other"]}) { nodes { id } }
        periods: availablePeriods(first: 5000) { nodes { start } }
        calendars { events(input: {calendarIds: [$calendar]}) { nodes { id } } }
      }
    }
    """
    answer = await graph(query, CLIENT_SECRET, sub=ada.sub, calendar=ada.calendar_id)
    assert answer["data"] == {
        "account": {
            "name": "Ada Lovelace",
            "late": None,
            "other": None,
            "periods": None,
            "calendars": [{"events": None}],
        }
    }
    found = {
        ".".join(map(str, error["path"])): (error["extensions"]["code"], sorted(error["extensions"]["errors"]))
        for error in answer["errors"]
    }
    assert found == {
        "account.late": ("UNPROCESSABLE", ["first", "from"]),
        "account.other": ("NOT_FOUND", ["calendarIds[0]"]),
        "account.periods": ("UNPROCESSABLE", ["first"]),
        "account.calendars.0.events": ("UNPROCESSABLE", ["calendarIds"]),
    }


@pytest.mark.parametrize("compiled", [True, False])
async def test_wrong_arguments_below_a_list_are_one_error_and_one_line(
    database_url: str, compiled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With the number of items. What is wrong with some of them, or with another field, is another error."""
    caplog.set_level("INFO", "openings")
    query = """
    query ($calendar: ID!) {
      accounts { nodes { sub wrong: events(input: {}, first: 0) { nodes { id } } } }
      again: accounts { nodes { sub events(input: {calendarIds: [$calendar]}) { nodes { id } } } }
    }
    """
    async with Api.open(database_url, NOW, compiled=compiled) as api:
        people = [await create_account(api, f"person {n}") for n in range(20)]
        people.sort(key=lambda person: person.sub)  # as the answer has accounts of the same second
        caplog.clear()
        answer = await api(query, CLIENT_SECRET, calendar=people[3].calendar_id)
    assert answer["data"]["accounts"]["nodes"] == [{"sub": person.sub, "wrong": None} for person in people]
    assert [each["events"] is None for each in answer["data"]["again"]["nodes"]] == [n != 3 for n in range(20)]
    found = [(error["path"], error["extensions"]["code"], error["extensions"]["places"]) for error in answer["errors"]]
    assert sorted(found) == [
        (["accounts", "nodes", 0, "wrong"], "UNPROCESSABLE", 20),
        (["again", "nodes", 0, "events"], "NOT_FOUND", 19),
    ]
    assert len([message for message in caplog.messages if message.startswith("refused")]) == 2


async def test_pages_of_events_belong_to_each_calendar_or_account(graph: Api) -> None:
    """Each has its own first events, and its own next page."""
    people = [await create_account(graph, name, name=name) for name in ("ada", "ben")]
    for person in people:
        for hour in (9, 12, 15):
            await create_busy_event(graph, person, iso_time(hour), iso_time(hour + 1), f"e{hour}")
    page = "{ nodes { start } pageInfo { hasNextPage endCursor } }"
    query = (
        f"query ($after: String) {{ accounts {{ nodes {{ events(input: {{}}, first: 2, after: $after) {page} }} }} }}"
    )
    deeper = (
        "query ($after: String) { accounts { nodes { calendars { "
        f"events(input: {{}}, first: 2, after: $after) {page} }} }} }} }}"
    )

    def starts(found: list[dict[str, Any]]) -> list[list[str]]:
        return [[node["start"] for node in each["nodes"]] for each in found]

    for document in (query, deeper):

        async def pages(after: str | None, document: str = document) -> list[dict[str, Any]]:
            nodes = (await graph.data(document, CLIENT_SECRET, after=after))["accounts"]["nodes"]
            return [each["events"] for node in nodes for each in (node.get("calendars") or [node])]

        first = await pages(None)
        assert starts(first) == [[iso_time(9), iso_time(12)]] * 2
        assert all(each["pageInfo"]["hasNextPage"] for each in first)
        last = await pages(first[0]["pageInfo"]["endCursor"])
        assert all(start[-1] == iso_time(15) for start in starts(last))
        assert not any(each["pageInfo"]["hasNextPage"] for each in last)
