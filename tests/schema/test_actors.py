"""Every field × every kind of caller: who may ask what."""

from typing import Any

import pytest

from core.errors import Forbidden, Unauthenticated
from tests.support.api import CLIENT_SECRET, Account, Api, ElementToken
from tests.support.builders import availability_input, booking_input, create_link, link_input
from tests.support.graphql_queries import ACCOUNT_TOKENS, CALENDARS, REVOKE_AUTHORIZATION
from tests.support.live_clients import LiveServer, live_server
from tests.support.operations import GRAPHQL_SCHEMA, OPERATIONS, root_field

#: Rows are fields. Columns are callers: nobody, the application's key, the token of an account with every scope; element
#: tokens with one permission each; one with all of them, for this account and another, of which the first was revoked.
#: `yes`: answered. `no`: FORBIDDEN. `who`: UNAUTHENTICATED. `null`: the field is there, and empty.
TABLE = """
                                  nobody key  account AGENDA AVAILABILITY MANAGED_AVAILABILITY ACCOUNT_MANAGEMENT revoked
Query.userInfo                    who    no   yes     no     no           yes                  yes                who
Query.userInfo.email              who    no   yes     no     no           null                 yes                who
Query.userInfo.applicationCalendarId who no   null    no     no           null                 null               who
Query.userInfo.calendars          who    no   yes     no     no           yes                  yes                who
Query.calendars                   who    no   yes     yes    no           yes                  yes                who
Query.events                      who    no   yes     yes    no           no                   no                 who
Query.freeBusy                    who    no   yes     yes    no           no                   no                 who
Query.node                        who    yes  yes     yes    yes          yes                  yes                yes
Query.account                     who    yes  yes     yes    yes          yes                  yes                yes
Query.account.accountId           who    yes  yes     null   null         null                 yes                null
Query.account.email               who    yes  yes     null   null         null                 yes                null
Query.account.calendars           who    yes  yes     yes    null         yes                  yes                null
Query.account.events              who    yes  yes     yes    null         null                 null               null
Query.account.availabilityRules   who    yes  yes     null   null         yes                  null               null
Query.account.availablePeriods    who    yes  yes     null   null         yes                  null               null
Query.accounts                    who    yes  no      no     no           no                   no                 no
Query.availability                who    yes  yes     no     yes          no                   no                 yes
Query.availability.availablePeriods.participants.account who yes null no yes no no yes
Query.sequencedAvailability       who    yes  yes     no     yes          no                   no                 yes
Query.booking                     who    yes  no      no     no           no                   no                 no
Query.bookings                    who    yes  no      no     no           no                   no                 no
Query.realTimeSchedulings         who    yes  no      no     no           no                   no                 no
Query.realTimeScheduling          who    yes  no      no     no           no                   no                 no
Query.channels                    who    no   yes     no     no           no                   no                 who
Query.calendarSources             who    no   yes     yes    no           yes                  yes                who
Query.availabilityRules           who    no   yes     no     no           yes                  no                 who
Query.availabilityRule            who    no   yes     no     no           yes                  no                 who
Query.availablePeriods            who    no   yes     no     no           yes                  no                 who
Query.calendarFeeds               who    no   yes     no     no           no                   no                 who
Mutation.calendarFeed             who    no   yes     no     no           no                   no                 who
Mutation.revokeCalendarFeed       who    no   yes     no     no           no                   no                 who
Mutation.applicationCalendar      yes    yes  yes     yes    yes          yes                  yes                yes
Mutation.account                  yes    yes  yes     yes    yes          yes                  yes                yes
Mutation.refreshToken             yes    yes  yes     yes    yes          yes                  yes                yes
Mutation.revokeAuthorization      yes    yes  yes     yes    yes          yes                  yes                yes
Mutation.elementToken             who    yes  no      no     no           no                   no                 no
Mutation.deleteAccount            who    yes  no      no     no           no                   no                 no
Mutation.createCalendar           who    no   yes     no     no           no                   no                 who
Mutation.deleteCalendar           who    no   yes     no     no           no                   no                 who
Mutation.upsertCalendarSource     who    no   yes     no     no           no                   no                 who
Mutation.syncCalendarSource       who    no   yes     no     no           no                   no                 who
Mutation.deleteCalendarSource     who    no   yes     no     no           no                   no                 who
Mutation.upsertEvent              who    no   yes     no     no           no                   no                 who
Mutation.upsertEvents             who    no   yes     no     no           no                   no                 who
Mutation.deleteEvent              who    no   yes     no     no           no                   no                 who
Mutation.deleteEvents             who    no   yes     no     no           no                   no                 who
Mutation.bookSlot                 who    yes  no      no     no           no                   no                 no
Mutation.holdSlot                 who    yes  no      no     no           no                   no                 no
Mutation.confirmBooking           who    yes  no      no     no           no                   no                 no
Mutation.rescheduleBooking        who    yes  no      no     no           no                   no                 no
Mutation.cancelBooking            who    yes  no      no     no           no                   no                 no
Mutation.bookSequence             who    yes  no      no     no           no                   no                 no
Mutation.realTimeScheduling       who    yes  no      no     no           no                   no                 no
Mutation.disableRealTimeScheduling who   yes  no      no     no           no                   no                 no
Mutation.upsertChannel            who    no   yes     no     no           no                   no                 who
Mutation.closeChannel             who    no   yes     no     no           no                   no                 who
Mutation.upsertAvailabilityRule   who    no   yes     no     no           yes                  no                 who
Mutation.deleteAvailabilityRule   who    no   yes     no     no           yes                  no                 who
Mutation.upsertAvailablePeriod    who    no   yes     no     no           yes                  no                 who
Mutation.deleteAvailablePeriod    who    no   yes     no     no           yes                  no                 who
Mutation.deleteAvailablePeriods   who    no   yes     no     no           yes                  no                 who
Subscription.availabilityChanged  who    yes  yes     no     yes          no                   no                 yes
"""
HEADER, *LINES = TABLE.strip().splitlines()
CALLERS = HEADER.split()
EXPECTED: dict[str, dict[str, str]] = {
    field: dict(zip(CALLERS, cells, strict=True)) for field, *cells in map(str.split, LINES)
}

#: types of which some fields depend on the caller: where the table has them, and their fields that everybody may read
TYPES = {
    "UserInfo": ("Query.userInfo", {"sub", "kind", "name", "zoneinfo", "scope"}),
    "Account": ("Query.account", {"id", "sub", "kind", "name", "tzid", "capacity", "revoked"}),
    "Participant": ("Query.availability.availablePeriods.participants", {"sub"}),
}

DAY = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}
INPUT = "mutation ($input: {}Input!) {{ {}(input: $input) {{ __typename }} }}"

#: by field, the documents that are not in OPERATIONS
DOCUMENTS: dict[str, str] = {
    **{f"Query.userInfo.{name}": f"{{ userInfo {{ {name} }} }}" for name in ("email", "applicationCalendarId")},
    "Query.userInfo.calendars": "{ userInfo { calendars { calendarId } } }",
    "Query.userInfo": "{ userInfo { sub } }",
    "Query.node": "query ($sub: ID!) { node(id: $sub) { id } }",
    "Query.account": "query ($sub: ID!) { account(sub: $sub) { id } }",
    **{
        f"Query.account.{name}": f"query ($sub: ID!) {{ account(sub: $sub) {{ {name}{selected} }} }}"
        for name, selected in (
            *(("accountId", ""), ("email", ""), ("calendars", " { id }"), ("events", "(input: {}) { nodes { id } }")),
            *(("availabilityRules", " { tzid }"), ("availablePeriods", " { nodes { start } }")),
        )
    },
    "Query.accounts": "{ accounts { nodes { id } } }",
    "Query.availability.availablePeriods.participants.account": """
        query ($withBen: AvailabilityInput!) {
          availability(input: $withBen) { availablePeriods { participants { account { name } } } }
        }
    """,
    "Query.booking": "query ($booking: ID!) { booking(bookingId: $booking) { id } }",
    "Query.bookings": "{ bookings { nodes { id } } }",
    "Query.realTimeSchedulings": "{ realTimeSchedulings { nodes { id } } }",
    "Query.realTimeScheduling": "query ($link: ID!) { realTimeScheduling(realTimeSchedulingId: $link) { url } }",
    **{
        f"Mutation.{name}": INPUT.format(name[0].upper() + name[1:], name)
        for name in (
            *("applicationCalendar", "account", "refreshToken", "revokeAuthorization", "elementToken", "deleteAccount"),
            *("bookSlot", "holdSlot", "confirmBooking", "rescheduleBooking", "cancelBooking", "bookSequence"),
            *("realTimeScheduling", "disableRealTimeScheduling"),
        )
    },
    "Subscription.availabilityChanged": """
        subscription ($availability: AvailabilityInput!) {
          availabilityChanged(input: $availability) { availablePeriods { start } }
        }
    """,
}


def documents() -> dict[str, str]:
    """A document for every line of the table."""
    kinds = {document: "Mutation" if "mutation" in document else "Query" for document in OPERATIONS}
    return {**{f"{kind}.{root_field(document)}": document for document, kind in kinds.items()}, **DOCUMENTS}


def test_every_field_has_a_line() -> None:
    """A new root field needs one; so does a new field of a type whose fields depend on the caller."""
    roots = [GRAPHQL_SCHEMA.query_type, GRAPHQL_SCHEMA.mutation_type, GRAPHQL_SCHEMA.subscription_type]
    fields = {f"{root.name}.{name}" for root in roots if root is not None for name in root.fields}
    lines = set(EXPECTED)
    assert {line for line in lines if line.count(".") == 1} == fields
    assert set(documents()) == lines
    for kind, (place, for_all) in TYPES.items():
        listed = {line.rpartition(".")[2] for line in lines if line.rpartition(".")[0] == place}
        assert listed | for_all == set(getattr(GRAPHQL_SCHEMA.type_map[kind], "fields", {}))


@pytest.fixture
async def ada(api: Api) -> Account:
    """A user with an email address and a rule."""
    given = {**api.credentials, "kind": "USER", "accountId": "ada", "email": "ada@example.com"}
    made = (await api.data(ACCOUNT_TOKENS, input=given))["account"]
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    rule = 'upsertAvailabilityRule(input: {availabilityRuleId: "kept", tzid: "UTC", weeklyPeriods: []})'
    await api.data(f"mutation {{ {rule} {{ availabilityRule {{ tzid }} }} }}", made["accessToken"])
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def callers(api: Api, ada: Account) -> dict[str, str | None]:
    """The token of each caller in the table."""
    ben, eve = [await api.application_calendar(name) for name in ("ben", "eve")]
    permissions = [name for name in CALLERS if name.isupper()]
    revoked = await api.element_token(eve, ada, ben)
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": eve.sub})
    return {
        "nobody": None,
        "key": CLIENT_SECRET,
        "account": ada.token,
        **{name: await api.element_token(ada, ben, permissions=[name]) for name in permissions},
        "revoked": revoked,
    }


async def variables(api: Api, ada: Account) -> dict[str, Any]:
    """The variables of the documents, by their names; `input` is by field."""
    ben = await api.application_calendar("ben")
    link = (await create_link(api, link_input(("all", [ada]))))["realTimeSchedulingId"]
    booked = await api.data(
        "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { ... on Booked { booking { id } } } }",
        CLIENT_SECRET,
        input=booking_input(("all", [ben])),
    )
    sequence = {
        "sequence": [
            {
                "sequenceId": "only",
                "participants": availability_input(ada)["participants"],
                "requiredDuration": {"minutes": 60},
            }
        ],
        "queryPeriods": [DAY],
    }
    by_field = {
        "applicationCalendar": {**api.credentials, "applicationCalendarId": "new"},
        "account": {**api.credentials, "kind": "USER", "accountId": "new"},
        "refreshToken": {**api.credentials, "refreshToken": ada.refresh_token},
        "revokeAuthorization": {**api.credentials, "token": "unknown"},
        # Of nobody: the accounts are needed for the other lines.
        "deleteAccount": {"sub": "acc_000000000000000000000000"},
        "elementToken": {"permissions": ["AGENDA"], "subs": [ada.sub], "origin": "https://app.example.com"},
        "bookSlot": booking_input(("all", [ada])),
        "bookSequence": {
            "sequencedAvailability": sequence,
            "starts": [
                {"sequenceId": "only", "start": "2027-01-19T15:00:00Z", "event": {"eventId": "only", "summary": "Only"}}
            ],
        },
        "holdSlot": booking_input(("all", [ada]), start="2027-01-19T11:00:00Z", event_id="held"),
        "confirmBooking": {"bookingId": booked["bookSlot"]["booking"]["id"]},
        "rescheduleBooking": {"bookingId": booked["bookSlot"]["booking"]["id"], "start": "2027-01-19T10:00:00Z"},
        "cancelBooking": {"bookingId": booked["bookSlot"]["booking"]["id"]},
        "realTimeScheduling": link_input(("all", [ada]), event_id="linked"),
        "disableRealTimeScheduling": {"realTimeSchedulingId": link, "displayMessage": "Closed"},
    }
    return {
        "calendarId": ada.calendar_id,
        "event": {"eventId": "e1", "summary": "Busy", "start": "2027-01-20T09:00:00Z", "end": "2027-01-20T10:00:00Z"},
        "calendarName": "Another",
        "sub": ada.sub,
        "availability": availability_input(ada),
        "withBen": availability_input(ben),
        "sequence": sequence,
        "link": link,
        "booking": booked["bookSlot"]["booking"]["id"],
        "period": {"availablePeriodId": "p1", **DAY},
        **{f"input of {name}": given for name, given in by_field.items()},
    }


def given(field: str, document: str, values: dict[str, Any]) -> dict[str, Any]:
    """The variables that a document declares."""
    found = {name: value for name, value in values.items() if f"${name}:" in document}
    return {**found, "input": values[f"input of {field.split('.')[1]}"]} if "$input:" in document else found


WORDS: dict[str, str] = {Forbidden.code: "no", Unauthenticated.code: "who"}


def outcome(field: str, answer: dict[str, Any]) -> str:
    """The word of the table for an answer."""
    if "errors" in answer:
        code: str = answer["errors"][0]["extensions"]["code"]
        return WORDS.get(code, code)
    value: Any = answer["data"]
    for name in field.split(".")[1:]:
        value = value[name][0] if isinstance(value[name], list) and value[name] else value[name]
    return "null" if value is None else "yes"


async def test_every_field_by_every_caller(api: Api, ada: Account) -> None:
    """Allowed, refused or invisible, exactly as in the table."""
    tokens, values = await callers(api, ada), await variables(api, ada)
    found: dict[str, dict[str, str]] = {}
    for field, document in documents().items():
        if not field.startswith("Subscription"):
            asked = given(field, document, values)
            found[field] = {
                caller: outcome(field, await api(document, token, **asked)) for caller, token in tokens.items()
            }
    expected = {field: cells for field, cells in EXPECTED.items() if not field.startswith("Subscription")}
    assert found == expected


async def test_subscriptions_by_every_caller(database_url: str) -> None:
    """As the same query is answered."""
    field = "Subscription.availabilityChanged"
    async with live_server(database_url) as live:
        ada = await live.api.application_calendar("ada")
        for caller, token in (await callers(live.api, ada)).items():
            assert await subscribed(live, DOCUMENTS[field], token, ada) == EXPECTED[field][caller], caller


async def subscribed(live: LiveServer, document: str, token: str | None, ada: Account) -> str:
    """The word of the table for the first result of a subscription."""
    origin = {"Origin": token.origin} if isinstance(token, ElementToken) else {}
    async with live.connect(**origin) as ws:
        await ws.initialize(**({"Authorization": f"Bearer {token}"} if token is not None else {}))
        await ws.subscribe(document, availability=availability_input(ada))
        return outcome("Subscription.availabilityChanged", await ws.next_result())
