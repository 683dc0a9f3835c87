"""Sequenced availability queries: several meetings in a row, each with participants of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

from .durations import NO_TIME, Buffer, Duration
from .errors import Key, Path, Problems
from .excluded_events import ExcludedEvent, check_excluded
from .grids import check_grid
from .instants import Instant
from .limits import EXTERNAL_ID_LENGTH, Limits
from .periods import Period, check_periods, read, union
from .query import AvailabilityQuery, Group, Member, check_max_results, check_participants
from .spans import SpanSet
from .texts import check_id

MAX_STEPS = 10
"""Maximum number of steps of a sequence."""

MAX_ORDERS = 720
"""Maximum number of orders in which the steps may come: that of six steps without ordinals."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The least and the greatest time between a step and its neighbour; None: none is required, any is allowed."""

    minimum: Duration | None = None
    maximum: Duration | None = None

    def check(self, path: Path, problems: Problems) -> None:
        """Reports unreadable durations, and a maximum below the minimum."""
        before = len(problems)
        for name, duration in (("minimum", self.minimum), ("maximum", self.maximum)):
            if duration is not None:
                duration.check((*path, name), problems)
        if len(problems) > before or self.minimum is None or self.maximum is None:
            return
        if self.maximum.seconds < self.minimum.seconds:
            problems.add((*path, "maximum"), Key.CONFLICT, "must not be less than the minimum")


ANY_GAP = Gap()


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One of the meetings. Its minimum gaps also keep away from the events of its members."""

    sequence_id: str
    participants: Sequence[Group]
    required_duration: Duration
    #: steps with ordinals come in their order; None: it may come anywhere
    ordinal: int | None = None
    before: Gap = ANY_GAP
    after: Gap = ANY_GAP
    start_interval: Duration | None = None
    start_interval_tzid: str | None = None
    start_offset: Duration | None = None
    excluded_events: Sequence[ExcludedEvent] = ()
    #: where it may lie, within the query's periods; None: anywhere there
    query_periods: Sequence[Period] | None = None

    def check(self, path: Path, problems: Problems, now: Instant | None, limits: Limits) -> None:
        """Reports all problems of the step by itself."""
        check_id(self.sequence_id, (*path, "sequence_id"), problems, longest=EXTERNAL_ID_LENGTH)
        check_participants(self.participants, path, problems, now, limits)
        self.required_duration.check_positive((*path, "required_duration"), problems)
        check_grid(self.start_interval, self.start_interval_tzid, self.start_offset, path, problems)
        check_excluded(self.excluded_events, (*path, "excluded_events"), problems)
        self.before.check((*path, "buffer", "before"), problems)
        self.after.check((*path, "buffer", "after"), problems)
        if self.query_periods is not None:
            most, longest = limits.max_query_periods, limits.max_period
            check_periods(self.query_periods, (*path, "query_periods"), problems, now=now, most=most, longest=longest)

    def query(self, window: SpanSet) -> AvailabilityQuery:
        """Returns the query for the starts of this step alone, within the window and its own periods.

        Its window is empty if the two do not meet.
        """
        within = window if self.query_periods is None else window & union(self.query_periods)
        return AvailabilityQuery(
            self.participants,
            self.required_duration,
            query_periods=[Period(start, end) for start, end in within],
            buffer=Buffer(self.before.minimum or NO_TIME, self.after.minimum or NO_TIME),
            start_interval=self.start_interval,
            start_interval_tzid=self.start_interval_tzid,
            start_offset=self.start_offset,
            excluded_events=self.excluded_events,
        )


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class SequencedQuery:
    """When can these meetings take place one after the other?"""

    query_periods: Sequence[Period]
    sequence: Sequence[SequenceStep]
    max_results: int = 20

    @cached_property
    def steps(self) -> Sequence[AvailabilityQuery]:
        """The query of each step of a checked query."""
        return [step.query(self.window()) for step in self.sequence]

    @property
    def has_time(self) -> bool:
        """Whether the periods of the query and those of each step meet."""
        return all(step.window() for step in self.steps)

    def window(self) -> SpanSet:
        """Returns the union of the query periods."""
        return self._window

    @cached_property
    def _window(self) -> SpanSet:
        return union(self.query_periods)

    def members(self) -> Sequence[tuple[Path, Member]]:
        """Returns every member of every group of every step, with its path."""
        return self._members

    @cached_property
    def _members(self) -> tuple[tuple[Path, Member], ...]:
        return tuple(
            (("sequence", step_index, "participants", group_index, "members", member_index), member)
            for step_index, step in enumerate(self.sequence[:MAX_STEPS])
            for group_index, group in enumerate(step.participants)
            for member_index, member in enumerate(group.members)
        )

    @property
    def subs(self) -> list[str]:
        """The subs of all members, in request order, each once."""
        return list(dict.fromkeys(member.sub for _, member in self.members()))

    def looked_up(self, limits: Limits) -> list[str]:
        """Returns the subs to look up: of each step as many as the limit allows."""
        found: dict[str, None] = {}
        for step in self.sequence[:MAX_STEPS]:
            theirs = dict.fromkeys(member.sub for group in step.participants for member in group.members)
            found |= dict.fromkeys(list(theirs)[: limits.max_accounts])
        return list(found)

    @property
    def managed(self) -> bool:
        """Whether any member uses managed availability."""
        return any(member.managed_availability for _, member in self.members())

    @property
    def earliest(self) -> Instant:
        """The earliest start in a checked query. From that instant on the query is in the past, and refused."""
        given = [*self.query_periods, *(period for step in self.sequence for period in step.query_periods or ())]
        own = [period for _, member in self.members() for period in member.available_periods or ()]
        return min(read(period.start) for period in (*given, *own))

    def gap(self, one: int, other: int) -> tuple[int, int | None]:
        """Returns the least and the greatest number of seconds between two steps; None: no greatest."""
        after, before = self.sequence[one].after, self.sequence[other].before
        greatest = [each.maximum.seconds for each in (after, before) if each.maximum is not None]
        least = [each.minimum.seconds for each in (after, before) if each.minimum is not None]
        return max(least, default=0), min(greatest, default=None)

    @property
    def order_count(self) -> int:
        """The number of orders in which the steps of a checked query may come."""
        ordinals = sum(step.ordinal is not None for step in self.sequence)
        return factorial(len(self.sequence)) // factorial(ordinals)

    def orders(self) -> Iterator[tuple[int, ...]]:
        """Yields the orders of a checked query as indices of its steps, in the order of the request."""
        return self._orders(frozenset(range(len(self.sequence))))

    def _orders(self, steps: frozenset[int]) -> Iterator[tuple[int, ...]]:
        if not steps:
            yield ()
        for step in sorted(self.first_of(steps)):
            for order in self._orders(steps - {step}):
                yield (step, *order)

    def first_of(self, steps: frozenset[int]) -> list[int]:
        """Returns which of these steps may come first: those without ordinals, and the one with the least."""
        ranked, free = self._ranked(steps)
        return free + ranked[:1]

    def last_of(self, steps: frozenset[int]) -> list[int]:
        """Returns which of these steps may come last: those without ordinals, and the one with the greatest."""
        ranked, free = self._ranked(steps)
        return free + ranked[-1:]

    def _ranked(self, steps: frozenset[int]) -> tuple[list[int], list[int]]:
        """Returns the steps with ordinals, in their order, and those without."""
        ordinals = {step: ordinal for step in steps if (ordinal := self.sequence[step].ordinal) is not None}
        return sorted(ordinals, key=ordinals.__getitem__), [step for step in steps if step not in ordinals]

    def check(self, now: Instant | None, limits: Limits) -> Problems:
        """Returns all problems that can be found without calendars. If `now` is None, times may be in the past."""
        problems = Problems()
        with problems.until_full():
            most, longest = limits.max_query_periods, limits.max_period
            check_periods(self.query_periods, ("query_periods",), problems, now=now, most=most, longest=longest)
            self._check_sequence(problems)
            for index, step in enumerate(self.sequence[:MAX_STEPS]):
                step.check(("sequence", index), problems, now, limits)
            check_max_results(self.max_results, problems, limits)
        return problems

    def _check_sequence(self, problems: Problems) -> None:
        """Reports the number of steps and of their orders, and what two steps have in common."""
        path: Path = ("sequence",)
        if not self.sequence:
            problems.add(path, Key.TOO_FEW, "needs at least one step")
        steps = self.sequence[:MAX_STEPS]
        orders = factorial(len(steps)) // factorial(sum(step.ordinal is not None for step in steps))
        if len(self.sequence) > MAX_STEPS:
            problems.add(path, Key.TOO_MANY, f"takes at most {MAX_STEPS} steps")
        elif orders > MAX_ORDERS:
            words = f"can come in {orders} orders, and at most {MAX_ORDERS} are tried: give more steps ordinals"
            problems.add(path, Key.TOO_MANY, words)
        ids: set[str] = set()
        ordinals: set[int] = set()
        for index, step in enumerate(steps):
            if step.sequence_id in ids:
                problems.add((*path, index, "sequence_id"), Key.DUPLICATE, "is in this sequence already")
            if step.ordinal in ordinals:
                problems.add((*path, index, "ordinal"), Key.DUPLICATE, "is the ordinal of another step already")
            ids.add(step.sequence_id)
            ordinals |= {step.ordinal} if step.ordinal is not None else set()
