"""When can they meet?"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from core.access import require_client
from core.errors import Key, Problems
from core.identity import is_sub
from core.query import AvailabilityQuery, Member
from core.solver import Facts, Opening, solve
from core.spans import SpanSet
from db import calendars, events
from db.calendars import Calendars
from db.events import BusyRow

from .context import Context


async def availability(ctx: Context, query: AvailabilityQuery) -> list[Opening]:
    """The openings of the query, soonest first.

    The application's key may ask about any of its accounts, an account's token about those of the same application.
    Raises Unprocessable with every problem of the request. A sub that is unknown, revoked or another application's is
    the same problem, so that nothing leaks.
    """
    client = require_client(ctx.actor)
    problems = query.check(ctx.now, ctx.limits)
    async with ctx.db.read() as session:
        # Beyond the limit nobody is looked up: that there are too many is what is wrong with those.
        asked = list(dict.fromkeys(member.sub for _, member in query.members()))[: ctx.limits.max_accounts]
        known = await calendars.of_subs(session, client, [sub for sub in asked if is_sub(sub)])
        _check_members(query, asked, known, problems)
        problems.refuse()
        chosen = [[_chosen(member, known[member.sub]) for member in group.members] for group in query.participants]
        start, end = _reading_window(query)
        keys = {key for group in chosen for member_keys in group for key in member_keys}
        rows = await events.busy(session, keys, start, end)
    return solve(query, list(_facts(query, chosen, rows)))


def _check_members(
    query: AvailabilityQuery, asked: Collection[str], known: Mapping[str, Calendars], problems: Problems
) -> None:
    """Reports every sub that was asked for and is not known, and every calendar that is not its account's."""
    for path, member in query.members():
        own = known.get(member.sub)
        if own is None and member.sub in asked:
            problems.add((*path, "sub"), Key.UNKNOWN, "is not an account that this application may ask about")
        for index, calendar_id in enumerate(member.calendar_ids or ()):
            if own is not None and calendar_id not in own.keys:
                problems.add((*path, "calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")


def _chosen(member: Member, own: Calendars) -> list[int]:
    """The keys of the calendars whose events block."""
    if member.calendar_ids is None:
        return list(own.keys.values())
    return [own.keys[calendar_id] for calendar_id in member.calendar_ids]


def _reading_window(query: AvailabilityQuery) -> tuple[int, int]:
    """From when to when events can matter: the query's window, and the longest buffers around it."""
    window = query.window()
    buffers = [query.buffer_of(member) for _, member in query.members()]
    before = max(buffer.before.seconds for buffer in buffers)
    after = max(buffer.after.seconds for buffer in buffers)
    return window.starts[0] - before, window.ends[-1] + after


def _facts(
    query: AvailabilityQuery, chosen: Sequence[Sequence[Sequence[int]]], rows: Sequence[BusyRow]
) -> Iterator[list[Facts]]:
    """What was read, sorted to the members that it concerns."""
    by_calendar: defaultdict[int, list[BusyRow]] = defaultdict(list)
    for row in rows:
        by_calendar[row.calendar_key].append(row)
    for group, group_chosen in zip(query.participants, chosen, strict=True):
        yield [
            Facts(_busy(member, [row for key in keys for row in by_calendar[key]]))
            for member, keys in zip(group.members, group_chosen, strict=True)
        ]


def _busy(member: Member, rows: Sequence[BusyRow]) -> SpanSet:
    return SpanSet.of((row.start, row.end) for row in rows if not (row.tentative and member.ignore_tentative))
