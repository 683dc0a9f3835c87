"""Availability queries: who has to meet, for how long, and the time to search."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from .availability_constraints import AvailabilityConstraint, check_constraints
from .durations import NO_BUFFER, Buffer, Duration
from .errors import Key, Path, Problems
from .excluded_events import ExcludedEvent, check_excluded
from .grids import Grid, check_grid, grid_of
from .instants import DAY, Instant, Unreadable
from .limits import Limits
from .periods import Period, check_count, check_future, check_periods, read, union
from .spans import SpanSet

MAX_WEIGHT = 1000
"""Maximum weight of a member (ours)."""


class ResponseFormat(StrEnum):
    """The format of results: the longest possible periods, or meetings of the required duration."""

    PERIODS = "periods"
    SLOTS = "slots"
    OVERLAPPING_SLOTS = "overlapping_slots"


@dataclass(frozen=True, slots=True)
class Member:
    """An account in a group, with settings that apply to this query only."""

    sub: str
    #: When the member is available; None: always.
    available_periods: Sequence[Period] | None = None
    #: Calendars whose events block. None: all of the account's; empty: nothing blocks.
    calendar_ids: Sequence[str] | None = None
    #: Replaces the query's buffer, both before and after.
    buffer: Buffer | None = None
    #: Whether tentative events do not block.
    ignore_tentative: bool = False
    #: Whether the account's availability rules and stored periods apply.
    managed_availability: bool = False
    #: Which of these rules apply. None: all; empty: none.
    availability_rule_ids: Sequence[str] | None = None
    #: days, weeks and months with so many bookings are not free
    availability_constraints: Sequence[AvailabilityConstraint] = ()
    #: how many bookings it takes beside another member's, where those with the fewest are booked
    weight: int = 1

    def own_time(self) -> SpanSet | None:
        """Returns the union of the member's own periods; None if they were omitted."""
        return union(self.available_periods) if self.available_periods is not None else None


@dataclass(frozen=True, slots=True)
class Group:
    """Members, of whom `required` must be free for the whole meeting."""

    members: Sequence[Member]
    required: Literal["all"] | int | Unreadable = "all"

    @property
    def needed(self) -> int:
        """The number of members that must be free."""
        if isinstance(self.required, Unreadable):
            raise TypeError("used before it was checked")
        return len(self.members) if self.required == "all" else self.required

    @property
    def needs_all(self) -> bool:
        """Whether every member must be free, because of "all" or an equal number."""
        return self.needed == len(self.members)


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class AvailabilityQuery:
    """When can these groups meet? Takes one of query_periods, available_periods (its older name) and query_slots."""

    participants: Sequence[Group]
    required_duration: Duration
    available_periods: Sequence[Period] | None = None
    query_periods: Sequence[Period] | None = None
    query_slots: Sequence[Instant | Unreadable] | None = None
    buffer: Buffer = NO_BUFFER
    start_interval: Duration | None = None
    #: the zone on whose clock starts fall; None: UTC
    start_interval_tzid: str | None = None
    #: added to the grid
    start_offset: Duration | None = None
    #: events that do not block
    excluded_events: Sequence[ExcludedEvent] = ()
    response_format: ResponseFormat = ResponseFormat.PERIODS
    max_results: int = 20

    @property
    def duration(self) -> int:
        """The required duration in seconds."""
        return self.required_duration.seconds

    @property
    def grid(self) -> Grid | None:
        """The grid of the starts of a checked query; None: any time."""
        return grid_of(self.start_interval, self.start_interval_tzid, self.start_offset)

    @cached_property
    def asked_starts(self) -> list[Instant] | None:
        """The starts in query_slots, in time order, each once; None if the query has periods."""
        return sorted({read(slot) for slot in self.query_slots}) if self.query_slots is not None else None

    def window(self) -> SpanSet:
        """Returns the time to search: the union of the query periods, or of the meetings at the query slots."""
        return self._window

    @cached_property
    def _window(self) -> SpanSet:
        if (starts := self.asked_starts) is not None:
            return SpanSet.of((start, start + self.duration) for start in starts)
        return union(self.query_periods if self.query_periods is not None else self.available_periods or ())

    def members(self) -> Sequence[tuple[Path, Member]]:
        """Returns every member of every group, with its path."""
        return self._members

    @cached_property
    def _members(self) -> tuple[tuple[Path, Member], ...]:
        return tuple(
            (("participants", group_index, "members", member_index), member)
            for group_index, group in enumerate(self.participants)
            for member_index, member in enumerate(group.members)
        )

    @property
    def subs(self) -> list[str]:
        """The subs of all members, in request order, each once."""
        return list(dict.fromkeys(member.sub for _, member in self.members()))

    def looked_up(self, limits: Limits) -> list[str]:
        """Returns the subs to look up. Those beyond the limit are not: the query is refused for having too many."""
        return self.subs[: limits.max_accounts]

    @property
    def managed(self) -> bool:
        """Whether any member uses managed availability."""
        return any(member.managed_availability for _, member in self.members())

    @property
    def earliest(self) -> Instant:
        """The earliest start in a checked query. From that instant on the query is in the past, and refused."""
        periods = [*(self.query_periods or ()), *(self.available_periods or ())]
        own = [period for _, member in self.members() for period in member.available_periods or ()]
        return min([read(period.start) for period in (*periods, *own)] + (self.asked_starts or []))

    def without_details_of(self, sub: str) -> "AvailabilityQuery | None":
        """Returns the query with no more of a member than its sub; None if it has no other members."""
        if {*self.subs} == {sub}:
            return None
        groups = [
            replace(group, members=[Member(sub) if member.sub == sub else member for member in group.members])
            for group in self.participants
        ]
        return replace(self, participants=groups)

    def buffer_of(self, member: Member) -> Buffer:
        return member.buffer if member.buffer is not None else self.buffer

    def check(self, now: Instant | None, limits: Limits) -> Problems:
        """Returns all problems that can be found without calendars. If `now` is None, times may be in the past."""
        problems = Problems()
        with problems.until_full():
            check_participants(self.participants, (), problems, now, limits)
            self.required_duration.check_positive(("required_duration",), problems)
            self._check_window(problems, now, limits)
            self.buffer.check(("buffer",), problems)
            check_grid(self.start_interval, self.start_interval_tzid, self.start_offset, (), problems)
            check_excluded(self.excluded_events, ("excluded_events",), problems)
            check_max_results(self.max_results, problems, limits)
        return problems

    def _check_window(self, problems: Problems, now: Instant | None, limits: Limits) -> None:
        alternatives = {
            "available_periods": self.available_periods,
            "query_periods": self.query_periods,
            "query_slots": self.query_slots,
        }
        given = [name for name, value in alternatives.items() if value is not None]
        if not given:
            problems.add(("query_periods",), Key.REQUIRED, "give query periods or query slots")
        if len(given) > 1:
            for name in given:
                problems.add((name,), Key.CONFLICT, "give either query periods or query slots, and only one of them")
        for name in ("available_periods", "query_periods"):
            if (periods := getattr(self, name)) is not None:
                most, longest = limits.max_query_periods, limits.max_period
                check_periods(periods, (name,), problems, now=now, most=most, longest=longest)
        if self.query_slots is not None:
            check_count(len(self.query_slots), ("query_slots",), problems, most=limits.max_query_periods, noun="slot")
            if self.duration > limits.max_period:
                days = limits.max_period // DAY
                problems.add(("required_duration",), Key.TOO_LONG, f"must be at most {days} days for query slots")
            for index, start in enumerate(self.query_slots[: limits.max_query_periods]):
                check_future(start, ("query_slots", index, "start"), problems, now)


def check_participants(
    groups: Sequence[Group], path: Path, problems: Problems, now: Instant | None, limits: Limits
) -> None:
    """Reports all problems of the groups and their members."""
    path = (*path, "participants")
    if not groups:
        problems.add(path, Key.TOO_FEW, "needs at least one group")
    accounts = len({member.sub for group in groups for member in group.members})
    if accounts > limits.max_accounts:
        problems.add(path, Key.TOO_MANY, f"takes at most {limits.max_accounts} accounts, not {accounts}")
    for index, group in enumerate(groups):
        _check_group(group, (*path, index), problems, now, limits)


def check_max_results(most: int, problems: Problems, limits: Limits) -> None:
    """Reports a number of results that is not allowed."""
    if most < 1:
        problems.add(("max_results",), Key.TOO_FEW, "must be at least 1")
    elif most > limits.max_results:
        problems.add(("max_results",), Key.TOO_MANY, f"must be at most {limits.max_results}")


def _check_group(group: Group, path: Path, problems: Problems, now: Instant | None, limits: Limits) -> None:
    size = len(group.members)
    if not size:
        problems.add((*path, "members"), Key.TOO_FEW, "needs at least one member")
    if isinstance(group.required, Unreadable):
        problems.add((*path, "required"), Key.INCLUSION, group.required.why)
    elif group.required != "all":
        if group.required < 1:
            problems.add((*path, "required"), Key.TOO_FEW, "must be at least 1, or all")
        elif group.required > size > 0:
            problems.add((*path, "required"), Key.TOO_MANY, f"asks for {group.required} of {size} members")
    seen: set[str] = set()
    for index, member in enumerate(group.members):
        at = (*path, "members", index)
        if member.sub in seen:
            problems.add((*at, "sub"), Key.DUPLICATE, "is in this group already")
        seen.add(member.sub)
        _check_member(member, at, problems, now, limits)


def _check_member(member: Member, path: Path, problems: Problems, now: Instant | None, limits: Limits) -> None:
    if member.available_periods is not None:
        most, longest = limits.max_member_periods, limits.max_period
        own = (*path, "available_periods")
        check_periods(member.available_periods, own, problems, now=now, most=most, longest=longest)
    if member.buffer is not None:
        member.buffer.check((*path, "buffer"), problems)
    check_constraints(member.availability_constraints, (*path, "availability_constraints"), problems)
    if member.weight < 1:
        problems.add((*path, "weight"), Key.TOO_FEW, "must be at least 1")
    elif member.weight > MAX_WEIGHT:
        problems.add((*path, "weight"), Key.TOO_MANY, f"must be at most {MAX_WEIGHT}")
