"""Explanations: why an answer is what it is.

Everything is worked out when it is asked for, once: the free and the blocked time of each member (`blocked`), what each
holds back (`missing`), the changes that would help (`relaxations`), the sentences (`summary`) and the picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .blocked import Blocked, MemberTime
from .candidates import KnownFacts, RelaxationKind
from .errors import Key, Problems
from .events import Event
from .limits import Limits
from .missing import Missing, Place
from .periods import read
from .picture import LEAST_WIDTH, MOST_WIDTH, Drawn, Row, Scene
from .query import AvailabilityQuery
from .relaxations import Relaxation, relaxations
from .solver import Opening
from .spans import Bounds, Busy, SpanSet, in_common
from .starts import inside
from .summary import NotKnown, Summary
from .zones import check_zone

NAME_LENGTH = 24
"""Characters of a name in a summary and in a picture."""


@dataclass(frozen=True, slots=True)
class MemberExplanation:
    """The time of one member, in one of its groups."""

    sub: str
    #: from 0
    group: int
    time: MemberTime
    missing: Missing
    #: whether the caller may read the member's events
    reads_events: bool
    #: the first events of the first busy spans, as far as they were loaded
    events: Mapping[Bounds, Sequence[Event]]

    @property
    def free_minutes(self) -> int:
        """Minutes of the stretches that the meeting fits in."""
        return self.time.free_minutes

    @property
    def held_back_minutes(self) -> int:
        """Whole minutes of starts that there would be more if this member alone were always free."""
        return self.missing.held_back_minutes(self.sub)

    def blocked(self, first: int) -> list[Blocked]:
        """Returns the first blocked spans. For a caller who may read the events, they are cut at each event."""
        return self.time.blocked(first, at_each_event=self.reads_events)


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class Explanation:
    """Why a query has these openings."""

    query: AvailabilityQuery
    openings: Sequence[Opening]
    known: KnownFacts
    #: the names that the caller may know, by sub, and the subs of which it may read events
    known_names: Mapping[str, str]
    readable: frozenset[str]
    #: by group and member, the first events of the first busy spans, as far as they were loaded
    events: Mapping[Place, Mapping[Bounds, Sequence[Event]]] = field(
        default_factory=dict[Place, Mapping[Bounds, Sequence[Event]]]
    )
    #: the calendars that are not known in some of the searched time
    not_known: Sequence[NotKnown] = ()

    @cached_property
    def members(self) -> list[MemberExplanation]:
        """The members, in request order: one for each place."""
        return [
            MemberExplanation(
                member.sub, group, time, self._missing, member.sub in self.readable, self.events.get((group, index), {})
            )
            for group, theirs in enumerate(self._missing.times)
            for index, (member, time) in enumerate(zip(self.query.participants[group].members, theirs, strict=True))
        ]

    @cached_property
    def relaxations(self) -> list[Relaxation]:
        """The changes that would give further openings, soonest first."""
        return relaxations(self._missing, self.known, self.openings)

    @cached_property
    def summary(self) -> str:
        """One or two sentences for people."""
        own = [name for sub, name in self.names.items() if sub in self.known_names]
        return Summary(self._missing, self.openings, self.relaxations, self.names, own, self.not_known).text()

    def picture(self, tzid: str, width: int) -> str:
        """Returns the query's time as rows of text, a block for each local day. Raises Unprocessable."""
        problems = Problems()
        zone = check_zone(tzid, ("tzid",), problems)
        if width < LEAST_WIDTH:
            problems.add(("width",), Key.TOO_FEW, f"must be at least {LEAST_WIDTH}")
        elif width > MOST_WIDTH:
            problems.add(("width",), Key.TOO_MANY, f"must be at most {MOST_WIDTH}")
        problems.raise_if_any()
        assert zone is not None
        return Scene(self.query, self.names, self._rows(), self.openings).draw(zone, width)

    @cached_property
    def names(self) -> dict[str, str]:
        """How members are called, by sub: by a name if it is known and nobody else's, else by their place."""
        by_sub: dict[str, str] = {}
        names = {sub: shown(name) for sub, name in self.known_names.items()}
        for (_, group, _, member), each in self.query.members():
            if each.sub not in by_sub:
                name, place = names.get(each.sub), f"member {int(member) + 1} of group {int(group) + 1}"
                alone = list(names.values()).count(name or "") == 1
                by_sub[each.sub] = name if name and alone else f"{name} ({place})" if name else place
        return by_sub

    @cached_property
    def _missing(self) -> Missing:
        times = [
            [MemberTime.of(self.query, member, facts) for member, facts in zip(group.members, theirs, strict=True)]
            for group, theirs in zip(self.query.participants, self.known.facts, strict=True)
        ]
        return Missing(self.query, times)

    def _rows(self) -> list[Row]:
        rows = [self._searched()]
        for each, (group, index) in zip(self.members, _places(self.query), strict=True):
            member, name = self.query.participants[group].members[index], self.names[each.sub]
            facts, firm = self.known.facts[group][index], self.known.firm[group][index]
            theirs = [Row(name, list(_busy(each, facts.full(firm) if firm is not None else None)))]
            if member.available_periods is not None:
                own = sorted(Drawn(read(period.start), read(period.end)) for period in member.available_periods)
                theirs.append(Row(f"{name} only", own, overlapping=True))
            if facts.hours is not None:
                theirs.append(Row(f"{name} hours", [Drawn(*span) for span in each.time.window & facts.hours]))
            if facts.known is not None and (known := each.time.window & facts.known) != each.time.window:
                theirs.append(Row(f"{name} known", [Drawn(*span) for span in known]))
            if facts.limit_reached is not None:
                theirs.append(Row(f"{name} limit", [Drawn(*span) for span in each.time.window & facts.limit_reached]))
            rows += [row for row in theirs if row not in rows]
        return rows

    def _searched(self) -> Row:
        if (asked := self.query.asked_starts) is not None:
            return Row("asked", [Drawn(start, start + 60, "|") for start in asked], overlapping=True)
        periods = self.query.query_periods if self.query.query_periods is not None else self.query.available_periods
        return Row("query", sorted(Drawn(read(each.start), read(each.end)) for each in periods or ()), overlapping=True)


def max_places(limits: Limits) -> int:
    """Returns how many members an explained query may have over all groups: each account in two of them."""
    return 2 * limits.max_accounts


def max_relaxations(limits: Limits) -> int:
    """Returns how many relaxations a query may have: three of each account, one of each group, and one of other kinds."""
    return 3 * limits.max_accounts + max_places(limits) + len(RelaxationKind) - 4


def _places(query: AvailabilityQuery) -> list[Place]:
    return [(group, index) for group, each in enumerate(query.participants) for index in range(len(each.members))]


def _busy(member: MemberExplanation, firm: Busy | None) -> Iterator[Drawn]:
    """Yields the busy spans of a member; tentative ones and single events only for a caller who may read them.

    `firm` is the busy time without tentative events; None if there are none.
    """
    spans = member.time.busy_in_window(at_each_event=member.reads_events)
    if firm is None or not member.reads_events:
        return (Drawn(start, end) for start, end in spans)
    free_of_firm = SpanSet.in_order(in_common((member.time.window,), without=(firm,)))
    tentative = set(inside(SpanSet.in_order(spans), free_of_firm))
    return (Drawn(start, end, "?" if (start, end) in tentative else "#") for start, end in spans)


def shown(name: str) -> str:
    """Returns a name on one line, and of moderate length."""
    words = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    return words if len(words) <= NAME_LENGTH else f"{words[: NAME_LENGTH - 1]}…"
