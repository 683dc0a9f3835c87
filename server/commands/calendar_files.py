"""`openings import` and `openings export`: events of one account, from and to iCalendar files."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.access import Actor
from core.calendar_feeds import CalendarFeed, FollowedCalendar, FollowedFeed
from core.calendar_sources import AllDayEvents, horizon
from core.errors import Refusal
from core.events import EventDraft
from core.instants import EARLIEST, LATEST
from core.scopes import READ_WRITE
from core.spans import Span
from db import calendar_feeds, calendars, listings, series
from db.database import Database
from db.drivers.base import Snapshot
from db.listings import FoundAccount
from db.migrate import migrate
from resolvers import events
from resolvers.context import Context
from schema.errors import message

from ..app import clock
from ..calendar_sources.content import NotACalendarError, cut
from ..calendar_sources.drafts import read_drafts
from ..calendar_sources.events import UnreadableEventError
from ..calendar_sources.items import Reading
from ..feeds.calendar_file import calendar_file
from ..settings import Settings
from .running import stop, with_database

_LARGEST = 256 * 1024 * 1024
"""Bytes of a file."""

_MOST = 10_000_000
"""Events of an exported file."""

#: problems that are listed one by one
_LISTED = 100


def add_commands(commands: Any, on_database: argparse.ArgumentParser) -> None:
    """Adds `openings import` and `openings export`."""
    command = commands.add_parser(
        "import",
        parents=[on_database],
        help="take the events of an iCalendar file over to an account's calendar; prints their numbers as JSON",
        description="An event is known by its UID: importing a file again changes only what it says otherwise. What cannot "
        "be read is listed with its line, and the rest is imported.",
        epilog="example: openings import --account acc_64b17d868090ea21640c9101 ada.ics",
    )
    _add_account(command)
    command.add_argument("--strict", action="store_true", help="import nothing if something cannot be read")
    command.add_argument("file", metavar="FILE.ics", help="the file, or - for standard input")
    command.set_defaults(run=_import)

    command = commands.add_parser(
        "export",
        parents=[on_database],
        help="write the events of an account as an iCalendar file",
        epilog="example: openings export --account acc_64b17d868090ea21640c9101 > ada.ics",
    )
    _add_account(command)
    command.add_argument("--busy", action="store_true", help="only when events block, and nothing else of them")
    command.set_defaults(run=_export)


def _add_account(command: argparse.ArgumentParser) -> None:
    command.add_argument("--account", metavar="SUB", required=True, help="the account's sub, or your own id for it")
    command.add_argument("--client", metavar="CLIENT_ID", help="the client of the account, if several have such an id")
    command.add_argument("--calendar", metavar="CALENDAR_ID", help="one of its calendars (import: the primary one)")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The account of a command, and its calendars by id, the primary one first."""

    account: FoundAccount
    calendars: Mapping[str, int]

    @property
    def actor(self) -> Actor:
        return Actor(self.account.client_key, self.account.key, READ_WRITE)


async def _choose(db: Database, options: Mapping[str, Any]) -> _Chosen:
    """Finds the account and its calendars. Ends with one line if there is not exactly one."""
    named, client_id = options["account"], options["client"]
    async with db.read() as session:
        found = await listings.find_accounts(session, named, client_id)
        if not found:
            stop(f"there is no account {named!r}: openings account list shows all")
        if len(found) > 1:
            several = ", ".join(f"{each.sub} ({each.kind} of {each.client_id})" for each in found)
            stop(f"several accounts have the id {named!r}: name one by its sub: {several}")
        [account] = found
        theirs = (await calendars.of_accounts(Snapshot(session), [account.key]))[account.key]
    own = {each.calendar_id: each.key for each in theirs}
    chosen = options["calendar"]
    if chosen is not None and chosen not in own:
        stop(f"the account has no calendar {chosen!r}; it has {', '.join(own)}")
    return _Chosen(account, {chosen: own[chosen]} if chosen is not None else own)


# --- import


@dataclass(slots=True)
class _Read:
    """What a file says."""

    single: list[EventDraft]
    #: each with its instances that were changed
    series: list[list[EventDraft]]
    #: each as a line for the terminal
    problems: list[str]


def _import(settings: Settings, options: Mapping[str, Any]) -> None:
    body = _body(options["file"])

    async def run(db: Database) -> tuple[_Read, int, int]:
        await migrate(db)
        chosen = await _choose(db, options)
        read = _read(body, chosen.account)
        if read.problems and options["strict"]:
            return read, 0, 0
        ctx = Context(db, chosen.actor, clock(), settings.limits)
        return read, *await _write(ctx, next(iter(chosen.calendars)), read)

    read, created, updated = with_database(settings, run)
    for problem in read.problems[:_LISTED]:
        print(problem, file=sys.stderr)
    if len(read.problems) > _LISTED:
        print(f"and {len(read.problems) - _LISTED} more", file=sys.stderr)
    if read.problems and options["strict"]:
        stop(f"nothing was imported, because of {len(read.problems)} problems")
    print(json.dumps({"created": created, "updated": updated, "problems": len(read.problems)}))


def _body(name: str) -> bytes:
    """Returns the bytes of a file. Ends with one line if it cannot be read."""
    try:
        if name == "-":
            body = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(_LARGEST + 1)
    except OSError as error:
        stop(f"cannot read {name}: {error.strerror}")
    if len(body) > _LARGEST:
        stop(f"{name} has more than {_LARGEST:,} bytes")
    return body


def _read(body: bytes, account: FoundAccount) -> _Read:
    """Reads a file. Ends with one line if it is not a whole calendar."""
    how = Reading(horizon(clock()), account.tzid, account.email, AllDayEvents.AS_MARKED)
    try:
        items = cut(body, _never).items
    except NotACalendarError as error:
        stop(f"the file {error}")
    read, lines, now = _Read([], [], []), None, clock()
    for uid, text in items.items():
        drafts = read_drafts(uid, text, how, now, _never)
        if drafts.is_series:
            read.series.append([each for each in drafts.events if each.event_id == drafts.events[0].event_id])
        read.single += drafts.events[len(read.series[-1]) :] if drafts.is_series else drafts.events
        if drafts.problems:
            lines = lines or _Lines(body)
            read.problems += [f"line {lines.number(uid, each)}: {_words(each)}" for each in drafts.problems]
    # Two items may have one id if a UID ends like an instance of another.
    read.single = list({draft.event_id: draft for draft in read.single}.values())
    return read


def _never() -> None:
    """Reading takes as long as it takes."""


def _words(error: UnreadableEventError) -> str:
    shown = f": {error.line[:200]}" if error.line else ""
    return f"an event {error.why}{shown}"


class _Lines:
    """The lines of a file by number, as far as they are of events."""

    def __init__(self, body: bytes) -> None:
        #: by UID: the number and the text of each line of its events, the first line of each event included
        self._of: dict[str, list[tuple[int, str]]] = {}
        event: list[tuple[int, str]] = []
        for number, line in _unfolded(body):
            if line.upper().startswith("BEGIN:VEVENT"):
                event = []
            event.append((number, line))
            if line.upper().startswith("END:VEVENT"):
                uid = next((text.partition(":")[2].strip() for _, text in event if text[:3].upper() == "UID"), "")
                self._of.setdefault(uid, []).extend(event)

    def number(self, uid: str, error: UnreadableEventError) -> int:
        """Returns the number of the line that cannot be read, or else of the first line of its event."""
        lines = self._of.get(uid) or self._of.get("", [(1, "")])
        return next((number for number, text in lines if error.line and text.startswith(error.line)), lines[0][0])


def _unfolded(body: bytes) -> Iterator[tuple[int, str]]:
    """Yields the lines with their numbers, each joined with those that continue it."""
    number, pending = 1, ""
    for following, raw in enumerate(body.decode("utf-8-sig", "replace").split("\n"), 1):
        line = raw.rstrip("\r")
        if line[:1] in (" ", "\t"):
            pending += line[1:]
        else:
            yield number, pending
            number, pending = following, line
    yield number, pending


async def _write(ctx: Context, calendar_id: str, read: _Read) -> tuple[int, int]:
    """Writes the events, and says on the terminal how far it is with many. Returns how many are new, and how many not.

    Each series is written by itself, since it may take as many rows as a batch of single events.
    """
    most = ctx.limits.max_batch
    batches = [read.single[start : start + most] for start in range(0, len(read.single), most)]
    batches += [series[start : start + most] for series in read.series for start in range(0, len(series), most)]
    total = sum(map(len, batches))
    created = updated = told = 0
    for batch in batches:
        try:
            done = await events.upsert_events(ctx, calendar_id, batch)
        except Refusal as refusal:
            stop(f"after {created + updated} events, at {batch[0].event_id!r}: {message(refusal)}")
        created, updated = created + done.created, updated + done.updated
        if total > most and (created + updated >= told + most or batch is batches[-1]):
            told = created + updated
            print(f"{told:,} of {total:,} events", file=sys.stderr)
    return created, updated


# --- export


def _export(settings: Settings, options: Mapping[str, Any]) -> None:
    async def run(db: Database) -> bytes:
        await migrate(db)
        chosen, now = await _choose(db, options), clock()
        followed = [FollowedCalendar(key, 0) for key in chosen.calendars.values()]
        feed = CalendarFeed("", None, details=not options["busy"])
        whole = FollowedFeed(feed, chosen.account.title, chosen.account.client_key, followed)
        found = await calendar_feeds.events(db.driver, whole, Span(EARLIEST, LATEST), now, _MOST)
        async with db.read() as session:
            recurring = await series.of_calendars(session, [*chosen.calendars.values()], now)
        return await calendar_file(whole, found, recurring, now)

    file = with_database(settings, run)
    sys.stdout.flush()
    sys.stdout.buffer.write(file)
    sys.stdout.buffer.flush()
