"""The summary of an explanation: why the answer is what it is, in one or two sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .blocked import BlockedReason, MemberTime
from .candidates import RelaxationKind
from .instants import HOUR, MINUTE, Instant
from .missing import Missing, Place
from .relaxations import Relaxation
from .solver import Opening
from .zones import ZoneInfo, local_time

_UTC = ZoneInfo("Etc/UTC")

#: what is said of a member that is blocked for one reason throughout
_BLOCKED = {
    BlockedReason.OUTSIDE_OWN_PERIODS: "is outside of its own periods",
    BlockedReason.OUTSIDE_HOURS: "is outside of its hours",
    BlockedReason.NOT_KNOWN: "is not known",
    BlockedReason.BUSY: "is busy",
    BlockedReason.LIMIT_REACHED: "is at its limit of bookings",
}
_NEVER = "is not free"


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A calendar of a member whose events are not known from an instant on."""

    sub: str
    #: None for a caller who may not know it
    calendar_name: str | None
    since: Instant
    #: whether the calendar is elsewhere and cannot be read; otherwise its series are expanded no further
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """Puts an explanation into words. Names are by sub."""

    missing: Missing
    openings: Sequence[Opening]
    relaxations: Sequence[Relaxation]
    #: how members are called, and those of these names that are not their places
    names: Mapping[str, str]
    known_names: Sequence[str]
    #: the calendars that are not known in some of the searched time
    not_known: Sequence[NotKnown] = ()

    def text(self) -> str:
        """Returns the sentences: how many times there are, or why there are none, and the soonest relaxation; then what is
        not known.
        """
        return " ".join([self._answer(), *self._not_known()])

    def _answer(self) -> str:
        first = self._times() if self.openings else self._cause()
        if not first.startswith(tuple(self.known_names)):
            first = first[:1].upper() + first[1:]
        if not self.relaxations:
            return f"{first}."
        best = self.relaxations[0]
        would = self._counted(best.count)
        further = "a further one" if self.openings and best.count > 1 else "the first" if best.count > 1 else ""
        when = f", {further} on {_when(best.opening.start)}" if further else f", on {_when(best.opening.start)}"
        return f"{first}; {self._change(best)} {would}{when}."

    def _not_known(self) -> Iterator[str]:
        if not self.not_known:
            return
        first, *others = self.not_known
        which = f'The calendar "{first.calendar_name}"' if first.calendar_name is not None else "A calendar"
        known = "has not been known since" if first.is_lost else "is not known after"
        more = f", and {len(others)} more {'is' if len(others) == 1 else 'are'} not known either" if others else ""
        yield f"{which} of {self.names[first.sub]} {known} {_when(first.since)}{more}."

    def _times(self) -> str:
        start = _when(self.openings[0].start)
        if len(self.openings) == 1 < self.missing.query.max_results:
            return f"there is one time, on {start}"
        if len(self.openings) == self.missing.query.max_results:
            at_least = "one time or more" if len(self.openings) == 1 else f"{len(self.openings)} times or more"
            return f"there {'is' if len(self.openings) == 1 else 'are'} {at_least}, the first on {start}"
        return f"there are {len(self.openings)} times, the first on {start}"

    def _counted(self, count: int) -> str:
        if count == self.missing.query.max_results:
            return f"there would be {count} time{'' if count == 1 else 's'} or more"
        return "there would be one time" if count == 1 else f"there would be {count} times"

    def _change(self, relaxation: Relaxation) -> str:
        name = self.names[relaxation.sub] if relaxation.sub is not None else ""
        match relaxation.kind:
            case RelaxationKind.WITHOUT_MEMBER:
                return f"without {name}"
            case RelaxationKind.FEWER_REQUIRED:
                group = relaxation.group or 0
                needed = self.missing.query.participants[group].needed - 1
                return f"with {needed} instead of {needed + 1} of {self._group(group)}"
            case RelaxationKind.SHORTER:
                return f"for {_length((relaxation.minutes or 0) * MINUTE)}"
            case RelaxationKind.WITHOUT_BUFFER:
                return "without buffers"
            case RelaxationKind.WITHOUT_GRID:
                return "with starts at any time"
            case RelaxationKind.IGNORING_HOURS:
                return f"outside of the hours of {name}, too,"
            case RelaxationKind.IGNORING_TENTATIVE:
                return f"without the tentative events of {name}"
            case RelaxationKind.LATER:
                return "in the 35 days after"

    def _cause(self) -> str:
        """Returns why there is no time."""
        length = _length(self.missing.query.duration)
        if not self.missing.has_room:
            return f"no period of the query is as long as the meeting, {length}"
        never = [place for place in self._needed_places() if not self._time(place).rooms]
        if never:
            names = list(dict.fromkeys(self._name(place) for place in never))
            if len(names) > 1:
                return f"{_and(names)} are never free for {length}"
            why = self._verb(never[0])
            return f"{names[0]} {'is' if why == _NEVER else f'{why} and'} never free for {length}"
        for index, group in enumerate(self.missing.query.participants):
            if not group.needs_all and not self.missing.ever_enough(index):
                return f"never are {group.needed} of {self._group(index)} free at once for {length}"
        if self.missing.possible:
            return "there are times at which all who are needed are free, but none of them begins on the grid of starts"
        return self._who_holds_back(length)

    def _who_holds_back(self, length: str) -> str:
        minutes = {sub: self.missing.held_back_minutes(sub) for sub in self.missing.places}
        sub = max(minutes, key=minutes.__getitem__)
        if not minutes[sub] or self.missing.only_group_with_a_choice(sub) is not None:
            return f"there is no time at which all who are needed are free for {length}"
        [place, *_] = self.missing.places[sub]
        others = [name for other, name in self.names.items() if other != sub and other in self.missing.places]
        whenever = f"{others[0]} is" if len(others) == 1 else "all others who are needed are"
        return f"{self.names[sub]} {self._verb(place)} whenever {whenever} free for {length}"

    def _verb(self, place: Place) -> str:
        """Returns what is said of a member: its only reason, or that it is not free."""
        reasons = {each.reason for each in self._time(place).blocked(1000, at_each_event=False)}
        if BlockedReason.BUSY in reasons:
            reasons.discard(BlockedReason.BUFFER)
        if len(reasons) > 1:
            reasons.discard(BlockedReason.TOO_SHORT)
        return _BLOCKED.get(reasons.pop(), _NEVER) if len(reasons) == 1 else _NEVER

    def _needed_places(self) -> list[Place]:
        """Returns the places of members of groups that need all of their members."""
        groups = self.missing.query.participants
        return [place for places in self.missing.places.values() for place in places if groups[place[0]].needs_all]

    def _time(self, place: Place) -> MemberTime:
        return self.missing.times[place[0]][place[1]]

    def _name(self, place: Place) -> str:
        return self.names[self.missing.query.participants[place[0]].members[place[1]].sub]

    def _group(self, index: int) -> str:
        members = [self.names[member.sub] for member in self.missing.query.participants[index].members]
        return _and(members) if len(members) <= 3 else f"the {len(members)} members of group {index + 1}"


def _and(names: Sequence[str]) -> str:
    """Returns names as a list in a sentence, of which three are named if there are more than four."""
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _when(start: Instant) -> str:
    at = local_time(start, _UTC)
    return f"{at:%A}, {at.day} {at:%B %Y} at {at:%H:%M} UTC"


def _length(seconds: int) -> str:
    minutes = seconds // MINUTE
    if seconds % HOUR:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{seconds // HOUR} hour{'' if seconds == HOUR else 's'}"
