"""What becomes of a source when a file has come: a pure function of the file and of what is stored.

The rule behind it: nothing that is not understood frees a minute.

    an item that is the same            its events, expanded anew only if the horizon has moved
    an item that can be read            its events
    an item that cannot be read         the events that it had, and those that can be read of it
    an item that is gone                no events; if most are gone at once, those that it had, until a later fetch says
                                        the same
    none of several can be read         nothing changes: the fetch has failed
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from time import thread_time

from core.calendar_sources import BELIEVED_AFTER, MAX_EVENTS, SourceEvent, StoredItem, is_doubtful
from core.instants import Instant
from core.limits import EXTERNAL_ID_LENGTH

from .content import Check, NotACalendarError, cut
from .events import UnreadableEventError
from .items import Item, Reading, read_item

#: seconds of a processor that reading takes at most: by the size of what is read, and at least
SECONDS_A_MEGABYTE, LEAST_SECONDS = 1.0, 5.0

_DOUBTED = "events are gone at once: they count until a fetch a quarter of an hour later says the same"

#: characters of a line that are shown
_SHOWN = 200
#: what may be the address of something, or of somebody
_ADDRESS = re.compile(r"\S*(?:://|@|mailto:|www\.|\d{1,3}(?:\.\d{1,3}){3})\S*", re.IGNORECASE)


class TookTooLongError(NotACalendarError):
    """Reading took longer than its size allows."""


@dataclass(slots=True)
class Outcome:
    """What a source is from now on."""

    #: all of its events, by their ids; None: those that it has
    events: dict[str, SourceEvent] | None = None
    #: the items that are new or say something else, by their UIDs, and those that are deleted
    items: dict[str, StoredItem] = field(default_factory=dict[str, StoredItem])
    deleted: set[str] = field(default_factory=set[str])
    #: whether a series goes on behind the horizon
    is_open: bool = False
    #: None: as they are
    unreadable: int | None = None
    incomplete: bool = False
    problem: str | None = None
    #: whether most items are gone, which is not yet believed
    doubtful: bool = False


def read_file(
    body: bytes,
    stored: Mapping[str, StoredItem],
    how: Reading,
    expanded_for: str | None,
    now: Instant,
    *,
    trusted: bool,
) -> Outcome:
    """Returns what becomes of a source whose file this is. Raises NotACalendarError; nothing is to change then.

    `trusted` says that nothing is known of the calendar so far, so that there is nothing to doubt.
    """
    check = deadline(len(body))
    texts = {_key(uid): text for uid, text in cut(body, check).items.items()}
    packed = {key: zlib.compress(text.encode(), 1) for key, text in texts.items()}
    missing, doubtful = _missing(packed.keys(), stored, now, trusted=trusted)
    is_same = all(key in stored and _says(stored[key], each) for key, each in packed.items())
    if is_same and not missing and expanded_for == how.digest:
        returned = {key: replace(item, missing_since=None) for key, item in stored.items() if item.missing_since}
        return Outcome(items=returned)
    outcome = Outcome(doubtful=doubtful, unreadable=0, events={})
    read = {key: read_item(key, text, how, check) for key, text in texts.items()}
    if len(read) > 1 and not any(item.whole for item in read.values()):
        [first, *_] = [item.problem for item in read.values() if item.problem is not None]
        raise NotACalendarError(f"has {len(read):,} events, none of which can be read: {shown(first)}")
    for key, item in read.items():
        _add(outcome, key, packed[key], item, stored.get(key), how, check)
    for key in missing:
        _keep_or_delete(outcome, key, stored[key], how, now, check, doubtful=doubtful)
    if doubtful:
        outcome.problem = f"{len(missing):,} {_DOUBTED}"
    return _checked(outcome)


def roll(stored: Mapping[str, StoredItem], how: Reading) -> Outcome:
    """Returns what becomes of a source at a later horizon, or for another zone, without a file."""
    check = deadline(sum(len(item.body or b"") + len(item.unread or b"") for item in stored.values()) * 8)
    outcome = Outcome(events={})
    for key, item in stored.items():
        _add_stored(outcome, key, item, how, check)
    return _checked(outcome)


def deadline(size: int) -> Check:
    """Returns a function that raises TookTooLongError when reading so many bytes has taken too long."""
    seconds = max(LEAST_SECONDS, SECONDS_A_MEGABYTE * size / 1_000_000)
    end = thread_time() + seconds

    def check() -> None:
        if thread_time() > end:
            raise TookTooLongError(f"takes longer to read than {seconds:.0f} s")

    return check


def shown(problem: UnreadableEventError) -> str:
    """Returns why something cannot be read, with its line. Addresses in it are left out."""
    words = f"{problem.line[:_SHOWN]}: {problem.why}".removeprefix(": ")
    printable = "".join(character if character.isprintable() else " " for character in words)
    return _ADDRESS.sub("…", printable)[:_SHOWN]


def digest_of(body: bytes) -> str:
    """Returns the digest of a file."""
    return sha256(body).hexdigest()


def _missing(
    found: Iterable[str], stored: Mapping[str, StoredItem], now: Instant, *, trusted: bool
) -> tuple[list[str], bool]:
    """Returns the items that are gone, and whether they are too many to be believed at once."""
    missing = sorted(stored.keys() - set(found))
    future = sum(item.ends_at > now for item in stored.values())
    gone = sum(stored[key].ends_at > now for key in missing)
    return missing, not trusted and is_doubtful(future, gone) and not _believed(missing, stored, now)


def _believed(missing: Iterable[str], stored: Mapping[str, StoredItem], now: Instant) -> bool:
    """Whether all items that are gone were so in an earlier fetch already, long enough ago."""
    since = [stored[key].missing_since for key in missing]
    return all(instant is not None and now - instant >= BELIEVED_AFTER for instant in since)


def _add(
    outcome: Outcome,
    key: str,
    packed: bytes,
    item: Item,
    former: StoredItem | None,
    how: Reading,
    check: Check,
) -> None:
    """Adds an item of the file."""
    assert outcome.unreadable is not None
    if item.problem is not None:
        outcome.unreadable += 1
        outcome.problem = outcome.problem or shown(item.problem)
        outcome.incomplete = outcome.incomplete or item.incomplete
    if item.whole:
        now = StoredItem(packed, None, item.ends_at())
        _add_events(outcome, [item])
    else:
        body = former.body if former is not None else None
        known = _read_stored(key, body, how, check)
        items = [known, item] if known is not None else [item]
        now = StoredItem(body, packed, max(each.ends_at() for each in items))
        _add_events(outcome, items)
    if now != former:
        outcome.items[key] = now


def _keep_or_delete(
    outcome: Outcome, key: str, item: StoredItem, how: Reading, now: Instant, check: Check, *, doubtful: bool
) -> None:
    """Deletes an item that is gone, or keeps it while that is not believed."""
    if not doubtful or (item.missing_since is not None and now - item.missing_since >= BELIEVED_AFTER):
        outcome.deleted.add(key)
        return
    kept = replace(item, missing_since=item.missing_since or now)
    if kept != item:
        outcome.items[key] = kept
    _add_stored(outcome, key, item, how, check, rewrite=False)


def _add_stored(
    outcome: Outcome, key: str, item: StoredItem, how: Reading, check: Check, *, rewrite: bool = True
) -> None:
    """Adds an item as it is stored."""
    parts = [_read_stored(key, body, how, check) for body in (item.body, item.unread)]
    read = [part for part in parts if part is not None]
    _add_events(outcome, read)
    now = replace(item, ends_at=max((part.ends_at() for part in read), default=0))
    if rewrite and now != item:
        outcome.items[key] = now


def _read_stored(key: str, body: bytes | None, how: Reading, check: Check) -> Item | None:
    return read_item(key, zlib.decompress(body).decode(), how, check) if body is not None else None


def _add_events(outcome: Outcome, items: Iterable[Item]) -> None:
    assert outcome.events is not None
    for item in items:
        outcome.is_open = outcome.is_open or item.is_open
        for event in item.events:
            event_id = event.event_id
            if (other := outcome.events.get(event_id)) is not None and other[1:] != event[1:]:
                # Both count: what an item said that cannot be read any more, and what can be read of it now.
                event_id = f"{event_id[: EXTERNAL_ID_LENGTH - len(_AGAIN)]}{_AGAIN}"
            outcome.events[event_id] = event._replace(event_id=event_id)


_AGAIN = "_unreadable"


def _says(item: StoredItem, packed: bytes) -> bool:
    """Whether this is what the item last said."""
    return packed == (item.unread if item.unread is not None else item.body)


def _key(uid: str) -> str:
    return uid if len(uid) <= EXTERNAL_ID_LENGTH else sha256(uid.encode()).hexdigest()


def _checked(outcome: Outcome) -> Outcome:
    if outcome.events is not None and len(outcome.events) > MAX_EVENTS:
        raise NotACalendarError(f"has more than {MAX_EVENTS:,} events up to the horizon")
    return outcome
