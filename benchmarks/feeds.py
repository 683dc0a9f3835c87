"""The file of a calendar feed, beside the same file by icalendar, which a user would write it with."""

import asyncio
from datetime import UTC, datetime

import icalendar

from core.calendar_feeds import CalendarFeed, FeedEvent, FollowedCalendar, FollowedFeed
from core.instants import HOUR
from server.feeds.calendar_file import calendar_file

from .measure import Table, fastest, progress, ratio, took
from .workloads import START

EVENTS = 5_000
FEED = FollowedFeed(CalendarFeed("fee_1", None, details=True), "Ada", 1, [FollowedCalendar(1, 1)])


def run() -> None:
    """Prints one table."""
    table = Table(f"The file of a feed with {EVENTS:,} events, all details.", ["size", "ours", "icalendar", "of it"])
    progress("the file of a calendar feed")
    events = [event(number) for number in range(EVENTS)]
    file = asyncio.run(calendar_file(FEED, events, {}, START))
    assert len(icalendar.Calendar.from_ical(file).events) == EVENTS
    best = fastest(
        {"ours": lambda: asyncio.run(calendar_file(FEED, events, {}, START)), "library": lambda: library(events)}
    )
    table.row(
        f"{len(file) / 1e6:.1f} MB", took(best["ours"]), took(best["library"]), ratio(best["ours"], best["library"])
    )


def event(number: int) -> FeedEvent:
    """One event of an hour, with every property."""
    start = START + number * HOUR
    return FeedEvent(
        event_uid=f"evt_{number:024x}",
        start=start,
        end=start + HOUR,
        summary=f"Meeting {number}, with Ada",
        description="Bring sketches; and a pencil. " * 2,
        location="Studio, 2nd floor",
        lat="52.9548",
        long="-1.1581",
        url=f"https://example.com/meetings/{number}",
        blocks=True,
        tentative=False,
        created=START,
        updated=START,
    )


def library(events: list[FeedEvent]) -> bytes:
    """The same file by icalendar."""
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Openings//Calendar feed//EN")
    for each in events:
        found = icalendar.Event()
        found.add("uid", each.event_uid)
        for name, instant in (
            *(("dtstamp", each.updated), ("dtstart", each.start), ("dtend", each.end)),
            *(("created", each.created), ("last-modified", each.updated)),
        ):
            assert isinstance(instant, int)
            found.add(name, datetime.fromtimestamp(instant, UTC))
        for name in ("summary", "description", "location", "url"):
            found.add(name, getattr(each, name))
        found.add("geo", (float(each.lat or 0), float(each.long or 0)))
        found.add("status", "CONFIRMED")
        found.add("transp", "OPAQUE")
        calendar.add_component(found)
    return calendar.to_ical()
