"""The file of a calendar source, read and expanded, beside recurring-ical-events.

That needs an older dateutil than this installation has, so it runs in a process of its own, from a folder that
`pip install --target .recurring-ical-events recurring-ical-events` makes.
"""

import os
import subprocess
import sys
from pathlib import Path

from core.calendar_sources import AllDayEvents, horizon
from core.instants import DAY, HOUR, Instant, format_instant
from server.calendar_sources.items import Reading
from server.calendar_sources.reading import read_file

from .measure import Table, fastest, progress, ratio, took
from .workloads import START

SINGLES, SERIES = 5_000, 500
FOLDER = Path(__file__).parents[1] / ".recurring-ical-events"

_RULES = ("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=-1TH", "FREQ=YEARLY")

#: prints the seconds of the fastest of three runs, and the number of instances
_LIBRARY = """
import sys, time
from datetime import datetime, timedelta, timezone
import icalendar, recurring_ical_events
body = open(sys.argv[1], "rb").read()
start = datetime.fromtimestamp(int(sys.argv[2]), timezone.utc)
best = None
for _ in range(3):
    begun = time.perf_counter()
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(body)).between(start, start + timedelta(400))
    best = min(best or 1e9, time.perf_counter() - begun)
print(best, len(found))
"""


def run() -> None:
    """Prints one table."""
    title = f"A calendar file with {SINGLES:,} events and {SERIES} series since 2018, read and expanded for 400 days."
    table = Table(title, ["size", "instances", "ours", "recurring-ical-events", "of it"])
    progress("the file of a calendar source")
    body = file()
    how = Reading(horizon(START), "Etc/UTC", None, AllDayEvents.AS_MARKED)
    outcome = read_file(body, {}, how, None, START, trusted=True)
    assert outcome.events is not None
    assert outcome.unreadable == 0
    ours = fastest({"ours": lambda: read_file(body, {}, how, None, START, trusted=True)})["ours"]
    theirs = library(body)
    table.row(
        f"{len(body) / 1e6:.1f} MB",
        f"{len(outcome.events):,}",
        took(ours),
        took(theirs) if theirs is not None else "not installed",
        ratio(ours, theirs) if theirs is not None else "–",
    )


def library(body: bytes) -> float | None:
    """The seconds that recurring-ical-events takes for it; None without it."""
    if not FOLDER.is_dir():
        return None
    path = FOLDER / "benchmark.ics"
    path.write_bytes(body)
    command = [sys.executable, "-c", _LIBRARY, str(path), str(START)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(FOLDER)}, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[0])


def file() -> bytes:
    """The file, with the properties that calendar programs write."""
    singles = (_event(f"single-{number}", START + number * 2 * HOUR, "") for number in range(SINGLES))
    since = START - START % DAY - 9 * 365 * DAY
    series = (
        _event(f"series-{number}", since + number * HOUR, f"RRULE:{_RULES[number % len(_RULES)]}\r\n")
        for number in range(SERIES)
    )
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Benchmark//EN\r\n"
    return "".join([head, *singles, *series, "END:VCALENDAR\r\n"]).encode()


def _event(uid: str, start: Instant, rule: str) -> str:
    begins, ends = (format_instant(each).translate(_PLAIN)[:-1] for each in (start, start + HOUR))
    return (
        f"BEGIN:VEVENT\r\nUID:{uid}@example.com\r\nDTSTAMP:20270101T000000Z\r\nCREATED:20270101T000000Z\r\n"
        f"LAST-MODIFIED:20270101T000000Z\r\nSEQUENCE:0\r\nDTSTART;TZID=Europe/Berlin:{begins}\r\n"
        f"DTEND;TZID=Europe/Berlin:{ends}\r\n{rule}SUMMARY:Meeting {uid}\\, with Ada\r\nLOCATION:Studio\\, 2nd floor\r\n"
        f"DESCRIPTION:{_DESCRIPTION}\r\nSTATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    )


_DESCRIPTION = r"Bring sketches\; and a pencil. " * 3
_PLAIN = str.maketrans("", "", "-:")
