"""Series in a feed: with their rule, and read back by other programs as the instances that they have here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
import vobject

from core.calendar_sources import AllDayEvents
from core.instants import DAY, Unreadable, parse_instant, read_event_time
from core.spans import Span
from core.zones import ZoneInfo, local_midnight
from server.calendar_sources.content import cut
from server.calendar_sources.items import Reading, read_item
from tests.support.api import Account, Api
from tests.support.builders import create_account, event_input
from tests.support.feeds import get, make_feed
from tests.support.recurring import delete, instance, listed, recurring, upsert

FROM, TO = "2027-01-02T00:00:00Z", "2027-12-31T00:00:00Z"
WINDOW = Span(parse_instant(FROM), parse_instant(TO))
SECOND, THIRD, FOURTH = "2027-01-26T09:00:00Z", "2027-02-02T09:00:00Z", "2027-02-09T09:00:00Z"
SUMMARY = "Meeting"


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", name="Ada", tzid="Europe/Paris")


async def feed(api: Api, ada: Account, **more: Any) -> str:
    return (await get(api, (await make_feed(api, ada, **more))["url"])).text


async def instances(api: Api, ada: Account) -> list[tuple[int, int, str]]:
    """What the account has in the window, by our own list."""
    found = await listed(api, ada, **{"from": FROM, "to": TO})
    return sorted((_at(event["start"]), _at(event["end"]), event["summary"]) for event in found)


def _at(text: str) -> int:
    time = read_event_time(text)
    assert not isinstance(time, Unreadable)
    return time if isinstance(time, int) else local_midnight(time, ZoneInfo("Europe/Paris"))


def read(text: str) -> list[tuple[int, int, str]]:
    """What is in the window by the reader of calendars elsewhere."""
    how = Reading(WINDOW, "Europe/Paris", None, AllDayEvents.AS_MARKED)
    items = [read_item(uid, item, how, lambda: None) for uid, item in cut(text.encode(), lambda: None).items.items()]
    assert [item.problem for item in items] == [None] * len(items)
    events = [event for item in items for event in item.events]
    inside = [each for each in events if each.ends_at > WINDOW.start and each.starts_at < WINDOW.end]
    return sorted((each.starts_at, each.ends_at, each.summary) for each in inside)


def read_by_vobject(text: str) -> list[int]:
    """When instances begin by vobject, which leaves recurrence to dateutil. Of one series without changes."""
    calendar: Any = vobject.readOne(text)
    found = list(calendar.vevent.getrruleset(addRDate=True).between(*_between()))
    return [int(each.timestamp()) for each in found]


def _between() -> tuple[datetime, datetime]:
    first, last = (datetime.fromtimestamp(at, UTC) for at in WINDOW)
    return first, last


@pytest.mark.parametrize(
    "lines",
    [
        ["RRULE:FREQ=DAILY"],
        ["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU"],
        ["RRULE:FREQ=MONTHLY;BYDAY=-1TU;COUNT=5"],
        ["RRULE:FREQ=WEEKLY;UNTIL=20270302T090000Z"],
        ["RRULE:FREQ=WEEKLY", "EXDATE:20270126T090000", "RDATE:20270127T100000"],
    ],
)
@pytest.mark.parametrize("tzid", ["America/New_York", "Australia/Lord_Howe", "Etc/UTC", "Europe/Dublin"])
async def test_a_series_is_read_back_as_its_instances(api: Api, ada: Account, lines: list[str], tzid: str) -> None:
    """By two readers, on the clock of its zone."""
    local = datetime(2027, 1, 19, 9, tzinfo=ZoneInfo(tzid)).astimezone(UTC)
    times = {
        "start": local.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": (local + timedelta(minutes=90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    await upsert(api, ada, recurring(*lines, tzid=tzid, **times))
    text = await feed(api, ada)
    assert text.count("BEGIN:VEVENT") == 1
    assert text.count("BEGIN:VTIMEZONE") == (tzid != "Etc/UTC")
    found = await instances(api, ada)
    assert len(found) >= 5
    assert read(text) == found
    assert read_by_vobject(text) == [start for start, *_ in found]
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert event.errors == []


async def test_an_all_day_series_has_dates(api: Api, ada: Account) -> None:
    lines = ["RRULE:FREQ=MONTHLY;UNTIL=20270819", "EXDATE;VALUE=DATE:20270219"]
    await upsert(api, ada, recurring(*lines, start="2027-01-19", end="2027-01-21"))
    text = await feed(api, ada)
    assert "DTSTART;VALUE=DATE:20270119\r\n" in text
    assert "VTIMEZONE" not in text
    assert read(text) == await instances(api, ada)
    assert len(read(text)) == 7


async def test_a_last_day_of_a_timed_series_is_written_as_an_instant(api: Api, ada: Account) -> None:
    """Programs read a date there in several ways."""
    await upsert(api, ada, recurring("RRULE:FREQ=DAILY;UNTIL=20270122", tzid="Asia/Tokyo"))
    text = await feed(api, ada)
    assert "UNTIL=20270122T145959Z" in text
    assert read(text) == await instances(api, ada)
    assert len(read(text)) == 4


async def test_changed_and_deleted_instances_are_those_of_the_series(api: Api, ada: Account) -> None:
    """A changed one names the start that it had; starts that a date leaves out are listed."""
    await upsert(api, ada, recurring("RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20270302", tzid="Europe/Paris"))
    await upsert(api, ada, instance(SECOND, "2027-01-27T10:00:00Z", "2027-01-27T12:00:00Z", summary="Moved"))
    await delete(api, ada, recurrenceId=FOURTH)
    text = await feed(api, ada)
    assert text.count("BEGIN:VEVENT") == 2
    assert "RECURRENCE-ID;TZID=Europe/Paris:20270126T100000\r\n" in text
    assert "EXDATE;TZID=Europe/Paris:20270302T100000\r\n" in text
    found = await instances(api, ada)
    assert read(text) == found
    assert [summary for _, _, summary in found[:3]] == [SUMMARY, "Moved", SUMMARY]
    uids = {str(event["UID"]) for event in icalendar.Calendar.from_ical(text).walk("VEVENT")}
    assert len(uids) == 1


async def test_a_feed_without_details_has_what_blocks_of_a_series(api: Api, ada: Account) -> None:
    """And no series that does not block."""
    await upsert(api, ada, recurring(tzid="Europe/Paris"))
    free = instance(SECOND, "2027-01-26T10:00:00Z", "2027-01-26T11:00:00Z", transparency="TRANSPARENT")
    await upsert(api, ada, free)
    await upsert(api, ada, recurring(event_id="lunch", transparency="TRANSPARENT"))
    busy = instance(THIRD, THIRD, "2027-02-02T10:00:00Z", event_id="lunch", transparency="OPAQUE")
    await upsert(api, ada, busy)
    text = await feed(api, ada, details=False)
    starts = [start for start, _, summary in read(text) if summary == "Busy"]
    weekly = range(parse_instant("2027-01-19T09:00:00Z"), parse_instant("2027-03-01T00:00:00Z"), 7 * DAY)
    assert sorted({*weekly} - {parse_instant(SECOND)}) == [at for at in dict.fromkeys(starts) if at < weekly.stop]
    assert starts.count(parse_instant(THIRD)) == 2
    assert "Meeting" not in text


async def test_what_no_program_reads_as_we_mean_it_is_written_as_its_instances(api: Api, ada: Account) -> None:
    """A change of all following instances, a split, and a further start with a length of its own."""
    await upsert(api, ada, recurring(tzid="Europe/Paris"))
    later = instance(THIRD, "2027-02-02T11:00:00Z", "2027-02-02T13:00:00Z", summary="Later")
    await upsert(api, ada, later, thisAndFollowing=True)
    period = "RDATE;VALUE=PERIOD:20270127T090000Z/PT3H"
    await upsert(api, ada, recurring("RRULE:FREQ=WEEKLY;COUNT=3", period, event_id="b", tzid="Europe/Paris"))
    text = await feed(api, ada)
    assert "RRULE" not in text
    assert read(text) == await instances(api, ada)


async def test_a_feed_follows_changes_of_a_series(api: Api, ada: Account) -> None:
    """By its ETag, of a series and of one of its instances."""
    await upsert(api, ada, recurring())
    url = (await make_feed(api, ada))["url"]
    first = (await get(api, url)).headers["etag"]
    assert (await get(api, url, if_none_match=first)).status_code == 304
    await upsert(api, ada, instance(SECOND, SECOND, "2027-01-26T12:00:00Z"))
    second = (await get(api, url, if_none_match=first)).headers["etag"]
    assert second != first
    await upsert(api, ada, event_input("standup"))  # it does not recur any more
    last = await get(api, url, if_none_match=second)
    assert (last.status_code, "RRULE" in last.text) == (200, False)
