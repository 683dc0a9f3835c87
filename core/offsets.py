"""Offsets of zones: how far the clocks of a zone are ahead of UTC, as a step function of the instant.

Time is cut where that function steps. Within a piece, wall-clock time is the instant plus a constant, so whatever is
said in local time becomes plain arithmetic. A local time that clocks skip lies in no piece, and one that occurs twice
lies in two.

zoneinfo does not tell where an offset changes. So it is sampled every other day, and where two samples differ, the first
second of the new offset is found by bisection. That misses nothing as long as no zone changes its offset twice within
two days. In all recorded and scheduled changes none does within six; a test checks that in every zone's file.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from .instants import DAY, EARLIEST, Instant
from .zones import ZoneInfo, local_time

#: How often an offset is sampled, and how much time is sampled at once.
SAMPLED = 2 * DAY
_CHUNK = 32 * SAMPLED


class Piece(NamedTuple):
    """The instants from `since` on and before `until`, at which clocks are `offset` seconds ahead of UTC."""

    since: Instant
    until: Instant
    offset: int


def pieces(zone: ZoneInfo, start: Instant, end: Instant) -> Iterator[Piece]:
    """Yields the pieces of `[start, end)`, in order and without a gap. Two that touch may have the same offset."""
    while start < end:
        _, until, offset = piece_at(zone, start)
        yield Piece(start, min(until, end), offset)
        start = until


def piece_at(zone: ZoneInfo, instant: Instant) -> Piece:
    """Returns a piece that the instant lies in."""
    for piece in _pieces_of(zone, instant // _CHUNK):
        if instant < piece.until:
            return piece
    raise AssertionError("pieces have no gaps")


# Holds every zone with the two or three chunks that a usual query touches.
@lru_cache(maxsize=2048)
def _pieces_of(zone: ZoneInfo, chunk: int) -> tuple[Piece, ...]:
    """Returns the pieces of a chunk of time. Most chunks are a single piece."""
    first, behind = chunk * _CHUNK, (chunk + 1) * _CHUNK
    samples = [(instant, offset_at(zone, instant)) for instant in range(first, behind + 1, SAMPLED)]
    cuts = [_first_other(zone, *here, there) for here, (there, other) in pairwise(samples) if other != here[1]]
    bounds = sorted({first, *cuts, behind})
    return tuple(Piece(since, until, offset_at(zone, since)) for since, until in pairwise(bounds))


def _first_other(zone: ZoneInfo, here: Instant, offset: int, there: Instant) -> Instant:
    """Returns the first instant after `here`, and not after `there`, with an offset other than `offset`."""
    return here + bisect_left(range(here, there), True, key=lambda instant: offset_at(zone, instant) != offset)


def offset_at(zone: ZoneInfo, instant: Instant) -> int:
    """Returns how many seconds clocks in the zone are ahead of UTC at the instant."""
    offset = local_time(instant, zone).utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset.days * DAY + offset.seconds


def instants_of(walls: Iterable[int], zone: ZoneInfo) -> list[Instant]:
    """Returns the instants at which clocks in the zone show these times, which are in order.

    Times are in seconds since 1970-01-01T00:00 on the wall. As in `zones.local_instant`, a time that clocks skip is read
    with the offset before the jump, and a time that occurs twice is the first of the two.
    """
    instants: list[Instant] = []
    piece, before = Piece(EARLIEST, EARLIEST, 0), 0
    for wall in walls:
        while wall >= piece.until + piece.offset:
            # No clock is a day ahead of UTC or behind it, so nothing is left out by beginning a day before.
            following = piece_at(zone, max(piece.until, wall - DAY))
            before = piece.offset if following.since == piece.until else offset_at(zone, following.since - 1)
            piece = following
        instants.append(wall - (piece.offset if wall >= piece.since + piece.offset else before))
    return instants
