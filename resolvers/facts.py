"""What the database knows about the members of an availability query: when they are busy, and what hours they keep."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.errors import Forbidden, Key, Problem, Problems
from core.hours import chosen_calendars, hours, selected
from core.identity import is_sub
from core.limits import Limits
from core.query import AvailabilityQuery, Member
from core.rules import AvailabilityRule
from core.scopes import Scope
from core.solver import Facts
from core.spans import SpanSet
from db import availability_rules, available_periods, calendars, events
from db.calendars import Calendars
from db.database import Session
from db.events import BusyRow


@dataclass(frozen=True, slots=True)
class Chosen:
    """What counts for a member: whose events, and which of its rules."""

    member: Member
    own: Calendars
    #: keys of calendars
    calendars: Sequence[int]
    rules: Sequence[AvailabilityRule]


async def read_facts(
    session: Session, client_key: int, query: AvailabilityQuery, problems: Problems, limits: Limits
) -> list[list[Facts]]:
    """The facts about every member, group by group, in at most four statements: accounts, rules, stored periods, events.

    Raises Unprocessable with the problems that were found before, and with those that only the database knows of.
    """
    # Beyond the limit nobody is looked up: that there are too many is what is wrong with those.
    asked = list(dict.fromkeys(member.sub for _, member in query.members()))[: limits.max_accounts]
    known = await calendars.of_subs(session, client_key, [sub for sub in asked if is_sub(sub)])
    managed = {known[member.sub].account_key for _, member in query.members() if _is_managed(member, known)}
    rules = await availability_rules.of_accounts(session, managed) if managed else {}
    chosen = list(_choose(query, asked, known, rules, problems))
    _check_grants(query, known, problems)
    problems.refuse()
    window = query.window()
    stored = await available_periods.covered(session, managed, window.starts[0], window.ends[-1]) if managed else {}
    busy = await _busy(session, query, window, chosen)
    found = iter([Facts(_blocking(which, busy), _hours(which, stored, window)) for which in chosen])
    return [[next(found) for _ in group.members] for group in query.participants]


def _is_managed(member: Member, known: Mapping[str, Calendars]) -> bool:
    return member.managed_availability and member.sub in known


def _choose(
    query: AvailabilityQuery,
    asked: Collection[str],
    known: Mapping[str, Calendars],
    rules: Mapping[int, list[AvailabilityRule]],
    problems: Problems,
) -> Iterator[Chosen]:
    """What counts for each member that is known; reports each that is not, and every calendar and rule that is not its own."""
    for path, member in query.members():
        if (own := known.get(member.sub)) is None:
            if member.sub in asked:
                problems.add((*path, "sub"), Key.UNKNOWN, "is not an account that this application may ask about")
            continue
        theirs: list[AvailabilityRule] = []
        if member.managed_availability:
            at = (*path, "availability_rule_ids")
            theirs = selected(rules.get(own.account_key, []), member.availability_rule_ids, at, problems)
        for index, calendar_id in enumerate(member.calendar_ids or ()):
            if calendar_id not in own.keys:
                problems.add((*path, "calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")
        named = member.calendar_ids if member.calendar_ids is not None else chosen_calendars(theirs)
        keys = [
            own.keys[calendar_id] for calendar_id in (own.keys if named is None else named) if calendar_id in own.keys
        ]
        yield Chosen(member, own, keys, theirs)


def _check_grants(query: AvailabilityQuery, known: Mapping[str, Calendars], problems: Problems) -> None:
    """Reports members that have not granted free-busy; raises Forbidden when that is all that is wrong."""
    scope = Scope.READ_FREE_BUSY
    lacking = [
        Problem((*path, "sub"), Key.FORBIDDEN, f"has not granted {scope} to this application")
        for path, member in query.members()
        if member.sub in known and scope not in known[member.sub].granted
    ]
    if lacking and not problems:
        raise Forbidden(problems=lacking, details={"scope": scope.value})
    problems += lacking


async def _busy(
    session: Session, query: AvailabilityQuery, window: SpanSet, chosen: Sequence[Chosen]
) -> Mapping[int, list[BusyRow]]:
    """What blocks on each chosen calendar, from the longest buffer before the window to the longest behind it."""
    buffers = [query.buffer_of(which.member) for which in chosen]
    start = window.starts[0] - max(buffer.before.seconds for buffer in buffers)
    end = window.ends[-1] + max(buffer.after.seconds for buffer in buffers)
    by_calendar: defaultdict[int, list[BusyRow]] = defaultdict(list)
    for row in await events.busy(session, {key for which in chosen for key in which.calendars}, start, end):
        by_calendar[row.calendar_key].append(row)
    return by_calendar


def _blocking(which: Chosen, busy: Mapping[int, list[BusyRow]]) -> SpanSet:
    rows = (row for key in which.calendars for row in busy.get(key, ()))
    return SpanSet.of((row.start, row.end) for row in rows if not (row.tentative and which.member.ignore_tentative))


def _hours(which: Chosen, stored: Mapping[int, SpanSet], window: SpanSet) -> SpanSet | None:
    if not which.member.managed_availability:
        return None
    return hours(which.rules, stored.get(which.own.account_key), window)
