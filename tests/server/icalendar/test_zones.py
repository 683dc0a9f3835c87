"""VTIMEZONE: what a program that knows only the file reads off its clocks."""

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar
import pytest

from core.instants import DAY, HOUR, parse_instant
from core.offsets import offset_at, pieces
from core.zones import ZoneInfo, known_zones
from server.calendar_sources.content import components
from server.calendar_sources.zones import described_zone
from server.icalendar.lines import written
from server.icalendar.zones import zone_lines

START, END = parse_instant("2019-06-01T00:00:00Z"), parse_instant("2029-06-01T00:00:00Z")
SOME = (
    *("Africa/Cairo", "Africa/Casablanca", "America/Nuuk", "America/New_York", "Asia/Gaza", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Antarctica/Troll", "Etc/UTC", "Europe/Dublin", "Europe/Paris", "Pacific/Apia"),
)
ZONES = sorted(known_zones()) if os.environ.get("OPENINGS_ALL_ZONES") else SOME


def instants(zone: ZoneInfo) -> list[int]:
    """Instants around each change, and one a month."""
    changes = [after.since for before, after in pairwise(pieces(zone, START, END)) if before.offset != after.offset]
    return [
        *(at + beside for at in changes for beside in (-DAY, -2 * HOUR, -1, 0, 1, 2 * HOUR, DAY)),
        *range(START, END, 30 * DAY),
    ]


@pytest.mark.parametrize("tzid", ZONES)
def test_clocks_show_what_they_show_by_tzdata(tzid: str) -> None:
    """Read by our own reader; and by icalendar, which goes by local times, except around changes."""
    zone, text = ZoneInfo(tzid), written(zone_lines(tzid, START, END))
    calendar = f"BEGIN:VCALENDAR\r\n{text}END:VCALENDAR\r\n"
    read = described_zone(components(calendar, lambda: None).inner[0], START, END)
    theirs = icalendar.Calendar.from_ical(calendar).timezones[0].to_tz(lookup_tzid=False)
    for at in instants(zone):
        offset = offset_at(zone, at)
        assert offset_at(read, at) == offset
        if at > START + DAY and offset_at(zone, at - 3 * HOUR) == offset == offset_at(zone, at + 3 * HOUR):
            shown = datetime.fromtimestamp(at + offset, UTC).replace(tzinfo=theirs)
            assert shown.utcoffset() == timedelta(seconds=offset)
