"""An application that is broken on purpose answers what no order of whole transactions explains."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from db import booking_changes, bookings
from db.database import Database
from resolvers import booking_moves
from tests.conftest import NOW
from tests.support.api import Api

from .checker import Unexplained, explain
from .recorder import Clocks, Recorder
from .requests import Book, Cancel, Confirm, Delete, Move, ReadBooking, ReadEvents, ReadFree, Write
from .state import World, a_week_later

PEOPLE = ("ada", "ben", "cem")
WORLD = World(dict.fromkeys(PEOPLE, 1), a_week_later(NOW))
FIRST, SECOND, THIRD, *_ = WORLD.all_starts[::2]
BOTH, OTHERS = ((2, ("ada", "ben")),), ((2, ("ben", "cem")),)
HOLD_FOR = 60


class Story(Recorder):
    """A recorder whose clock can be moved, also backwards: to that of another machine."""

    clocks: Clocks

    async def at_once(self) -> None:
        """Two bookings of Ben, at the same time."""
        await asyncio.gather(
            self.perform(Book("one", BOTH, FIRST)),
            self.perform(Book("two", OTHERS, FIRST)),
        )
        await self.perform(ReadFree(PEOPLE))

    async def booked(self) -> None:
        await self.perform(Book("one", BOTH, FIRST))
        await self.perform(ReadFree(PEOPLE))
        await self.perform(ReadEvents("ben"))

    async def held(self) -> None:
        await self.perform(Book("held", BOTH, FIRST, "key", HOLD_FOR))
        await self.perform(Book("one", OTHERS, FIRST))
        await self.perform(ReadFree(PEOPLE))

    async def lapsed(self) -> None:
        await self.held()
        self.clocks.set(NOW + HOLD_FOR)
        await self.perform(ReadFree(PEOPLE))
        await self.perform(Book("two", OTHERS, FIRST))

    async def confirmed_by_a_slow_clock(self) -> None:
        """Booked by a clock by which the hold has ended, and confirmed by one by which it has not."""
        await self.perform(Book("held", BOTH, FIRST, "key", HOLD_FOR))
        self.clocks.set(NOW + HOLD_FOR)
        await self.perform(Book("one", OTHERS, FIRST))
        self.clocks.set(NOW + HOLD_FOR - 1)
        await self.perform(Confirm("held", "another key"))

    async def asked_before_the_end_and_decided_after_it(self) -> None:
        """A request that has waited still counts the hold, although a later one has loaded the facts without it."""
        await self.perform(Book("held", BOTH, FIRST, "key", HOLD_FOR))
        self.clocks.set(NOW + HOLD_FOR)
        await self.perform(ReadFree(PEOPLE))
        self.clocks.set(NOW + HOLD_FOR - 1)
        await self.perform(Book("one", OTHERS, FIRST))
        await self.perform(Confirm("held", "another key"))

    async def moved(self) -> None:
        await self.perform(Book("one", BOTH, FIRST))
        await self.perform(Move("one", SECOND, "key"))
        await self.perform(ReadFree(PEOPLE))

    async def moved_at_once(self) -> None:
        """Two bookings of Ben are moved to one time, at the same time."""
        await self.perform(Book("one", BOTH, FIRST))
        await self.perform(Book("two", OTHERS, SECOND))
        await asyncio.gather(self.perform(Move("one", THIRD)), self.perform(Move("two", THIRD)))
        await self.perform(ReadFree(PEOPLE))

    async def whole_life(self) -> None:
        """What a client may do with a booking, one after the other."""
        await self.lapsed()
        await self.perform(Confirm("held", "too late"))
        await self.perform(Cancel("two"))
        await self.perform(Confirm("held", "not too late"))
        await self.perform(Move("held", SECOND, "key to move"))
        await self.perform(Write("ada", "held", THIRD, THIRD + HOLD_FOR * 60))
        await self.perform(ReadBooking("held"))
        await self.perform(Delete("ada", "held"))
        await self.perform(ReadBooking("held"))
        await self.perform(Delete("ben", "held"))
        await self.perform(ReadBooking("held"))
        await self.perform(Move("held", FIRST, "key to move again"))
        await self.perform(Write("cem", "by hand", FIRST, SECOND))
        await self.perform(Book("three", ((1, PEOPLE),), FIRST, "key to book"))
        await self.perform(Book("four", OTHERS, FIRST))
        await self.perform(Delete("cem", "nothing"))
        for who in PEOPLE:
            await self.perform(ReadEvents(who))


@pytest.fixture
async def story(api: Api) -> Story:
    accounts = {name: await api.application_calendar(name) for name in PEOPLE}
    clocks = Clocks(lambda now: setattr(api, "now", now), NOW)
    recorder = Story(api, WORLD, accounts, clocks)
    recorder.clocks = clocks
    return recorder


def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both bookings are decided before either is written, whatever the versions are by then."""
    both, original = asyncio.Barrier(2), bookings.book_unchanged

    async def write(db: Database, new: Any, _versions: object, *more: Any) -> Any:
        await both.wait()
        return await original(db, new, {}, *more)

    monkeypatch.setattr(bookings, "book_unchanged", write)
    monkeypatch.setattr(Database, "hold", lambda *_: nullcontext(False))


def no_lock_for_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both moves are decided before either is written, whatever the versions are by then."""
    both, original = asyncio.Barrier(2), booking_changes.change_unchanged

    async def write(db: Database, before: Any, after: Any, _versions: object, *more: Any, in_place: bool) -> bool:
        await both.wait()
        return await original(db, before, after, {}, *more, in_place=in_place)

    monkeypatch.setattr(booking_changes, "change_unchanged", write)
    monkeypatch.setattr(Database, "hold", lambda *_: nullcontext(False))


def half_written(monkeypatch: pytest.MonkeyPatch) -> None:
    original = bookings.book_unchanged

    async def write(db: Database, new: Any, *more: Any) -> Any:
        return await original(db, replace(new, calendars=new.calendars[:1]), *more)

    monkeypatch.setattr(bookings, "book_unchanged", write)


def not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(*_given: object) -> bool:
        return True

    monkeypatch.setattr(bookings, "book_unchanged", write)


def changed_rows(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """A mistake in the events that a booking writes."""
    original = bookings._event_row  # pyright: ignore[reportPrivateUsage]

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bookings, "_event_row", lambda *given: change(original(*given)))

    return apply


#: a hold's events are there, but do not block
hold_forgotten = changed_rows(lambda row: {**row, "blocks": row["blocks"] and row["lapses_at"] is None})
#: nothing ends a hold by the clock
never_lapses = changed_rows(lambda row: {**row, "lapses_at": None})


def trusts_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that has not ended is confirmed whatever else is there."""
    monkeypatch.setattr(booking_moves, "is_still_possible", lambda *_: True)


def moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The booking is stored at its new time, without its events."""

    async def move(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(bookings, "move_events", move)


@pytest.mark.parametrize(
    "tell",
    [
        Story.at_once,
        Story.moved_at_once,
        Story.confirmed_by_a_slow_clock,
        Story.asked_before_the_end_and_decided_after_it,
        Story.whole_life,
    ],
)
async def test_what_the_application_answers_is_explained(
    story: Story, tell: Callable[[Story], Awaitable[None]]
) -> None:
    await tell(story)
    found = explain(WORLD, story.operations)
    assert not isinstance(found, Unexplained), str(found)


@pytest.mark.parametrize(
    ("mistake", "tell"),
    [
        (no_lock, Story.at_once),
        (no_lock_for_moves, Story.moved_at_once),
        (half_written, Story.booked),
        (not_written, Story.booked),
        (hold_forgotten, Story.held),
        (never_lapses, Story.lapsed),
        (trusts_its_clock, Story.confirmed_by_a_slow_clock),
        (moves_nothing, Story.moved),
    ],
)
async def test_a_mistake_is_found(
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Callable[[pytest.MonkeyPatch], None],
    tell: Callable[[Story], Awaitable[None]],
) -> None:
    mistake(monkeypatch)
    await tell(story)
    assert isinstance(explain(WORLD, story.operations), Unexplained)
