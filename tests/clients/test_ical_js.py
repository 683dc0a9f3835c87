"""A calendar feed read by ical.js, which is what Thunderbird reads calendars with."""

import json
from pathlib import Path

from core.instants import Unreadable, parse_instant, read_event_time
from tests.support.api import Api
from tests.support.builders import create_account, event_input
from tests.support.feeds import get, make_feed
from tests.support.recurring import delete, instance, listed, recurring, upsert

from .tools import FOLDER, node

TO = "2027-06-30T00:00:00Z"


async def test_ical_js_reads_the_events_that_a_feed_is_of(api: Api, tmp_path: Path) -> None:
    """Single ones, series in zones whose clocks change, changed and deleted instances, whole days, and all texts."""
    ada = await create_account(api, "ada", name="Ada", tzid="Europe/Paris")
    await upsert(api, ada, event_input("one", summary="Frühstück; mit Ada, \\ und 🥐\nzweite Zeile"))
    await upsert(api, ada, event_input("days", "2027-01-20", "2027-01-22"))
    for tzid in ("Europe/Paris", "America/New_York", "Australia/Lord_Howe"):
        await upsert(api, ada, recurring("RRULE:FREQ=WEEKLY;BYDAY=TU,TH", event_id=tzid, tzid=tzid))
    await upsert(
        api, ada, recurring("RRULE:FREQ=MONTHLY;COUNT=4", event_id="all-day", start="2027-01-19", end="2027-01-21")
    )
    moved = instance(
        "2027-02-02T09:00:00Z", "2027-02-03T10:00:00Z", "2027-02-03T12:00:00Z", "Europe/Paris", summary="Moved"
    )
    await upsert(api, ada, moved)
    await delete(api, ada, "Europe/Paris", recurrenceId="2027-02-09T09:00:00Z")
    file = tmp_path / "feed.ics"
    file.write_bytes((await get(api, (await make_feed(api, ada))["url"])).content)
    events = await listed(api, ada, to=TO)
    read = json.loads(node(FOLDER / "ical.mjs", file, parse_instant(TO)))
    assert sorted(read, key=str) == sorted(
        ([_time(event["start"]), _time(event["end"]), event["summary"]] for event in events), key=str
    )
    assert len(read) > 120


def _time(text: str) -> int | str:
    """An instant in seconds, or a date as it is written."""
    time = read_event_time(text)
    assert not isinstance(time, Unreadable)
    return time if isinstance(time, int) else text
