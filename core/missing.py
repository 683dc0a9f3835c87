"""Counting who is missing: at which starts a meeting is possible, and at which others exactly one thing is lacking.

A query needs its *units*: every member of a group that needs all, and every other group as a whole, which has enough
at the starts at which enough of its members can begin. The meeting is possible where no unit is missing. Where exactly
one is missing, most questions about another query answer themselves, without solving that query:

- a member holds the meeting back, alone, where it is the missing unit. If it were always free, or did not have to come,
  those starts would be added to the possible ones, and no others;
- if its hours or its tentative events did not count, those of them at which it is then free;
- if its group required one less, those at which any one member of the group is missing.

For a group that can choose, the same is said of the starts at which it lacks one: at those, each of its members that is
not free holds the meeting back.

Two sorts tell where nothing is missing and where one unit is (`starts.at_least`); what belongs to which unit is found by
searching. So all of this costs O(n log n) for n busy spans, like the solver. Only a sub that stands in a group with a
choice and in another group needs a count of its own, for one event of its can make two units miss.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from .blocked import MemberTime
from .free import SEARCH
from .query import AvailabilityQuery
from .spans import SpanSet
from .starts import MinutesBefore, at_least, inside, outside, starts_in, whole_minutes

#: where a member stands: the index of its group, and its own index in the group
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class Missing:
    """The starts of a query, by what is missing at them. No grid applies; of query slots only the asked starts count."""

    query: AvailabilityQuery
    #: by group, then by member
    times: Sequence[Sequence[MemberTime]]

    @cached_property
    def possible(self) -> SpanSet:
        """Where nothing is missing."""
        return self._asked(at_least(len(self._units), list(self._units.values())))

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Where each sub stands."""
        places: dict[str, list[Place]] = {}
        for (_, group, _, member), each in self.query.members():
            places.setdefault(each.sub, []).append((int(group), int(member)))
        return places

    @cached_property
    def starts(self) -> list[list[SpanSet]]:
        """The starts of each member, by group."""
        return [[starts_in(time.rooms, self.query.duration) for time in theirs] for theirs in self.times]

    def held_back_minutes(self, sub: str) -> int:
        """Returns how many whole minutes of starts would be added if a member were always free."""
        if (group := self.only_group_with_a_choice(sub)) is None:
            return whole_minutes(self.held_back(sub))
        lacking, own = self._lacking_one[group], self._own(sub)
        if len(lacking) > SEARCH * len(own):  # as many members may be missing at each of them
            minutes = self._minutes_by_group[group]
            return minutes.total - minutes.inside(own)
        return whole_minutes(outside(lacking, own))

    def held_back(self, sub: str) -> SpanSet:
        """Returns the starts that would be added if a member were always free."""
        if self.is_counted_apart(sub):
            always = self._everywhere
            return outside(self.count(dict.fromkeys(self.places[sub], always)), self.possible)
        if (group := self.only_group_with_a_choice(sub)) is None:
            return self._lacking(sub)
        return outside(self._lacking_one[group], self._own(sub))

    def lacking_one_of(self, group: int) -> SpanSet:
        """Returns the starts that would be added if a group, which requires more than one, required one less."""
        if not self.query.participants[group].needs_all:
            return self._lacking_one[group]
        spans = [span for sub in self._subs_of(group) for span in self._lacking_here(sub, group)]
        return SpanSet.of(spans)

    @property
    def has_room(self) -> bool:
        """Whether the window has room for the meeting at all."""
        return bool(self._everywhere)

    def ever_enough(self, group: int) -> bool:
        """Whether a group that can choose ever has enough members who are free."""
        return bool(self._units[group])

    def is_counted_apart(self, sub: str) -> bool:
        """Whether a sub stands in a group that can choose and in another group."""
        return len(self.places[sub]) > 1 and not self._is_always_needed(sub)

    def count(self, changed: Mapping[Place, SpanSet | None]) -> SpanSet:
        """Returns where the meeting is possible with other starts at some places; None: without the member.

        A group that needs all of its members then needs those that are left.
        """
        units: list[SpanSet] = []
        for index, (group, theirs) in enumerate(zip(self.query.participants, self.starts, strict=True)):
            now = [changed.get((index, member), own) for member, own in enumerate(theirs)]
            there = [starts for starts in now if starts is not None]
            units += there if group.needs_all else [at_least(group.needed, there)]
        return self._asked(at_least(len(units), units))

    @cached_property
    def _everywhere(self) -> SpanSet:
        """Every start that the window has room for."""
        duration = self.query.duration
        return starts_in([span for span in self.query.window() if span.end - span.start >= duration], duration)

    def _asked(self, starts: SpanSet) -> SpanSet:
        asked = self.query.asked_starts
        return starts if asked is None else SpanSet(asked, [start + 1 for start in asked]) & starts

    @cached_property
    def _units(self) -> dict[str | int | Place, SpanSet]:
        """The starts of each unit: by sub if it stands only where all are needed, by place, or by group."""
        units: dict[str | int | Place, SpanSet] = {}
        for index, (group, theirs) in enumerate(zip(self.query.participants, self.starts, strict=True)):
            if not group.needs_all:
                units[index] = at_least(group.needed, theirs)
                continue
            for place, (member, own) in enumerate(zip(group.members, theirs, strict=True)):
                if not self._is_always_needed(member.sub):
                    units[index, place] = own
                else:
                    before = units.get(member.sub)
                    units[member.sub] = own if before is None else inside(before, own)
        return units

    @cached_property
    def _one_missing(self) -> SpanSet:
        """Where exactly one unit is missing."""
        units = list(self._units.values())
        nearly = at_least(len(units) - 1, units) if len(units) > 1 else self._everywhere
        return outside(self._asked(nearly), self.possible)

    def _lacking(self, unit: str | int | Place) -> SpanSet:
        """Returns where this unit is the missing one."""
        return outside(self._one_missing, self._units[unit])

    def _lacking_here(self, sub: str, group: int) -> SpanSet:
        """Returns where the member of this group is all that is missing, and is not missing in another group too."""
        [place] = [place for place in self.places[sub] if place[0] == group]
        if not self._is_always_needed(sub):
            return self._lacking(place)
        starts = self._lacking(sub)
        for other, member in self.places[sub]:
            if other != group:
                starts = inside(starts, self.starts[other][member])
        return starts

    @cached_property
    def _lacking_one(self) -> dict[int, SpanSet]:
        """Where a group with a choice is the missing unit, for the lack of one member; by group."""
        found: dict[int, SpanSet] = {}
        for index, group in enumerate(self.query.participants):
            if not group.needs_all:
                lacking = self._lacking(index)
                one_less = group.needed - 1
                found[index] = inside(lacking, at_least(one_less, self.starts[index])) if one_less else lacking
        return found

    @cached_property
    def _minutes_by_group(self) -> dict[int, MinutesBefore]:
        return {group: MinutesBefore(starts) for group, starts in self._lacking_one.items()}

    def _is_always_needed(self, sub: str) -> bool:
        """Whether a sub stands only in groups that need all of their members."""
        return all(self.query.participants[group].needs_all for group, _ in self.places[sub])

    def only_group_with_a_choice(self, sub: str) -> int | None:
        """Returns the group that a sub stands in, if that is the only one and can choose."""
        [(group, _), *more] = self.places[sub]
        return None if more or self.query.participants[group].needs_all else group

    def _own(self, sub: str) -> SpanSet:
        [(group, member), *_] = self.places[sub]
        return self.starts[group][member]

    def _subs_of(self, group: int) -> Iterator[str]:
        return (member.sub for member in self.query.participants[group].members)
