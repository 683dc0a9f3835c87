"""Brute force for explanations: every reason, every start and every relaxation is found by trying each tick.

It shares no code and no idea with the core. A tick is half a minute, and everything in a question lies on whole minutes:
so an odd tick stands for all the seconds between two minutes, at which a meeting may begin as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

TICKS_A_MINUTE = 2
FIVE_MINUTES = 5 * TICKS_A_MINUTE

Ticks = frozenset[int]


@dataclass(frozen=True)
class Happening:
    """An event from one tick to another, which blocks."""

    start: int
    end: int
    tentative: bool = False


@dataclass(frozen=True)
class Person:
    """A member of a group, with its buffers in ticks. `own` and `hours` are None for always."""

    name: str
    events: tuple[Happening, ...] = ()
    own: Ticks | None = None
    hours: Ticks | None = None
    before: int = 0
    after: int = 0
    ignores_tentative: bool = False
    #: in so many events at once the member is busy
    capacity: int = 1
    #: where a limit of bookings is reached
    limited: Ticks = frozenset()
    #: from this tick on its events are not known; None: all are
    known_until: int | None = None

    def blocking(self) -> list[Happening]:
        return [event for event in self.events if not (event.tentative and self.ignores_tentative)]


@dataclass(frozen=True)
class Ask:
    """A query: groups with the number that each requires, a duration, and the ticks to search, or the asked starts."""

    groups: tuple[tuple[int, tuple[Person, ...]], ...]
    duration: int
    window: Ticks
    asked: tuple[int, ...] | None = None
    #: the grid: clocks show a multiple of the interval at a start, less the offset
    interval: int | None = None
    offset: int = 0
    #: the time of day that clocks show at each tick from 0 on, in ticks; None for the tick itself
    clock: tuple[int, ...] | None = None
    format: str = "periods"
    most: int = 20
    #: the time after the window, as far as it is searched: an event of everybody follows
    later: Ticks = frozenset()


@dataclass(frozen=True)
class Relaxed:
    """A relaxation: what is changed, the first opening that it adds, and how many results there then are."""

    kind: str
    opening: tuple[int, int, tuple[str, ...]]
    count: int
    sub: str | None = None
    group: int | None = None
    minutes: int | None = None


# --- blocked time


def reason(person: Person, tick: int) -> str | None:
    """Why the member is not free at this tick of the query's time, except for being free too shortly."""
    if person.own is not None and tick not in person.own:
        return "outside_own_periods"
    if person.hours is not None and tick not in person.hours:
        return "outside_hours"
    if person.known_until is not None and tick >= person.known_until:
        return "not_known"
    blocking = person.blocking()
    if sum(event.start <= tick < event.end for event in blocking) >= person.capacity:
        return "busy"
    if sum(event.start - person.after <= tick < event.end + person.before for event in blocking) >= person.capacity:
        return "buffer"
    return "limit_reached" if tick in person.limited else None


def blocked(ask: Ask, person: Person, *, reads_events: bool) -> list[tuple[int, int, str]]:
    """The blocked spans; busy ones are cut where the set of events changes, for a caller who reads them."""
    searched = sorted(ask.window)
    reasons: dict[int, object] = {tick: reason(person, tick) for tick in searched}
    for stretch in _stretches(ask, person):
        if len(stretch) < ask.duration:
            reasons |= dict.fromkeys(stretch, "too_short")
    spans: list[tuple[int, int, str]] = []
    last: tuple[object, object] | None = None
    for tick in searched:
        events = frozenset(n for n, event in enumerate(person.blocking()) if event.start <= tick < event.end)
        why = reasons[tick]
        kind = (why, events if why == "busy" and reads_events else None)
        if why is not None:
            if spans and spans[-1][1] == tick and kind == last:
                spans[-1] = (spans[-1][0], tick + 1, spans[-1][2])
            else:
                spans.append((tick, tick + 1, str(why)))
        last = kind
    return spans


def free_minutes(ask: Ask, person: Person) -> int:
    """The length of the stretches that the meeting fits in."""
    return sum(len(each) for each in _stretches(ask, person) if len(each) >= ask.duration) // TICKS_A_MINUTE


def _stretches(ask: Ask, person: Person) -> list[list[int]]:
    """The stretches of consecutive ticks at which nothing prevents the member from meeting."""
    found: list[list[int]] = []
    for tick in sorted(ask.window):
        if reason(person, tick) is None:
            if found and found[-1][-1] == tick - 1:
                found[-1].append(tick)
            else:
                found.append([tick])
    return found


# --- the answer of a query


@lru_cache(4096)
def _until(person: Person | None, window: Ticks) -> Mapping[int, int]:
    """How long the member can stay from each tick on; None: a member who is always free."""
    until: dict[int, int] = {}
    for tick in sorted(window, reverse=True):
        is_free = person is None or reason(person, tick) is None
        until[tick] = until.get(tick + 1, tick + 1) if is_free else tick
    return until


def reach(ask: Ask, start: int) -> int:
    """How long a meeting that starts at this tick can last with the same people."""
    return _reaches(ask)[start]


@lru_cache(4096)
def _reaches(ask: Ask) -> Mapping[int, int]:
    """The reach of every tick of the window."""
    groups = [(needed, [_until(person, ask.window) for person in people]) for needed, people in ask.groups]
    return {
        start: min(sorted((until[start] for until in people), reverse=True)[needed - 1] for needed, people in groups)
        for start in ask.window
    }


def viable(ask: Ask) -> set[int]:
    """The ticks at which a meeting can start, without a grid; with query slots, the asked ones."""
    candidates = ask.window if ask.asked is None else set(ask.asked)
    return {start for start in candidates if reach(ask, start) >= start + ask.duration}


def allowed(ask: Ask) -> list[int]:
    """The allowed starts, in order."""
    starts = sorted(viable(ask))
    if ask.interval is None or ask.asked is not None:
        return starts
    shown = {start: start if ask.clock is None else ask.clock[start] for start in starts}
    return [start for start in starts if (shown[start] - ask.offset) % ask.interval == 0]


def spans(ask: Ask) -> list[tuple[int, int]]:
    """The start and the end of every result, at most as many as are asked for."""
    found: list[tuple[int, int]] = []
    for start in allowed(ask):
        end = start + ask.duration
        if ask.asked is None and ask.format == "periods":
            end = reach(ask, start)
            if found and end <= found[-1][1]:
                continue
        elif ask.asked is None and (ask.format == "slots" or ask.interval is None) and found and start < found[-1][1]:
            continue
        found.append((start, end))
    return found[: ask.most]


def present(ask: Ask, start: int, end: int) -> tuple[str, ...]:
    """Who is free throughout, in order, each once."""
    people = [person for _, members in ask.groups for person in members]
    return tuple(dict.fromkeys(each.name for each in people if _until(each, ask.window)[start] >= end))


# --- relaxations


def held_back_minutes(ask: Ask, name: str) -> int:
    """How many whole minutes of starts there would be more if the member were always free."""
    free = replace(ask, groups=_changed(ask, name, lambda person: None))
    return _minutes(viable(free)) - _minutes(viable(ask))


def _minutes(starts: set[int]) -> int:
    return sum(start % TICKS_A_MINUTE == 0 for start in starts)


def _changed(ask, name, change):
    """The groups with another person wherever the name stands; None stands for somebody who is always free."""
    return tuple(
        (needed, tuple(change(each) if each is not None and each.name == name else each for each in people))
        for needed, people in ask.groups
    )


def relaxations(ask: Ask) -> list[Relaxed]:
    """Every relaxation, in order."""
    before = spans(ask)
    if len(before) >= ask.most:
        return []
    known = set(before)
    order: list[tuple[int, int, int, Relaxed]] = []
    last: list[Relaxed] = []
    starts = set(allowed(ask))
    for number, (rank, kind, labels, changed) in enumerate(_changes(ask, before)):
        new_starts = set(allowed(changed)) - starts
        results = spans(changed)
        added = [span for span in results if span not in known]
        if not new_starts or not added:
            continue
        found = Relaxed(kind, (*added[0], present(changed, *added[0])), len(results), **labels)
        if kind == "later":
            last.append(found)
        else:
            order.append((added[0][0], rank, number, found))
    return [found for *_, found in sorted(order, key=lambda each: each[:3])] + last


def _changes(ask: Ask, before: list[tuple[int, int]]) -> Iterator[tuple[int, str, dict, Ask]]:
    """Every single change: its rank among the kinds, its kind, whom it is about, and the changed query."""
    yield from _other_members(ask, _names(ask))
    if not before:
        longer = range((ask.duration - 1) // FIVE_MINUTES * FIVE_MINUTES, 0, -FIVE_MINUTES)
        shorter = (replace(ask, duration=duration) for duration in longer)
        for found in [each for each in shorter if spans(each)][:1]:
            yield 2, "shorter", {"minutes": found.duration // TICKS_A_MINUTE}, found
    yield 3, "without_buffer", {}, _everybody(ask, lambda each: replace(each, before=0, after=0))
    yield 4, "without_grid", {}, replace(ask, interval=None)
    for name in _names(ask):
        others = _changed(ask, name, lambda each: replace(each, hours=None))
        yield 5, "ignoring_hours", {"sub": name}, replace(ask, groups=others)
    for name in _names(ask):
        others = _changed(ask, name, lambda each: replace(each, ignores_tentative=True))
        yield 6, "ignoring_tentative", {"sub": name}, replace(ask, groups=others)
    if ask.asked is None and ask.later:
        end = Happening(max(ask.later) + 1, max(ask.later) + 2)
        later = _everybody(ask, lambda each: replace(each, events=(*each.events, *[end] * each.capacity)))
        yield 7, "later", {}, replace(later, window=ask.later)


def _other_members(ask: Ask, names: list[str]) -> Iterator[tuple[int, str, dict, Ask]]:
    """The changes of who has to come."""
    for name in names:
        if all(len(people) > 1 for _, people in ask.groups if any(each.name == name for each in people)):
            yield 0, "without_member", {"sub": name}, replace(ask, groups=tuple(_left(ask, name)))
    for index, (needed, people) in enumerate(ask.groups):
        if needed > 1:
            groups = (*ask.groups[:index], (needed - 1, people), *ask.groups[index + 1 :])
            yield 1, "fewer_required", {"group": index}, replace(ask, groups=groups)


def _names(ask: Ask) -> list[str]:
    return list(dict.fromkeys(person.name for _, people in ask.groups for person in people))


def _everybody(ask: Ask, change) -> Ask:
    """The query with every member changed."""
    for name in _names(ask):
        ask = replace(ask, groups=_changed(ask, name, change))
    return ask


def _left(ask: Ask, name: str) -> Iterator[tuple[int, tuple[Person, ...]]]:
    """The groups without a member; one that needed all of its members needs those that are left."""
    for needed, people in ask.groups:
        left = tuple(each for each in people if each.name != name)
        yield min(needed, len(left)), left
