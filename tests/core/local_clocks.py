"""Clocks to test with: zones where they change, and what they show."""

from datetime import datetime
from zoneinfo import ZoneInfo

#: a zone, and the first instant after a change of its offset, or any instant
CHANGES = [
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),  # 30 minutes are skipped
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),  # 30 minutes come twice
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("America/Havana", "2026-03-08T05:00Z"),  # midnight is skipped
    ("America/Havana", "2026-11-01T05:00Z"),  # midnight comes twice
    ("Antarctica/Troll", "2026-03-29T01:00Z"),  # two hours are skipped
    ("Pacific/Apia", "2011-12-30T10:00Z"),  # a day is skipped
    ("Pacific/Kwajalein", "1969-09-30T13:00Z"),  # 23 hours come twice
    ("Asia/Kathmandu", "2026-07-01T00:00Z"),
    ("Pacific/Chatham", "2026-09-26T14:00Z"),  # 45 minutes off
    ("UTC", "2026-07-01T00:00Z"),
]
#: minutes that divide a day
DIVISORS = [minutes for minutes in range(1, 24 * 60 + 1) if 24 * 60 % minutes == 0]


def wall_minute(zone: ZoneInfo, instant: int) -> int:
    """The minutes since midnight that clocks show."""
    local = datetime.fromtimestamp(instant, zone)
    return local.hour * 60 + local.minute
