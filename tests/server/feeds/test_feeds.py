"""Calendar feeds: what a program reads that follows one, when it need not read it again, and when a feed ends."""

import logging
from datetime import UTC, date, datetime
from typing import Any

import icalendar
import pytest
import vobject
from httpx2 import Response

from core.calendar_feeds import MAX_FEEDS
from core.instants import DAY
from resolvers import calendar_feeds
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import booking_input, create_account, iso_time, upsert_event_input
from tests.support.feeds import CALENDAR_FEED, get, make_feed
from tests.support.graphql_queries import REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.statements import record_statements

CALENDAR_FEEDS = "{ calendarFeeds { feedId url calendarIds details } }"
REVOKE_FEED = "mutation ($input: RevokeCalendarFeedInput!) { revokeCalendarFeed(input: $input) { revoked } }"
CREATE_CALENDAR = 'mutation { createCalendar(input: {name: "Private"}) { calendar { calendarId } } }'

MEETING = {
    "summary": "Design; review, part 1",
    "description": "Bring sketches.\nAnd a pencil \\ two.",
    "location": {"description": "Studio, 2nd floor", "lat": "52.9548", "long": "-1.1581"},
    "url": "https://meet.jit.si/Hallo-Wörld",
}


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", name="Ada Lovelace")


async def upsert(api: Api, ada: Account, event_id: str = "e1", **more: Any) -> None:
    given = upsert_event_input(ada, 9, 10, event_id)
    await api.data(UPSERT_EVENT, ada.token, input={**given, "event": {**given["event"], **more}})


def read(response: Response) -> list[dict[str, Any]]:
    """The events of a feed, as another program reads them."""
    assert response.status_code == 200, response.text
    calendar = icalendar.Calendar.from_ical(response.content)
    assert [event.errors for event in calendar.walk()] == [[]] * len(list(calendar.walk()))
    return [{str(name).lower(): value for name, value in event.items()} for event in calendar.walk("VEVENT")]


class TestWhatAFeedSays:
    async def test_an_event_with_its_details(self, api: Api, ada: Account) -> None:
        """Another program reads every text as it was written."""
        await upsert(api, ada, **MEETING, status="TENTATIVE")
        response = await get(api, (await make_feed(api, ada))["url"])
        [event] = read(response)
        assert (event["dtstart"].dt, event["dtend"].dt) == (
            datetime(2027, 1, 19, 9, tzinfo=UTC),
            datetime(2027, 1, 19, 10, tzinfo=UTC),
        )
        assert [str(event[name]) for name in ("summary", "description", "location", "url")] == [
            MEETING["summary"],
            MEETING["description"],
            "Studio, 2nd floor",
            "https://meet.jit.si/Hallo-W%C3%B6rld",
        ]
        assert (event["geo"].latitude, event["geo"].longitude) == (52.9548, -1.1581)
        assert (str(event["status"]), str(event["transp"])) == ("TENTATIVE", "OPAQUE")
        assert str(event["uid"]).startswith("evt_")
        assert response.headers["content-type"] == "text/calendar; charset=utf-8"
        assert "X-WR-CALNAME:Ada Lovelace\r\n" in response.text

    async def test_a_second_reader_understands_it_too(self, api: Api, ada: Account) -> None:
        await upsert(api, ada, **MEETING)
        calendar: Any = vobject.readOne((await get(api, (await make_feed(api, ada))["url"])).text)
        assert calendar.vevent.description.value == MEETING["description"]
        assert calendar.vevent.dtstart.value == datetime(2027, 1, 19, 9, tzinfo=UTC)

    async def test_an_all_day_event_has_dates(self, api: Api, ada: Account) -> None:
        """They are days wherever the feed is read."""
        await upsert(api, ada, start="2027-01-19", end="2027-01-21", tzid="Asia/Tokyo", transparency="TRANSPARENT")
        [event] = read(await get(api, (await make_feed(api, ada))["url"]))
        assert (event["dtstart"].dt, event["dtend"].dt) == (date(2027, 1, 19), date(2027, 1, 21))
        assert str(event["transp"]) == "TRANSPARENT"

    async def test_without_details_it_says_when_the_account_is_busy(self, api: Api, ada: Account) -> None:
        await upsert(api, ada, **MEETING)
        await upsert(api, ada, "free", transparency="TRANSPARENT", summary="Lunch")
        response = await get(api, (await make_feed(api, ada, details=False))["url"])
        [event] = read(response)
        assert set(event) == {"uid", "dtstamp", "dtstart", "dtend", "summary", "status", "transp"}
        assert str(event["summary"]) == "Busy"

    async def test_deleted_events_and_those_far_away_are_not_in_it(self, api: Api, ada: Account) -> None:
        """It covers 30 days before today and 400 days from today on."""
        day = api.now - api.now % DAY
        for event_id, start in {"past": day - 31 * DAY, "since": day - 30 * DAY, "until": day + 399 * DAY}.items():
            times = {"start": _iso(start), "end": _iso(start + 3600)}
            await upsert(api, ada, event_id, summary=event_id, **times)
        await upsert(api, ada, "future", start=_iso(day + 400 * DAY), end=_iso(day + 400 * DAY + 60))
        await upsert(api, ada, "gone")
        deleted = {"calendarId": ada.calendar_id, "eventId": "gone"}
        await api.data(
            "mutation ($input: DeleteEventInput!) { deleteEvent(input: $input) { deleted } }", ada.token, input=deleted
        )
        found = read(await get(api, (await make_feed(api, ada))["url"]))
        assert [str(event["summary"]) for event in found] == ["since", "until"]

    async def test_some_calendars_or_all_that_there_are(self, api: Api, ada: Account) -> None:
        everything, one = await make_feed(api, ada), await make_feed(api, ada, calendarIds=[ada.calendar_id])
        private = (await api.data(CREATE_CALENDAR, ada.token))["createCalendar"]["calendar"]["calendarId"]
        await upsert(api, ada)
        await api.data(
            UPSERT_EVENT, ada.token, input={**upsert_event_input(ada, 9, 10, "secret"), "calendarId": private}
        )
        assert len(read(await get(api, everything["url"]))) == 2
        assert len(read(await get(api, one["url"]))) == 1


class TestNotReadingAgain:
    async def test_a_program_that_has_it_is_answered_without_reading_an_event(self, api: Api, ada: Account) -> None:
        await upsert(api, ada)
        url = (await make_feed(api, ada))["url"]
        tag = (await get(api, url)).headers["etag"]
        with record_statements(api) as statements:
            for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                response = await get(api, url, if_none_match=known)
                assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
        assert not [statement for statement in statements if "FROM events" in statement]
        assert (await get(api, url, if_none_match='"other"')).status_code == 200

    async def test_every_change_is_another_etag(self, api: Api, ada: Account) -> None:
        """Of an event, of the account's name, of its calendars, and of the day, which moves the window."""
        url = (await make_feed(api, ada))["url"]
        tags = [(await get(api, url)).headers["etag"]]

        async def changed() -> None:
            tags.append((await get(api, url)).headers["etag"])
            assert len(set(tags)) == len(tags)

        await upsert(api, ada)
        await changed()
        await api.data("mutation { deleteEvents(input: {deleteAll: true}) { deleted } }", ada.token)
        await changed()
        await create_account(api, "ada", name="Countess")
        await changed()
        await api.data(CREATE_CALENDAR, ada.token)
        await changed()
        api.now += DAY
        await changed()

    async def test_a_hold_is_in_it_until_it_ends(self, api: Api, ada: Account) -> None:
        """Exactly, and no sweep is needed: the ETag is another one from that instant on."""
        url = (await make_feed(api, ada))["url"]
        held = booking_input(("all", [ada]), start=iso_time(9), event_id="held")
        hold = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { __typename } }"
        given = {**held, "holdFor": {"minutes": 5}}
        assert await api.data(hold, CLIENT_SECRET, input=given) == {"holdSlot": {"__typename": "Booked"}}
        held_tag = (await get(api, url)).headers["etag"]
        api.now += 299
        response = await get(api, url)
        assert (response.headers["etag"], [str(event["status"]) for event in read(response)]) == (
            held_tag,
            ["TENTATIVE"],
        )
        api.now += 1
        response = await get(api, url, if_none_match=held_tag)
        assert read(response) == []
        assert response.headers["etag"] != held_tag

    async def test_head_says_as_much_without_the_file(self, api: Api, ada: Account) -> None:
        url = (await make_feed(api, ada))["url"]
        response = await api.http.head(url[url.index("/feeds/") :])
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["etag"] == (await get(api, url)).headers["etag"]


class TestEnding:
    async def test_a_revoked_feed_is_unknown(self, api: Api, ada: Account) -> None:
        kept, ended = await make_feed(api, ada), await make_feed(api, ada)
        for revoked in (True, False):
            given = {"feedId": ended["feedId"]}
            assert (await api.data(REVOKE_FEED, ada.token, input=given))["revokeCalendarFeed"] == {"revoked": revoked}
        assert (await get(api, ended["url"])).status_code == 404
        assert (await get(api, kept["url"])).status_code == 200
        assert [feed["feedId"] for feed in (await api.data(CALENDAR_FEEDS, ada.token))["calendarFeeds"]] == [
            kept["feedId"]
        ]

    async def test_revoking_the_account_ends_its_feeds_for_good(self, api: Api, ada: Account) -> None:
        url = (await make_feed(api, ada))["url"]
        await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ada.sub})
        assert (await get(api, url)).status_code == 404
        again = await create_account(api, "ada")
        assert (await get(api, url)).status_code == 404
        assert await api.data(CALENDAR_FEEDS, again.token) == {"calendarFeeds": []}

    async def test_erasing_the_account_ends_its_feeds(self, api: Api, ada: Account) -> None:
        url = (await make_feed(api, ada))["url"]
        await api.data(
            "mutation ($sub: ID!) { deleteAccount(input: {sub: $sub}) { deleted } }", CLIENT_SECRET, sub=ada.sub
        )
        assert (await get(api, url)).status_code == 404
        assert await api.rows("SELECT * FROM calendar_feeds") == []

    async def test_without_its_last_calendar_it_is_unknown_and_not_empty(self, api: Api, ada: Account) -> None:
        """A program would delete what it has."""
        private = (await api.data(CREATE_CALENDAR, ada.token))["createCalendar"]["calendar"]["calendarId"]
        url = (await make_feed(api, ada, calendarIds=[private]))["url"]
        assert (await get(api, url)).status_code == 200
        given = {"calendarId": private}
        deleting = "mutation ($input: DeleteCalendarInput!) { deleteCalendar(input: $input) { deleted } }"
        await api.data(deleting, ada.token, input=given)
        assert (await get(api, url)).status_code == 404

    @pytest.mark.parametrize("token", ["", "x", "x" * 3000, "ä", "A" * 40, "../graphql", "%00"])
    async def test_what_is_no_token_of_ours_is_unknown(self, api: Api, token: str) -> None:
        assert (await api.http.get(f"/feeds/{token}.ics")).status_code == 404

    async def test_a_link_s_token_opens_no_feed(self, api: Api) -> None:
        same = "0" * 24
        token = api.db.encryption.link_token(f"sch_{same}")
        assert api.db.encryption.read_feed_token(token) is None
        assert api.db.encryption.read_feed_token(api.db.encryption.feed_token(f"fee_{same}")) == f"fee_{same}"


class TestWhoMayMakeOne:
    async def test_an_account_has_so_many(self, api: Api, ada: Account) -> None:
        for _ in range(MAX_FEEDS):
            await make_feed(api, ada)
        refusal = await api.refusal(CALENDAR_FEED, ada.token, input={})
        assert refusal["code"] == "UNPROCESSABLE"
        assert [each["key"] for each in refusal["errors"][""]] == ["errors.too_many"]

    async def test_details_need_the_right_to_read_events(self, api: Api, ada: Account) -> None:
        """And so does the address of a feed with details."""
        await make_feed(api, ada)
        narrow = (await create_account(api, "ada", scope="free_busy")).token
        refusal = await api.refusal(CALENDAR_FEED, narrow, input={"details": True})
        assert refusal == {"code": "FORBIDDEN", "scope": "read_events"}
        made = (await api.data(CALENDAR_FEED, narrow, input={"details": False}))["calendarFeed"]
        assert [feed["feedId"] for feed in (await api.data(CALENDAR_FEEDS, narrow))["calendarFeeds"]] == [
            made["feedId"]
        ]

    async def test_wrong_calendars(self, api: Api, ada: Account) -> None:
        ben = await create_account(api, "ben")
        refusal = await api.refusal(CALENDAR_FEED, ada.token, input={"calendarIds": [ada.calendar_id, ben.calendar_id]})
        assert (refusal["code"], list(refusal["errors"])) == ("NOT_FOUND", ["calendarIds[1]"])
        refusal = await api.refusal(CALENDAR_FEED, ada.token, input={"calendarIds": []})
        assert refusal["errors"]["calendarIds"][0]["key"] == "errors.too_few"


async def test_a_feed_has_so_many_events(api: Api, ada: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are soonest."""
    monkeypatch.setattr(calendar_feeds, "MAX_FEED_EVENTS", 2)
    for event_id in ("e1", "e2", "e3"):
        await upsert(api, ada, event_id, summary=event_id)
    assert len(read(await get(api, (await make_feed(api, ada))["url"]))) == 2


async def test_a_token_appears_in_no_log(api: Api, ada: Account, caplog: pytest.LogCaptureFixture) -> None:
    url = (await make_feed(api, ada))["url"]
    token = url.rpartition("/")[2].removesuffix(".ics")
    with caplog.at_level(logging.DEBUG):
        assert (await get(api, url)).status_code == 200
        assert (await get(api, url.replace(token, token[:-1]))).status_code == 404
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx2"))
    assert "/feeds/…" in logged
    assert token[:-1] not in logged


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
