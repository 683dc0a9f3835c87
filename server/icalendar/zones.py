"""Time zones as iCalendar files describe them (VTIMEZONE), from tzdata."""

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

from core.instants import HOUR, MINUTE, Instant
from core.offsets import offset_at, pieces
from core.zones import ZoneInfo, local_time

from .lines import wall


@lru_cache(maxsize=1024)
def zone_lines(tzid: str, start: Instant, end: Instant) -> tuple[str, ...]:
    """The lines of a zone, exact between two instants.

    Clients that know its name use their own rules, as long as they like. Changes alike are one component with a list.
    """
    zone = ZoneInfo(tzid)
    alike: dict[tuple[int, int, str, bool], list[str]] = {}
    offset = offset_at(zone, start)
    for at, before, after in ((start, offset, offset), *_changes(zone, start, end)):
        shown = local_time(at, zone)
        kind = before, after, shown.tzname() or "", shown.dst() not in (None, timedelta())
        alike.setdefault(kind, []).append(wall(at + before))
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}"]
    for (before, after, name, is_daylight), starts in alike.items():
        component = "DAYLIGHT" if is_daylight else "STANDARD"
        lines += [f"BEGIN:{component}", f"DTSTART:{starts[0]}"]
        lines += [f"RDATE:{','.join(starts[1:])}"] if starts[1:] else []
        lines += [f"TZOFFSETFROM:{_offset(before)}", f"TZOFFSETTO:{_offset(after)}"]
        lines += [f"TZNAME:{name}"] if name else []
        lines.append(f"END:{component}")
    return (*lines, "END:VTIMEZONE")


def _changes(zone: ZoneInfo, start: Instant, end: Instant) -> Iterator[tuple[Instant, int, int]]:
    """Yields when clocks change between two instants, with the offsets before and after."""
    for before, after in pairwise(pieces(zone, start, end)):
        if before.offset != after.offset:
            yield after.since, before.offset, after.offset


def _offset(seconds: int) -> str:
    """+0530, or -001530 with seconds."""
    sign, rest = "-" if seconds < 0 else "+", abs(seconds)
    clock = f"{sign}{rest // HOUR:02}{rest % HOUR // MINUTE:02}"
    return f"{clock}{rest % MINUTE:02}" if rest % MINUTE else clock
