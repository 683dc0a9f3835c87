"""Booking links for applications: creating, reading and disabling them."""

from typing import Any

import pytest

from db import clients
from tests.support.api import CLIENT_SECRET, KEY, Account, Api
from tests.support.builders import create_link, get_link, iso_time, link_input, link_token
from tests.support.graphql_queries import CREATE_LINK, DISABLE_LINK, GET_LINK


async def wrong(api: Api, query: str, **variables: Any) -> tuple[str, dict[str, list[str]]]:
    """The code of a refusal, and the keys of its problems by path."""
    refusal = await api.refusal(query, CLIENT_SECRET, **variables)
    errors = refusal.get("errors", {})
    return refusal["code"], {path: [problem["key"] for problem in problems] for path, problems in errors.items()}


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


async def test_a_link_is_created_and_found_again(api: Api, ada: Account) -> None:
    """By its id, and by the token of its URL; nothing is booked yet."""
    event = {"description": "Bring plans", "tzid": "Europe/London"}
    made = await create_link(api, link_input(("all", [ada]), event=event))
    assert made.pop("realTimeSchedulingId").startswith("sch_")
    assert made.pop("url").startswith("http://127.0.0.1:8000/book/")
    assert made == {
        "status": "OPEN",
        "displayMessage": None,
        "event": {"eventId": "booking", "summary": "Meeting", **event, "start": None, "end": None},
        "participants": None,
    }
    again = await create_link(api, link_input(("all", [ada]), event=event))
    assert again == await get_link(api, id=again["realTimeSchedulingId"]) == await get_link(api, part=link_token(again))
    assert await api.rows("SELECT COUNT(*) FROM events") == [(0,)]


async def test_the_stored_link_does_not_contain_its_token(api: Api, ada: Account) -> None:
    """Reading the database does not allow booking."""
    made = await create_link(api, link_input(("all", [ada])))
    rows = await api.rows("SELECT * FROM real_time_schedulings")
    assert link_token(made) not in str(rows)
    assert link_token(made)[16:] not in str(rows)


async def test_all_problems_are_reported_at_once(api: Api, ada: Account) -> None:
    """The query's problems and the link's; here a query may not have begun."""
    given = link_input(("all", [ada, {"sub": "apc_" + "0" * 24}]), event={"summary": "x" * 2000}) | {
        "minimumNotice": {"minutes": -5},
        "tzid": "Mars/Olympus",
        "callbackUrls": {"completedUrl": "http://localhost/"},
        "redirectUrls": {"completedUrl": "/booked"},
        "targetCalendars": [{"sub": ada.sub, "calendarId": "cal_of_somebody"}],
        "eventCreation": "SINGLE",
    }
    given["availability"]["queryPeriods"] = [{"start": "2026-12-31T09:00:00Z", "end": "2026-12-31T12:00:00Z"}]
    given["availability"]["excludedEvents"] = [{"eventId": "other"}]
    assert await wrong(api, CREATE_LINK, input=given) == (
        "UNPROCESSABLE",
        {
            "event.summary": ["errors.too_long"],
            "minimumNotice.minutes": ["errors.invalid"],
            "tzid": ["errors.invalid"],
            "callbackUrls.completedUrl": ["errors.invalid"],
            "redirectUrls.completedUrl": ["errors.invalid"],
            "targetCalendars[0].calendarId": ["errors.unknown"],
            "availability.queryPeriods[0].start": ["errors.in_past"],
            "availability.excludedEvents": ["errors.conflict"],
            "availability.participants[0].members[1].sub": ["errors.unknown"],
        },
    )
    assert await api.rows("SELECT COUNT(*) FROM real_time_schedulings") == [(0,)]


async def test_members_must_have_granted_the_scopes_of_a_booking(api: Api) -> None:
    given = {**api.credentials, "applicationCalendarId": "shy", "scope": "free_busy"}
    made = await api.data(
        "mutation ($i: ApplicationCalendarInput!) { applicationCalendar(input: $i) { sub } }", i=given
    )
    refusal = await api.refusal(CREATE_LINK, CLIENT_SECRET, input=link_input(("all", [made["applicationCalendar"]])))
    assert (refusal["code"], refusal["scope"]) == ("FORBIDDEN", "create_event")


async def test_a_link_is_disabled_with_a_message(api: Api, ada: Account) -> None:
    """The message can be changed later."""
    made = await create_link(api, link_input(("all", [ada])))
    for message in ("We have found somebody.\nThank you!", "<i>Closed</i>"):
        given = {"realTimeSchedulingId": made["realTimeSchedulingId"], "displayMessage": message}
        disabled = (await api.data(DISABLE_LINK, CLIENT_SECRET, input=given))["disableRealTimeScheduling"]
        assert disabled["realTimeScheduling"] == made | {"status": "DISABLED", "displayMessage": message}
        assert await get_link(api, id=made["realTimeSchedulingId"]) == disabled["realTimeScheduling"]
    assert await wrong(api, DISABLE_LINK, input=given | {"displayMessage": " "}) == (
        "UNPROCESSABLE",
        {"displayMessage": ["errors.required"]},
    )


async def test_a_link_is_identified_by_exactly_one_argument(api: Api, ada: Account) -> None:
    made = await create_link(api, link_input(("all", [ada])))
    id = made["realTimeSchedulingId"]
    both = {"realTimeSchedulingId": ["errors.conflict"], "token": ["errors.conflict"]}
    assert await wrong(api, GET_LINK) == ("UNPROCESSABLE", {"realTimeSchedulingId": ["errors.required"]})
    assert await wrong(api, GET_LINK, id=id, part=link_token(made)) == ("UNPROCESSABLE", both)
    for unknown in ("sch_" + "0" * 24, "", "sch_1", "\0", id.upper()):
        assert await wrong(api, GET_LINK, id=unknown) == ("NOT_FOUND", {"realTimeSchedulingId": ["errors.unknown"]})
        given = {"realTimeSchedulingId": unknown, "displayMessage": "Gone"}
        assert await wrong(api, DISABLE_LINK, input=given) == (
            "NOT_FOUND",
            {"realTimeSchedulingId": ["errors.unknown"]},
        )
    for unknown in (link_token(made)[:-1] + "!", "", id, link_token(made).lower()):
        assert await wrong(api, GET_LINK, part=unknown) == ("NOT_FOUND", {"token": ["errors.unknown"]})


async def test_a_link_is_visible_to_its_application_only(api: Api, ada: Account) -> None:
    """For another application it is not found; and no account's token may read or create links."""
    made = await create_link(api, link_input(("all", [ada])))
    id = made["realTimeSchedulingId"]
    async with api.db.write() as session:
        _, secret = await clients.create(session, api.db.encryption, "Another", api.now)
    disabling = {"realTimeSchedulingId": id, "displayMessage": "Gone"}
    for query, variables in (
        (GET_LINK, {"id": id}),
        (GET_LINK, {"part": link_token(made)}),
        (DISABLE_LINK, {"input": disabling}),
    ):
        assert (await api.refusal(query, secret, **variables))["code"] == "NOT_FOUND"
        assert (await api.refusal(query, ada.token, **variables))["code"] == "FORBIDDEN"
        assert (await api.refusal(query, **variables))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CREATE_LINK, ada.token, input=link_input(("all", [ada]))))["code"] == "FORBIDDEN"
    assert (await get_link(api, id=id))["status"] == "OPEN"


async def test_callbacks_need_a_secret_that_can_be_decrypted(api: Api, ada: Account) -> None:
    """A client of an older version has only a digest; the refusal says what to do."""
    async with api.db.writer.begin() as connection:
        await connection.exec_driver_sql("UPDATE clients SET sealed_secret = NULL")
    given = link_input(("all", [ada])) | {"callbackUrls": {"completedUrl": "https://example.com/"}}
    assert await wrong(api, CREATE_LINK, input=given) == ("UNPROCESSABLE", {"callbackUrls": ["errors.conflict"]})
    await create_link(api, link_input(("all", [ada])))


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"public_url": "https://book.example.com"}, "https://book.example.com/book/"),
        ({"public_url": "https://example.com/openings/"}, "https://example.com/openings/book/"),
        ({"host": "0.0.0.0", "port": 9000}, "http://localhost:9000/book/"),
        ({"host": "::1"}, "http://[::1]:8000/book/"),
    ],
    ids=str,
)
async def test_the_url_of_a_link_follows_the_server_s_address(
    database_url: str, settings: dict[str, Any], address: str
) -> None:
    """It is derived from id and key each time, so it changes when the server moves."""
    async with Api.open(database_url, 1_800_000_000, **settings) as api:
        ada = await api.application_calendar("ada")
        given = link_input(("all", [ada]))
        given["availability"]["queryPeriods"] = [{"start": "2028-01-19T09:00:00Z", "end": "2028-01-19T12:00:00Z"}]
        made = await create_link(api, given)
        assert made["url"].startswith(address)
        assert made == await get_link(api, id=made["realTimeSchedulingId"])
    assert KEY not in made["url"]
    assert iso_time(9) not in str(made)
