"""`python -m tests.public_calendars`: reads the calendar files in the source distributions of others' parsers.

They are made of what users have reported over the years. pip fetches them into the folder that is given, or into
`.public-calendars`; none of them is part of this repository. Each is read as a calendar source is, and compared with
recurring-ical-events in the 400 days after its first event. That needs an older dateutil, so it runs in a process of its
own (`pip install --target .recurring-ical-events recurring-ical-events`); without it, files are read and nothing compared.

It fails if reading a file raises anything but a refusal. Differences are printed with a word on each.
"""

import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from select import select
from typing import NamedTuple

from core.calendar_sources import AllDayEvents, horizon
from core.instants import DAY, Instant, parse_date
from core.spans import SpanSet
from core.zones import ZoneInfo, local_midnight
from server.calendar_sources.content import NotACalendarError
from server.calendar_sources.items import Reading
from server.calendar_sources.reading import Outcome, read_file

ROOT = Path(__file__).parents[1]
PACKAGES = ("icalendar", "recurring-ical-events", "x-wr-timezone", "radicale", "xandikos")
LIBRARY = ROOT / ".recurring-ical-events"
#: seconds that the library may take for a file
PATIENCE = 20

#: why we differ, by the end of a file's path
WORDS = {
    "tutorials/example.ics": "two events have one UID: both count here, and one there",
    "tests/calendars/example.ics": "an all-day event that ends on the day on which it starts lasts that day here",
    "Germany_Holidays.ics": "an all-day event that ends on the day on which it starts lasts that day here",
    "issue_526_calendar_with_different_events.ics": "the zone is unknown: it blocks from 14 hours before to 12 hours after",
    "issue_526_calendar_with_event_subset.ics": "the zone is unknown: it blocks from 14 hours before to 12 hours after",
    "issue_526_calendar_with_events.ics": "the zone is unknown: it blocks from 14 hours before to 12 hours after",
    "issue_526_calendar_with_shuffeled_events.ics": "the zone is unknown: it blocks from 14 hours before to 12 hours after",
    "issue_117_until_before_dtstart.ics": "the first start is an instance here, whatever the rule gives",
    "issue_148_edge_case_1.ics": "an override of an earlier sequence than the series counts here",
    "issue_163_deleted_modification.ics": "an override of an earlier sequence than the series counts here",
    "issue_253_additional_recurrence_id.ics": "an override of an earlier sequence than the series counts here",
    "issue_75_range_parameter.ics": "UNTIL as a date includes that day here",
    "issue42.ics": "Europe/lisbon is Europe/Lisbon here, and read without a zone there",
    "end_before_start_event.ics": "unreadable here, so the source is PARTIAL and nobody is free by it",
    "issue_128_only_first_event.ics": "unreadable here, so the source is PARTIAL and nobody is free by it",
    "issue_132_swapped_start_and_end.ics": "unreadable here, so the source is PARTIAL and nobody is free by it",
    "america_new_york_forward_reference.ics": "zones alone are an empty calendar here",
    "pacific_fiji.ics": "zones alone are an empty calendar here",
    "issue_350.ics": "a remark behind the end is ignored here",
    "timezone_same_start_and_offset.ics": "ends with END:VCALENDARD",
    "issue_201_test_matrix.ics": "ends a VTODO with END:VTOOD",
    "issue_178_custom_component_contains_other.ics": "an event by itself is no calendar here",
}

_SERVE = """
import json, sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo
import icalendar, recurring_ical_events

def instant(value):
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return int((value if value.tzinfo else value.replace(tzinfo=zone)).timestamp())

for line in sys.stdin:
    path, start = json.loads(line)
    start = datetime.fromtimestamp(start, timezone.utc)
    try:
        calendar = icalendar.Calendar.from_ical(open(path, "rb").read())
        zone = ZoneInfo(str(calendar.get("X-WR-TIMEZONE", "UTC")))
        found = recurring_ical_events.of(calendar).between(start, start + timedelta(400))
        spans = [(instant(e.start), instant(e.end)) for e in found if e.get("STATUS", "") != "CANCELLED"]
        print(json.dumps(spans), flush=True)
    except Exception as error:
        print(json.dumps(type(error).__name__), flush=True)
"""


class Found(NamedTuple):
    """What both make of a file."""

    kind: str
    what: str = ""


def main() -> None:
    """Fetches the files, reads them, and prints the counts and the differences."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".public-calendars"
    files = [*_files(folder)]
    library = _Library() if LIBRARY.is_dir() else None
    found = {path: _compare(path, library) for path in files}
    for kind, count in Counter(each.kind for each in found.values()).most_common():
        print(f"{count:5}  {kind}")
    for path, each in found.items():
        if each.kind not in ("equal", "nothing datable", "both refuse"):
            words = next((words for end, words in WORDS.items() if str(path).endswith(end)), "")
            if "/tests/events/" in str(path):
                words = WORDS["issue_178_custom_component_contains_other.ics"]
            print(f"{path.relative_to(folder)}: {'; '.join(filter(None, (each.kind, each.what, words)))}")
    crashed = [path for path, each in found.items() if each.kind == "crash"]
    sys.exit(f"{len(crashed)} files could not be read" if crashed else 0)


def _files(folder: Path) -> Iterator[Path]:
    """Yields the calendar files of all packages, each content once."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        for package in PACKAGES:
            subprocess.run([*command, "--dest", str(folder), package], check=True)
    seen: set[bytes] = set()
    for archive in sorted(folder.glob("*.tar.gz")):
        place = folder / archive.name.removesuffix(".tar.gz")
        if not place.is_dir():
            with tarfile.open(archive) as opened:
                members = [each for each in opened.getmembers() if each.isfile() and each.name.endswith(".ics")]
                opened.extractall(place, members, filter="data")
        for path in sorted(place.rglob("*.ics")):
            if (body := path.read_bytes()) not in seen:
                seen.add(body)
                yield path


def _compare(path: Path, library: "_Library | None") -> Found:
    body = path.read_bytes()
    start = _first_day(body)
    if start is None:
        with suppress(NotACalendarError):
            _read(body, 0)
        return Found("nothing datable")
    window = SpanSet.of([(start, start + 400 * DAY)])
    theirs = library.spans(path, start) if library is not None else "not compared"
    try:
        outcome = _read(body, start)
    except NotACalendarError as error:
        return Found("both refuse" if isinstance(theirs, str) else "only we refuse", str(error))
    except Exception as error:
        return Found("crash", repr(error))
    if isinstance(theirs, str):
        return Found(f"only they raise {theirs}" if library is not None else "read")
    ours = SpanSet.of((each.starts_at, each.ends_at) for each in (outcome.events or {}).values()) & window
    other = SpanSet.of(theirs) & window
    if ours == other:
        return Found("equal")
    unread = f"; {outcome.unreadable} unreadable: {outcome.problem}" if outcome.unreadable else ""
    less, more = _hours(_without(other, ours)), _hours(_without(ours, other))
    if not less:
        return Found("busier", f"{more:g} h more{unread}")
    return Found("freer" if not more else "different", f"{less:g} h less, {more:g} h more{unread}")


def _read(body: bytes, start: Instant) -> Outcome:
    how = Reading(horizon(start), "Etc/UTC", None, AllDayEvents.AS_MARKED)
    return read_file(body, {}, how, None, start, trusted=True)


def _first_day(body: bytes) -> Instant | None:
    """The midnight before the first event of a file begins."""
    days: list[Instant] = []
    for part in re.findall(rb"BEGIN:VEVENT.*?END:VEVENT", body, re.DOTALL | re.IGNORECASE):
        for year, month, day in re.findall(rb"DTSTART[^:\n]*:(\d{4})(\d\d)(\d\d)", part):
            with suppress(ValueError):
                days.append(local_midnight(parse_date(b"-".join((year, month, day)).decode()), ZoneInfo("Etc/UTC")))
    return min(days) if days else None


def _without(some: SpanSet, others: SpanSet) -> SpanSet:
    """The instants of some that are not among the others."""
    bounds = [(start, end) for start, end in zip([-(1 << 40), *others.ends], [*others.starts, 1 << 40], strict=True)]
    return some & SpanSet.of(bounds)


def _hours(spans: SpanSet) -> float:
    return round(sum(end - start for start, end in zip(spans.starts, spans.ends, strict=True)) / 3600, 1)


class _Library:
    """recurring-ical-events in a process, which is killed when it takes too long."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            env={"PYTHONPATH": str(LIBRARY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def spans(self, path: Path, start: Instant) -> Iterable[tuple[Instant, Instant]] | str:
        """What it says of a file, or the name of its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(path), start]) + "\n")
        self._process.stdin.flush()
        if not select([self._process.stdout], [], [], PATIENCE)[0]:
            self._process.kill()
            self._process.wait()
            self._start()
            return "a timeout"
        answer = json.loads(self._process.stdout.readline())
        return answer if isinstance(answer, str) else [(start, end) for start, end in answer]


if __name__ == "__main__":
    main()
