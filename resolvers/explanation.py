"""Explanations of answers: loads what they need beside the facts of the answer, on the same snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.access import may
from core.accounts import Account
from core.blocked import BlockedReason, events_in
from core.candidates import KnownFacts
from core.errors import Key, Unprocessable
from core.events import Event
from core.explanation import Explanation, max_places, shown
from core.instants import Instant
from core.missing import Place
from core.query import AvailabilityQuery, Member
from core.relaxations import later
from core.rights import Right
from core.solver import Facts, Opening
from core.spans import Bounds, Busy
from core.summary import NotKnown
from db import accounts, calendars, event_lists
from db.busy_time import BusyTime
from db.database import Session
from db.drivers.base import Snapshot
from db.event_lists import BlockingEvent

from .cached_facts import NeedsSnapshot
from .context import Context
from .facts import LoadedFacts, MemberSelection, load_later_facts, reader_of

BLOCKED, MAX_BLOCKED = 100, 1000
"""The usual and the maximum number of blocked spans of one member in an answer."""
EVENTS, MAX_EVENTS = 10, 100
"""The usual and the maximum number of events of one blocked span in an answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of an explanation is asked for: events of so many blocked spans of each member, so many of each span.

    More than the maximum is refused when it is read; here it is as many as the maximum.
    """

    blocked: int = 0
    events: int = 0


async def explain(
    ctx: Context,
    query: AvailabilityQuery,
    loaded: LoadedFacts,
    openings: Sequence[Opening],
    wanted: Wanted,
    session: Session | None,
) -> Explanation:
    """Explains the openings of a query, which follow from the loaded facts. Raises NeedsSnapshot.

    The caller learns names and events only as far as it has the right to read them.
    """
    _check_places(ctx, query)
    if wanted.events and session is None:
        raise NeedsSnapshot(loaded.access.actor.client_key)
    known = KnownFacts(
        _near(query, loaded.facts), _firm(query, loaded), await _later(ctx, query, loaded, openings, session)
    )
    actor = loaded.access.actor
    client_key = actor.client_key or 0
    members = await accounts.by_sub(reader_of(ctx, session, client_key), client_key, query.subs)
    names = {sub: name for sub, account in members.items() if (name := _name(loaded, account))}
    readable = frozenset(sub for sub, account in members.items() if may(actor, Right.READ_EVENTS, account))
    not_known = await _not_known(ctx, query, loaded, members, session)
    found = Explanation(query, openings, known, names, readable, not_known=not_known)
    if not wanted.events or session is None:
        return found
    return replace(found, events=await _events(ctx, session, found, loaded.selections, wanted))


def _check_places(ctx: Context, query: AvailabilityQuery) -> None:
    """Raises Unprocessable if accounts stand in so many groups that their explanation would be too long."""
    places, most = len(query.members()), max_places(ctx.limits)
    if places > most:
        words = f"explanation takes at most {most} members over all groups, not {places}"
        raise Unprocessable.of(("participants",), Key.TOO_MANY, words)


def _name(loaded: LoadedFacts, account: Account) -> str | None:
    """Returns how the caller may call a member: by its name, or else by the application's own id."""
    if may(loaded.access.actor, Right.READ_PROFILE, account) and account.name is not None:
        return account.name
    return account.external_id if may(loaded.access.actor, Right.READ_ACCOUNT_ID, account) else None


async def _not_known(
    ctx: Context,
    query: AvailabilityQuery,
    loaded: LoadedFacts,
    members: Mapping[str, Account],
    session: Session | None,
) -> list[NotKnown]:
    """Returns the calendars that are not known in some of the query's time, in request order."""
    end = query.window().ends[-1]
    found: dict[int, tuple[str, BusyTime, Instant]] = {}
    for selection in loaded.selections:
        for key in selection.calendars:
            until = loaded.busy[key].known_until
            if until is not None and until < end:
                found[key] = selection.member.sub, loaded.busy[key], until
    if not found:
        return []
    listing = [each.key for each in members.values() if may(loaded.access.actor, Right.LIST_CALENDARS, each)]
    reader = reader_of(ctx, session, loaded.access.actor.client_key)
    listed = (await calendars.of_accounts(reader, listing)).values()
    names = {each.key: shown(each.name) for theirs in listed for each in theirs}
    return [NotKnown(sub, names.get(key), until, busy.is_lost) for key, (sub, busy, until) in found.items()]


async def _later(
    ctx: Context, query: AvailabilityQuery, loaded: LoadedFacts, openings: Sequence[Opening], session: Session | None
) -> Sequence[Sequence[Facts]] | None:
    """Loads the facts about the time after the query. None if the explanation does not need them."""
    if query.asked_starts is not None or len(openings) >= query.max_results:
        return None
    after = later(query)
    return _near(after, (await load_later_facts(ctx, after, loaded, session)).facts)


def _near(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[list[Facts]]:
    """Returns the part of the facts that the query depends on: facts are loaded, and cached, for whole weeks."""
    return [
        [
            replace(known, busy=_part(query, member, known.busy))
            for member, known in zip(group.members, theirs, strict=True)
        ]
        for group, theirs in zip(query.participants, facts, strict=True)
    ]


def _part(query: AvailabilityQuery, member: Member, busy: Busy) -> Busy:
    window, buffer = query.window(), query.buffer_of(member)
    return busy.near(window.starts[0] - buffer.before.seconds, window.ends[-1] + buffer.after.seconds)


def _firm(query: AvailabilityQuery, loaded: LoadedFacts) -> list[list[Busy | None]]:
    """Returns the busy time of each member without tentative events; None if that changes nothing."""
    found = iter([_firm_of(query, selection, loaded) for selection in loaded.selections])
    return [[next(found) for _ in group.members] for group in query.participants]


def _firm_of(query: AvailabilityQuery, selection: MemberSelection, loaded: LoadedFacts) -> Busy | None:
    times = [loaded.busy[key] for key in selection.calendars]
    if selection.member.ignore_tentative or all(time.firm is time.everything for time in times):
        return None
    return _part(query, selection.member, Busy.merged([time.firm for time in times]))


async def _events(
    ctx: Context, session: Session, explanation: Explanation, selections: Sequence[MemberSelection], wanted: Wanted
) -> dict[Place, Mapping[Bounds, Sequence[Event]]]:
    """Loads the first events of the first busy spans of the members whose events the caller may read."""
    most = min(wanted.events, MAX_EVENTS)
    places = [
        (group, index)
        for group, each in enumerate(explanation.query.participants)
        for index in range(len(each.members))
    ]
    spans: dict[Place, list[Bounds]] = {}
    for place, member in zip(places, explanation.members, strict=True):
        if member.reads_events:
            blocked = member.blocked(min(wanted.blocked, MAX_BLOCKED))
            spans[place] = [(start, end) for start, end, reason in blocked if reason is BlockedReason.BUSY]
    chosen = {place: selection for place, selection in zip(places, selections, strict=True) if spans.get(place)}
    if not chosen:
        return {}
    begin, end = min(spans[place][0][0] for place in chosen), max(spans[place][-1][1] for place in chosen)
    calendars = {key: id for each in chosen.values() for id, key in each.account.calendars.items()}
    blocking = await event_lists.blocking(Snapshot(session), calendars, begin, end, ctx.now)
    excluded = {event.event_id for event in explanation.query.excluded_events or ()}
    excluded |= {event.event_uid for event in explanation.query.excluded_events or ()}
    blocking = [event for event in blocking if event.event_id not in excluded and event.event_uid not in excluded]
    keys = {place: events_in(spans[place], _of(selection, blocking), most) for place, selection in chosen.items()}
    needed = {key for found in keys.values() for each in found for key in each}
    events = await event_lists.by_key(session, needed, calendars, ctx.now)
    return {
        place: {span: [events[key] for key in each] for span, each in zip(spans[place], found, strict=True)}
        for place, found in keys.items()
    }


def _of(selection: MemberSelection, blocking: Sequence[BlockingEvent]) -> list[tuple[int, int, int]]:
    """Returns the bounds and the keys of the events that block a member, by start."""
    calendars = set(selection.calendars)
    firm_only = selection.member.ignore_tentative
    return [
        (event.start, event.end, event.key)
        for event in blocking
        if event.calendar_key in calendars and not (firm_only and event.is_ignorable)
    ]
