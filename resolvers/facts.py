"""What is known of the members of an availability query: when they are busy, and what hours they keep."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.availability_rules import AvailabilityRule
from core.errors import Forbidden, Key, Problem, Problems
from core.hours import chosen_calendars, hours, selected
from core.identity import is_sub
from core.limits import Limits
from core.query import AvailabilityQuery, Member
from core.scopes import Scope
from core.solver import Facts
from core.spans import Busy, SpanSet
from db import access as standing
from db.access import Account, Standing
from db.database import Session
from db.drivers.base import Reader, Snapshot
from db.events import BusyTime

from .cached_facts import NotRememberedError, Remembered
from .context import Context


@dataclass(frozen=True, slots=True)
class Chosen:
    """What counts for a member: whose events, and which of its rules."""

    member: Member
    account: Account
    #: keys of calendars
    calendars: Sequence[int]
    rules: Sequence[AvailabilityRule]


@dataclass(frozen=True, slots=True)
class Known:
    """How the members stand, what counts for each of them, and the facts about them, group by group."""

    standing: Standing
    chosen: Sequence[Chosen]
    facts: Sequence[Sequence[Facts]]


async def look(ctx: Context, query: AvailabilityQuery, problems: Problems, admit: Callable[[Standing], None]) -> Known:
    """What is known now. One statement says how things stand; what is not remembered is read, be it on one snapshot.

    Whoever may not ask is turned away by `admit`, which raises. Raises Unprocessable with the problems that were found
    before, and with those that only the database knows of.
    """

    try:
        return await _look(ctx.db.direct, None, ctx, query, Problems(problems), admit)
    except NotRememberedError:
        async with ctx.db.read() as session:
            return await look_within(session, ctx, query, problems, admit)


async def look_within(
    session: Session, ctx: Context, query: AvailabilityQuery, problems: Problems, admit: Callable[[Standing], None]
) -> Known:
    """The same, as a transaction that has begun already finds it."""
    return await _look(Snapshot(session), session, ctx, query, problems, admit)


async def _look(
    reader: Reader,
    session: Session | None,
    ctx: Context,
    query: AvailabilityQuery,
    problems: Problems,
    admit: Callable[[Standing], None],
) -> Known:
    # Beyond the limit nobody is looked up: that there are too many is what is wrong with those.
    subs = [sub for sub in query.subs[: ctx.limits.max_accounts] if is_sub(sub)]
    stands = await standing.read(reader, ctx.caller, subs, ctx.now)
    admit(stands)
    return await _read(Remembered(ctx.memory, reader, session), stands, query, problems, ctx.limits)


async def _read(
    remembered: Remembered, stands: Standing, query: AvailabilityQuery, problems: Problems, limits: Limits
) -> Known:
    """The facts about every member; what is not remembered is read in at most three statements."""
    # Beyond the limit nobody was looked up: that there are too many is what is wrong with those.
    asked = frozenset(query.subs[: limits.max_accounts])
    accounts = stands.accounts
    managed = {
        accounts[member.sub].key: accounts[member.sub]
        for _, member in query.members()
        if member.managed_availability and member.sub in accounts
    }
    rules = await remembered.rules(managed.values()) if managed else {}
    chosen = list(_choose(query, asked, accounts, rules, problems))
    check_grants(query, accounts, problems, Scope.READ_FREE_BUSY)
    problems.refuse()
    window = query.window()
    start, end = window.starts[0], window.ends[-1]
    stored = await remembered.periods(managed.values(), start, end) if managed else {}
    buffers = [query.buffer_of(which.member) for which in chosen]
    busy = await remembered.busy(
        {key: stands.versions[key] for which in chosen for key in which.calendars},
        start - max(buffer.before.seconds for buffer in buffers),
        end + max(buffer.after.seconds for buffer in buffers),
    )
    found = iter([Facts(_blocking(which, busy), _hours(which, stored, window)) for which in chosen])
    return Known(stands, chosen, [[next(found) for _ in group.members] for group in query.participants])


def _choose(
    query: AvailabilityQuery,
    asked: frozenset[str],
    accounts: Mapping[str, Account],
    rules: Mapping[int, list[AvailabilityRule]],
    problems: Problems,
) -> Iterator[Chosen]:
    """What counts for each member that is known; reports each that is not, and every calendar and rule that is not its own."""
    for path, member in query.members():
        if (own := accounts.get(member.sub)) is None:
            if member.sub in asked:
                problems.add((*path, "sub"), Key.UNKNOWN, "is not an account that this application may ask about")
            continue
        theirs: list[AvailabilityRule] = []
        if member.managed_availability:
            at = (*path, "availability_rule_ids")
            theirs = selected(rules.get(own.key, []), member.availability_rule_ids, at, problems)
        for index, calendar_id in enumerate(member.calendar_ids or ()):
            if calendar_id not in own.calendars:
                problems.add((*path, "calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")
        named = member.calendar_ids if member.calendar_ids is not None else chosen_calendars(theirs)
        chosen = own.calendars if named is None else dict.fromkeys(named)
        keys = [own.calendars[calendar_id] for calendar_id in chosen if calendar_id in own.calendars]
        yield Chosen(member, own, keys, theirs)


def check_grants(query: AvailabilityQuery, accounts: Mapping[str, Account], problems: Problems, scope: Scope) -> None:
    """Reports members that have not granted a scope; raises Forbidden when that is all that is wrong."""
    lacking = [
        Problem((*path, "sub"), Key.FORBIDDEN, f"has not granted {scope} to this application")
        for path, member in query.members()
        if member.sub in accounts and scope not in accounts[member.sub].granted
    ]
    if lacking and not problems:
        raise Forbidden(problems=lacking, details={"scope": scope.value})
    problems += lacking


def _blocking(which: Chosen, busy: Mapping[int, BusyTime]) -> Busy:
    tentative_too = not which.member.ignore_tentative
    return Busy.merged([busy[key].everything if tentative_too else busy[key].firm for key in which.calendars])


def _hours(which: Chosen, stored: Mapping[int, SpanSet | None], window: SpanSet) -> SpanSet | None:
    if not which.member.managed_availability:
        return None
    return hours(which.rules, stored[which.account.key], window)
