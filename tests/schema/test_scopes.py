"""Scopes and plans: the rights of tokens, the grants of accounts, and the features an operator has disabled."""

from itertools import count
from typing import Any

import pytest

from core.features import Feature
from core.scopes import Scope
from db import clients
from schema import schema
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import CALENDARS, REVOKE_AUTHORIZATION
from tests.support.operations import APPLICATION_ONLY, AVAILABILITY, NEED_NO_SCOPE, OPERATIONS, root_field

ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken refreshToken scope } }"
APPLICATION_CALENDAR = """
mutation ($input: ApplicationCalendarInput!) {
  applicationCalendar(input: $input) { sub accessToken refreshToken scope }
}
"""
REFRESH = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { accessToken scope } }"
USER_INFO = "{ userInfo { scope } }"

DAY = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}


@pytest.fixture
async def ada(api: Api) -> Account:
    """A user who has granted everything, and has a rule."""
    made = await ask_for(api, "ada", "read_write")
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    rule = 'upsertAvailabilityRule(input: {availabilityRuleId: "kept", tzid: "UTC", weeklyPeriods: []})'
    await api.data(f"mutation {{ {rule} {{ availabilityRule {{ tzid }} }} }}", made["accessToken"])
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def ask_for(api: Api, account_id: str, scope: str | None) -> dict[str, str]:
    """Requests a user with this id and scope."""
    given = {**api.credentials, "kind": "USER", "accountId": account_id, "scope": scope}
    return (await api.data(ACCOUNT, input=given))["account"]


def question(*subs: str, **more: Any) -> dict[str, Any]:
    """The input for a meeting of all of them on the day."""
    members = [{"sub": sub} for sub in subs]
    return {
        "participants": [{"required": "all", "members": members}],
        "requiredDuration": {"hours": 1},
        "queryPeriods": [DAY],
        **more,
    }


#: for names that must differ
_numbers = count()


def sequence(asked: dict[str, Any]) -> dict[str, Any]:
    """The input for the same meeting as the only step of a sequence."""
    step = {"sequenceId": "1", "participants": asked["participants"], "requiredDuration": asked["requiredDuration"]}
    return {"queryPeriods": asked["queryPeriods"], "sequence": [step]}


async def outcome(api: Api, operation: str, token: str, whose: Account) -> dict[str, Any]:
    """The extensions of the refusal; empty if the operation succeeded."""
    variables = {
        "calendarId": whose.calendar_id,
        "event": {"eventId": "e1", "summary": "Busy", **DAY},
        "availability": question(whose.sub),
        "sequence": sequence(question(whose.sub)),
        "period": {"availablePeriodId": "p1", **DAY},
        "calendarName": f"Calendar {next(_numbers)}",
    }
    answer = await api(
        operation, token, **{name: given for name, given in variables.items() if f"${name}:" in operation}
    )
    return answer["errors"][0]["extensions"] if "errors" in answer else {}


def test_every_operation_is_listed_with_its_scope() -> None:
    """A new one must be added to the list, with its scope or with none."""
    ours = schema._schema
    roots = [root for root in (ours.query_type, ours.mutation_type) if root is not None]
    fields = {name for root in roots for name in root.fields}
    assert sorted(fields) == sorted({*map(root_field, OPERATIONS), *NEED_NO_SCOPE, *APPLICATION_ONLY})


async def test_an_operation_without_its_scope_is_forbidden_and_the_scope_is_named(api: Api, ada: Account) -> None:
    """By a token with all other scopes; reading events includes free-busy, so that is left out as well."""
    for operation, needed in OPERATIONS.items():
        others = set(Scope) - {needed} - ({Scope.READ_EVENTS} if needed is Scope.READ_FREE_BUSY else set())
        token = (await ask_for(api, "ada", " ".join(others)))["accessToken"]
        assert await outcome(api, operation, token, ada) == {"code": "FORBIDDEN", "scope": needed.value}, operation


async def test_an_operation_needs_only_its_own_scope(api: Api, ada: Account) -> None:
    """So that tokens can be narrow."""
    for operation, needed in OPERATIONS.items():
        token = (await ask_for(api, "ada", needed.value))["accessToken"]
        assert await outcome(api, operation, token, ada) == {}, operation
        assert await api.data(USER_INFO, token) == {"userInfo": {"scope": needed.value}}


SHARED = {"calendarFeeds", "calendarFeed", "revokeCalendarFeed", "channels", "upsertChannel", "closeChannel"}
READING = {"calendars", "calendarSources", "events", "freeBusy", "availability", "sequencedAvailability"} | SHARED
WRITING = {"calendars", "calendarSources", "upsertEvent", "upsertEvents", "deleteEvent", "deleteEvents"}
FREE_BUSY = {"calendars", "calendarSources", "freeBusy", "availability", "sequencedAvailability"} | SHARED


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read_write", set(map(root_field, OPERATIONS))),
        ("read_only", READING),
        ("write_only", WRITING),
        ("free_busy", FREE_BUSY),
        ("free_busy_write", FREE_BUSY | WRITING),
        ("read_events", READING - {"calendars", "calendarSources"}),
        ("list_calendars create_event", {"calendars", "calendarSources", "upsertEvent", "upsertEvents"}),
    ],
)
async def test_some_names_stand_for_several_scopes(api: Api, ada: Account, scope: str, allowed: set[str]) -> None:
    """Several names grant the union of their scopes."""
    token = (await ask_for(api, "ada", scope))["accessToken"]
    done = {root_field(operation) for operation in OPERATIONS if not await outcome(api, operation, token, ada)}
    assert done == allowed


async def test_a_scope_is_returned_in_one_spelling(api: Api) -> None:
    """Each name once and in order; the name for everything alone, which is also the default and null."""
    for asked, told in (
        ("read_free_busy list_calendars", "list_calendars read_free_busy"),
        (" read_events  read_events ", "read_events"),
        ("read_events read_write", "read_write"),
        (None, "read_write"),
    ):
        assert (await ask_for(api, "ada", asked))["scope"] == told
    without = {**api.credentials, "kind": "USER", "accountId": "ada"}
    assert (await api.data(ACCOUNT, input=without))["account"]["scope"] == "read_write"


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        ("read_write read_minds", ["errors.inclusion"]),
        ("Read_Events events:read", ["errors.inclusion", "errors.inclusion"]),
        ("read_events,create_event", ["errors.inclusion"]),
        ("", ["errors.required"]),
        ("  ", ["errors.required"]),
    ],
)
async def test_an_unknown_scope_is_refused(api: Api, scope: str, keys: list[str]) -> None:
    """For users, resources and application calendars; nothing is created."""
    account = {**api.credentials, "kind": "RESOURCE", "accountId": "red", "scope": scope}
    calendar = {**api.credentials, "applicationCalendarId": "red", "scope": scope}
    for operation, given in ((ACCOUNT, account), (APPLICATION_CALENDAR, calendar)):
        refused = await api.refusal(operation, input=given)
        assert refused["code"] == "UNPROCESSABLE"
        assert {path: [at["key"] for at in found] for path, found in refused["errors"].items()} == {"scope": keys}
    assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]


async def test_an_application_calendar_can_have_a_narrow_scope(api: Api) -> None:
    """A display at the door reads its calendar, and does not write to it."""
    given = {**api.credentials, "applicationCalendarId": "stand-7", "scope": "read_only"}
    made = (await api.data(APPLICATION_CALENDAR, input=given))["applicationCalendar"]
    assert made["scope"] == "read_only"
    deleting = "mutation { deleteEvents(input: {deleteAll: true}) { deleted } }"
    assert await api.refusal(deleting, made["accessToken"]) == {"code": "FORBIDDEN", "scope": "delete_event"}


async def test_refreshing_keeps_the_scope(api: Api, ada: Account) -> None:
    """The token's own, even if the account has granted more."""
    made = await ask_for(api, "ada", "read_free_busy")
    given = {**api.credentials, "refreshToken": made["refreshToken"]}
    refreshed = (await api.data(REFRESH, input=given))["refreshToken"]
    assert refreshed["scope"] == "read_free_busy"
    assert await api.refusal(CALENDARS, refreshed["accessToken"]) == {"code": "FORBIDDEN", "scope": "list_calendars"}
    assert await outcome(api, AVAILABILITY, refreshed["accessToken"], ada) == {}


async def test_a_member_that_has_not_granted_free_busy_cannot_be_queried(api: Api, ada: Account) -> None:
    """Neither by a token with every scope nor by the client secret: the grant is the member's."""
    ben = (await ask_for(api, "ben", "list_calendars create_event"))["sub"]
    for token in (ada.token, CLIENT_SECRET):
        assert await api.refusal(AVAILABILITY, token, availability=question(ada.sub, ben)) == {
            "code": "FORBIDDEN",
            "scope": "read_free_busy",
            "errors": {
                "participants[0].members[1].sub": [
                    {"key": "errors.forbidden", "description": "has not granted read_free_busy to this application"}
                ]
            },
        }


async def test_missing_grants_are_reported_with_all_other_problems(api: Api, ada: Account) -> None:
    """The code is then that of an invalid request."""
    ben = (await ask_for(api, "ben", "write_only"))["sub"]
    given = question(ada.sub, ben, "acc_000000000000000000000000", maxResults=0)
    refused = await api.refusal(AVAILABILITY, ada.token, availability=given)
    assert (refused["code"], "scope" in refused) == ("UNPROCESSABLE", False)
    assert {path: [at["key"] for at in found] for path, found in refused["errors"].items()} == {
        "maxResults": ["errors.too_few"],
        "participants[0].members[1].sub": ["errors.forbidden"],
        "participants[0].members[2].sub": ["errors.unknown"],
    }


async def test_grants_accumulate_until_they_are_revoked(api: Api, ada: Account) -> None:
    """Later grants add to earlier ones, whatever the scope of the token in use."""

    async def key(ben: dict[str, str]) -> str | None:
        answer = await api(AVAILABILITY, ada.token, availability=question(ben["sub"]))
        if "errors" not in answer:
            return None
        [[problem]] = answer["errors"][0]["extensions"]["errors"].values()
        return problem["key"]

    assert await key(await ask_for(api, "ben", "list_calendars")) == "errors.forbidden"
    assert await key(await ask_for(api, "ben", "read_events")) is None
    ben = await ask_for(api, "ben", "list_calendars")
    assert await key(ben) is None
    assert await api.refusal("{ events(input: {}) { nodes { eventId } } }", ben["accessToken"]) == {
        "code": "FORBIDDEN",
        "scope": "read_events",
    }
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ben["sub"]})
    assert await key(ben) == "errors.unknown"
    assert await key(await ask_for(api, "ben", "list_calendars")) == "errors.forbidden"


MANAGED = {root_field(operation) for operation, scope in OPERATIONS.items() if scope is Scope.MANAGED_AVAILABILITY}


async def leave_out(api: Api, *features: Feature) -> None:
    """Disables features, as `openings client plan` does."""
    async with api.db.write() as session:
        assert await clients.disable_features(session, CLIENT_ID, features)


def test_every_feature_is_tested_here() -> None:
    """A new feature needs its test."""
    assert set(Feature) == {
        Feature.ACCOUNTS,
        Feature.APPLICATION_CALENDARS,
        Feature.AVAILABILITY,
        Feature.MANAGED_AVAILABILITY,
    }


async def test_a_plan_without_a_feature_requires_payment_and_names_it(api: Api, ada: Account) -> None:
    """For account tokens and for the client secret. All other operations succeed."""
    for feature, left_out in (
        (Feature.AVAILABILITY, {"availability", "sequencedAvailability"}),
        (Feature.MANAGED_AVAILABILITY, MANAGED),
    ):
        await leave_out(api, feature)
        for operation in OPERATIONS:
            expected = (
                {"code": "PAYMENT_REQUIRED", "feature": feature.value} if root_field(operation) in left_out else {}
            )
            assert await outcome(api, operation, ada.token, ada) == expected, operation
            if expected:
                assert await outcome(api, operation, CLIENT_SECRET, ada) == expected, operation


async def test_managed_members_need_the_managed_availability_feature(api: Api, ada: Account) -> None:
    """Queries without managed members succeed, also with an explicit false."""
    await leave_out(api, Feature.MANAGED_AVAILABILITY)
    given = question(ada.sub)
    member = given["participants"][0]["members"][0]
    for token in (ada.token, CLIENT_SECRET):
        member["managedAvailability"] = True
        assert await api.refusal(AVAILABILITY, token, availability=given) == {
            "code": "PAYMENT_REQUIRED",
            "feature": "managed_availability",
        }
        member["managedAvailability"] = False
        await api.data(AVAILABILITY, token, availability=given)


async def test_creating_accounts_and_application_calendars_are_features(api: Api) -> None:
    """Without them accounts can be neither created nor requested again; credentials are checked first."""
    account = {**api.credentials, "kind": "USER", "accountId": "ada"}
    calendar = {**api.credentials, "applicationCalendarId": "ada"}
    for feature, closed, open_ in (
        (Feature.ACCOUNTS, (ACCOUNT, account), (APPLICATION_CALENDAR, calendar)),
        (Feature.APPLICATION_CALENDARS, (APPLICATION_CALENDAR, calendar), (ACCOUNT, account)),
    ):
        await leave_out(api, feature)
        operation, given = closed
        refused = await api.refusal(operation, input=given)
        assert refused == {"code": "PAYMENT_REQUIRED", "feature": feature.value}
        assert (await api.refusal(operation, input=given | {"clientSecret": "guess"})) == {"code": "UNAUTHENTICATED"}
        await api.data(open_[0], input=open_[1])


async def test_a_plan_belongs_to_one_client_and_can_be_restored(api: Api, ada: Account) -> None:
    """Disabling a feature deletes nothing, and does not affect other applications."""
    eve = await api.application_calendar_of_another_client("eve")
    await leave_out(api, *Feature)
    assert (await outcome(api, AVAILABILITY, ada.token, ada))["code"] == "PAYMENT_REQUIRED"
    assert await outcome(api, AVAILABILITY, eve.token, eve) == {}
    await leave_out(api)
    for operation in OPERATIONS:
        assert await outcome(api, operation, ada.token, ada) == {}, operation
