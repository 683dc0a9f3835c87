"""What an answer rests on, so that it can be said later whether it still holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.instants import Instant
from db.access import Row


@dataclass(frozen=True, slots=True)
class Basis:
    """An answer is the same as long as all of this is."""

    client_key: int | None
    #: who was asked about
    subs: Sequence[str]
    #: whether it took their rules or stored periods
    managed: bool
    #: how they stood: what they have granted, which calendars they have, and the version of everything that counts
    rows: Sequence[Row]
    #: the instant from which on the request is refused, since what it names has begun
    until: Instant
