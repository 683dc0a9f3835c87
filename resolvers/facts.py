"""Loading the facts about the members of an availability query: their busy time and available hours."""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from core.availability_rules import AvailabilityRule
from core.errors import Forbidden, Key, Path, Problem, Problems
from core.hours import available_hours, chosen_calendars, select_rules
from core.identity import is_sub
from core.instants import Instant
from core.query import AvailabilityQuery, Member
from core.scopes import Scope
from core.sequenced_availability import SequencedQuery
from core.solver import Facts
from core.spans import Busy, Span, SpanSet
from db import access as db_access
from db import busy_time
from db.access import AccessSnapshot, Account
from db.booking_snapshots import BookingSnapshot
from db.busy_time import BusyTime
from db.database import Session
from db.drivers.base import Snapshot, Statements

from .cached_facts import CachedFacts, NeedsSnapshot, rounded
from .context import Context
from .counted_bookings import BookingCounts, load_counts
from .expected_busy import ExpectedBusy

T = TypeVar("T")

AnyQuery: TypeAlias = AvailabilityQuery | SequencedQuery


@dataclass(frozen=True, slots=True)
class MemberSelection:
    """What applies to a member: the calendars whose events block, and the availability rules."""

    member: Member
    account: Account
    #: keys of calendars
    calendars: Sequence[int]
    rules: Sequence[AvailabilityRule]


@dataclass(frozen=True, slots=True)
class LoadedFacts:
    """The rights and versions that were read, what applies to each member, and the facts, by group."""

    access: AccessSnapshot
    selections: Sequence[MemberSelection]
    facts: Sequence[Sequence[Facts]]
    #: the busy time that they follow from, by calendar
    busy: Mapping[int, BusyTime]


async def with_snapshot_fallback(ctx: Context, load: Callable[[Session | None], Awaitable[T]]) -> T:
    """Calls `load` without a session, and again with one if the cache lacks facts. Returns its result.

    A session costs several round trips. Without one, rights and versions are one statement.
    """
    try:
        return await load(None)
    except NeedsSnapshot as needed:
        async with ctx.db.read(needed.client_key) as session:
            return await load(session)


async def load_access(
    ctx: Context,
    query: AnyQuery,
    session: Session | None,
    problems: Sequence[Problem],
    *,
    fresh: bool = False,
) -> AccessSnapshot:
    """Loads the caller's rights, and the members' accounts, grants and versions. One statement.

    Without problems of the query it also reads busy time that is cached in an earlier version, if that would take
    another trip to the database. With `fresh` all is that of the moment, which spares the look whether anybody has written.
    """
    subs = [sub for sub in query.looked_up(ctx.limits) if is_sub(sub)]
    window = busy_window(query) if session is None and ctx.statements.has_trips and not problems else None
    if window is not None:
        expected = ExpectedBusy(ctx, subs, window, fresh=fresh)
        access = await db_access.load(ctx.statements, ctx.caller, subs, ctx.now, expected.fetch)
        expected.expect_again(access)
    else:
        access = await db_access.load(reader_of(ctx, session), ctx.caller, subs, ctx.now)
    ctx.remember(access.actor)
    return access


def busy_window(query: AnyQuery) -> tuple[Instant, Instant] | None:
    """Returns the window in which busy time is loaded for a query without problems; None if it has no time."""
    if isinstance(query, AvailabilityQuery):
        return rounded(*_hull_with_buffers([query]))
    return rounded(*_hull_with_buffers(query.steps)) if query.has_time else None


async def load_facts(
    ctx: Context,
    query: AvailabilityQuery,
    access: AccessSnapshot,
    problems: Sequence[Problem],
    session: Session | None,
    counted: Span | None = None,
    own: BookingSnapshot | None = None,
) -> LoadedFacts:
    """Loads the facts about every member. What the cache lacks is read in at most four statements.

    The bookings of every member in `counted` are among the facts. A booking of its own, and its events, do not count.
    Raises Unprocessable with the given problems of the query and those that only the database reveals,
    Forbidden if the only problem is a missing grant, and NeedsSnapshot if it needs a session.
    """
    cached = _cached(ctx, access, session)
    selections = await _selections(ctx, cached, query, access, problems)
    [loaded] = await _load(cached, [query], access, selections, counted, own)
    return loaded


async def load_later_facts(
    ctx: Context, query: AvailabilityQuery, loaded: LoadedFacts, session: Session | None
) -> LoadedFacts:
    """Loads the facts about the same members in another window, on the same snapshot. Raises NeedsSnapshot."""
    cached = _cached(ctx, loaded.access, session)
    [later] = await _load(cached, [query], loaded.access, loaded.selections)
    return later


async def load_sequence_facts(
    ctx: Context,
    query: SequencedQuery,
    access: AccessSnapshot,
    problems: Sequence[Problem],
    session: Session | None,
    counted: Span | None = None,
) -> list[LoadedFacts]:
    """Loads the facts about every member of every step, by step. Reads and raises as `load_facts` does.

    Returns nothing if the query's periods and those of a step do not meet.
    """
    cached = _cached(ctx, access, session)
    selections = await _selections(ctx, cached, query, access, problems)
    return await _load(cached, query.steps, access, selections, counted) if query.has_time else []


async def _selections(
    ctx: Context, cached: CachedFacts, query: AnyQuery, access: AccessSnapshot, problems: Sequence[Problem]
) -> list[MemberSelection]:
    """Returns what applies to each member. Raises Unprocessable with all problems, Forbidden and NeedsSnapshot."""
    problems = Problems(problems)
    managed = _managed_accounts(query, access.accounts)
    rules = await cached.rules(managed) if managed else {}
    looked_up = frozenset(query.looked_up(ctx.limits))
    selections = list(_select(query, looked_up, access.accounts, rules, problems))
    check_grants(query, access.accounts, problems, Scope.READ_FREE_BUSY)
    problems.raise_if_any()
    return selections


async def _load(
    cached: CachedFacts,
    queries: Sequence[AvailabilityQuery],
    access: AccessSnapshot,
    selections: Sequence[MemberSelection],
    counted: Span | None = None,
    own: BookingSnapshot | None = None,
) -> list[LoadedFacts]:
    """Loads the facts of each query. The selections are of the members of all queries, in order."""
    hours = _Hours(await _stored_periods(cached, queries, selections))
    ahead = iter(selections)
    loaded: list[LoadedFacts] = []
    own_id = frozenset[str]() if own is None else frozenset([own.stored.booking.booking_id])
    for query, busy in zip(queries, await _busy(cached, queries, access, selections, own), strict=True):
        theirs = list(islice(ahead, len(query.members())))
        counts = await load_counts(cached, query, access, counted, own_id)
        found = iter([_facts(query, each, busy, hours, counts) for each in theirs])
        facts = [[next(found) for _ in group.members] for group in query.participants]
        loaded.append(LoadedFacts(access, theirs, facts, busy))
    return loaded


def _facts(
    query: AvailabilityQuery,
    selection: MemberSelection,
    busy: Mapping[int, BusyTime],
    hours: "_Hours",
    counts: BookingCounts,
) -> Facts:
    member, account, window = selection.member, selection.account, query.window()
    return Facts(
        _blocking(selection, busy),
        hours.of(selection, window),
        account.capacity,
        counts.limit_reached(member, account, window),
        counts.of(account),
        known_until(selection, busy),
    )


def check_grants(query: AnyQuery, accounts: Mapping[str, Account], problems: Problems, scope: Scope) -> None:
    """Reports members that have not granted a scope. Raises Forbidden if there is no other problem."""
    lacking = [
        Problem((*path, "sub"), Key.FORBIDDEN, f"has not granted {scope} to this application")
        for path, member in query.members()
        if member.sub in accounts and scope not in accounts[member.sub].granted
    ]
    if lacking and not problems:
        raise Forbidden(problems=lacking, details={"scope": scope.value})
    problems += lacking


def _cached(ctx: Context, access: AccessSnapshot, session: Session | None) -> CachedFacts:
    client_key = access.actor.client_key
    return CachedFacts(ctx, reader_of(ctx, session, client_key), session, client_key)


def reader_of(ctx: Context, session: Session | None, client_key: int | None = None) -> Statements:
    """Returns what reads single statements: the session's snapshot, or the driver without one, in the client's turn."""
    return Snapshot(session) if session is not None else ctx.statements.for_client(client_key)


def _managed_accounts(query: AnyQuery, accounts: Mapping[str, Account]) -> list[Account]:
    """Returns the accounts whose managed hours apply, each once."""
    managed = [member.sub for _, member in query.members() if member.managed_availability]
    return [accounts[sub] for sub in dict.fromkeys(managed) if sub in accounts]


def _select(
    query: AnyQuery,
    looked_up: frozenset[str],
    accounts: Mapping[str, Account],
    rules: Mapping[int, list[AvailabilityRule]],
    problems: Problems,
) -> Iterator[MemberSelection]:
    """What counts for each member that has an account; reports the other members."""
    for path, member in query.members():
        if (account := accounts.get(member.sub)) is not None:
            yield _select_member(path, member, account, rules.get(account.key, []), problems)
        elif member.sub in looked_up:
            problems.add((*path, "sub"), Key.UNKNOWN, "is not an account that this application may ask about")


def _select_member(
    path: Path, member: Member, account: Account, rules: list[AvailabilityRule], problems: Problems
) -> MemberSelection:
    """Returns what applies to a member. Reports calendars and rules that its account does not have."""
    chosen: list[AvailabilityRule] = []
    if member.managed_availability:
        chosen = select_rules(rules, member.availability_rule_ids, (*path, "availability_rule_ids"), problems)
    own = account.calendars
    for index, calendar_id in enumerate(member.calendar_ids or ()):
        if calendar_id not in own:
            problems.add((*path, "calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")
    named = member.calendar_ids if member.calendar_ids is not None else chosen_calendars(chosen)
    calendar_ids = own if named is None else dict.fromkeys(named)
    return MemberSelection(member, account, [own[id] for id in calendar_ids if id in own], chosen)


async def _stored_periods(
    cached: CachedFacts, queries: Sequence[AvailabilityQuery], selections: Sequence[MemberSelection]
) -> Mapping[int, SpanSet | None]:
    managed = {each.account.key: each.account for each in selections if each.member.managed_availability}
    return await cached.periods([*managed.values()], *_hull(queries)) if managed else {}


async def _busy(
    cached: CachedFacts,
    queries: Sequence[AvailabilityQuery],
    access: AccessSnapshot,
    selections: Sequence[MemberSelection],
    own: BookingSnapshot | None,
) -> list[Mapping[int, BusyTime]]:
    """Loads the busy time of the selected calendars in the queries' windows and the buffers around them, by query."""
    versions = {key: access.versions[key] for each in selections for key in each.calendars}
    start, end = _hull_with_buffers(queries)
    busy = await cached.busy(versions, start, end)
    if own is not None:
        theirs = busy_time.of_events(own.events.values(), *rounded(start, end), cached.now)
        busy = {key: taken.without(theirs[key]) if key in theirs else taken for key, taken in busy.items()}
    blocking: list[Mapping[int, BusyTime]] = []
    for query in queries:
        if query.excluded_events:
            excluded = await cached.excluded(versions, start, end, query.excluded_events)
            blocking.append({key: taken.without(excluded[key]) for key, taken in busy.items()})
        else:
            blocking.append(busy)
    return blocking


def _hull_with_buffers(queries: Sequence[AvailabilityQuery]) -> tuple[Instant, Instant]:
    """Returns the same with the longest buffers before and after."""
    buffers = [query.buffer_of(member) for query in queries for _, member in query.members()]
    start, end = _hull(queries)
    return start - max(each.before.seconds for each in buffers), end + max(each.after.seconds for each in buffers)


def _hull(queries: Sequence[AvailabilityQuery]) -> tuple[Instant, Instant]:
    """Returns the earliest start and the latest end of the queries' windows."""
    windows = [query.window() for query in queries]
    return min(window.starts[0] for window in windows), max(window.ends[-1] for window in windows)


def _blocking(selection: MemberSelection, busy: Mapping[int, BusyTime]) -> Busy:
    tentative_too = not selection.member.ignore_tentative
    return Busy.merged([busy[key].everything if tentative_too else busy[key].firm for key in selection.calendars])


def known_until(selection: MemberSelection, busy: Mapping[int, BusyTime]) -> Instant | None:
    """Returns from when on the events of one of a member's calendars are not known; None if all are known."""
    found = [until for key in selection.calendars if (until := busy[key].known_until) is not None]
    return min(found) if found else None


class _Hours:
    """The hours of accounts, each worked out once for the same rules and the same window."""

    def __init__(self, stored: Mapping[int, SpanSet | None]) -> None:
        self._stored = stored
        self._known: dict[tuple[Hashable, ...], SpanSet | None] = {}

    def of(self, selection: MemberSelection, window: SpanSet) -> SpanSet | None:
        """Returns the hours of a member, None if they are not restricted."""
        if not selection.member.managed_availability:
            return None
        account_key = selection.account.key
        key = (account_key, window, *(rule.availability_rule_id for rule in selection.rules))
        if key not in self._known:
            self._known[key] = available_hours(selection.rules, self._stored[account_key], window)
        return self._known[key]
