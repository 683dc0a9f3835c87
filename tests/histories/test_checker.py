"""The checker finds an order exactly if there is one: compared with trying all orders of small histories."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .checker import Operation, Unexplained, explain
from .requests import Answer, Book, Cancel, Confirm, Delete, Move, ReadBooking, ReadEvents, ReadFree, Request, Write
from .state import State, World

WORLD = World({"ada": 1, "workshop": 2}, 0, starts=4)
EARLY, MIDDLE, LATE, _ = WORLD.all_starts
BOTH, EITHER = ((2, ("ada", "workshop")),), ((1, ("ada", "workshop")),)
#: a hold that somebody has made, and what can be asked beside it
HOLD = Book("held", BOTH, EARLY, "key", hold_for=2)
REQUESTS: list[Request] = [
    Book("one", BOTH, EARLY),
    Book("two", EITHER, MIDDLE),
    Book("three", BOTH, LATE),
    Confirm("held"),
    Move("held", LATE),
    Cancel("held"),
    Write("ada", "by hand", EARLY, LATE),
    Write("ada", "by hand", LATE, LATE + 600),
    Delete("ada", "by hand"),
    Delete("workshop", "held"),
    ReadEvents("ada"),
    ReadFree(("ada", "workshop")),
    ReadBooking("held"),
]


def answers(order: Sequence[tuple[Request, int]]) -> list[Answer]:
    """The answers to requests in this order, each by what a clock shows."""
    state = State(WORLD)
    return [request.perform(state, now) for request, now in order]


def is_explained(operations: Sequence[Operation]) -> bool:
    """Tries every order and every instant."""
    for order in permutations(operations):
        in_time = all(earlier.asked <= later.answered for place, later in enumerate(order) for earlier in order[:place])
        if in_time and any(
            answers([(each.request, now) for each, now in zip(order, instants, strict=True)])
            == [each.answer for each in order]
            for instants in product(*(each.clocks for each in order))
        ):
            return True
    return False


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Histories that overlap, whose answers are those of some order, or of another one."""
    chance = Random(draw(st.integers(0, 2**32)))
    requests = chance.sample(REQUESTS, draw(st.integers(2, 4)))
    clocks = [chance.choice([(0,), (1,), (3,), (0, 3)]) for _ in requests]
    in_order = [
        (HOLD, 0),
        *((request, chance.choice(theirs)) for request, theirs in zip(requests, clocks, strict=True)),
    ]
    given = answers(in_order)[1:]
    if draw(st.booleans()):  # at other times than they are recorded at
        chance.shuffle(clocks)
    times = [(place + chance.random() * 2, place + 2 + chance.random() * 2) for place in range(len(requests))]
    if draw(st.booleans()):
        chance.shuffle(times)
    first = Operation(HOLD, ("booked", EARLY, ("ada", "workshop"), 2), -2, -1)
    return [
        first,
        *(
            Operation(request, answer, asked, answered, theirs)
            for request, answer, (asked, answered), theirs in zip(requests, given, times, clocks, strict=True)
        ),
    ]


@settings(max_examples=max(60, settings().max_examples // 10))
@given(histories())
def test_an_order_is_found_exactly_if_there_is_one(operations: list[Operation]) -> None:
    found = explain(WORLD, operations)
    assert isinstance(found, list) == is_explained(operations)
    if isinstance(found, list):
        assert sorted(found, key=id) == sorted(operations, key=id)


def test_writes_of_the_same_are_not_taken_for_reads() -> None:
    """The third write changes nothing before the second, but has to come after it."""
    first, second = Write("ada", "e", EARLY, LATE), Write("ada", "e", MIDDLE, LATE)
    history = [
        Operation(first, ("written", "created"), 0, 1),
        Operation(second, ("written", "replaced"), 2, 5),
        Operation(first, ("written", "replaced"), 3, 6),
        Operation(ReadEvents("ada"), ("events", frozenset({("e", EARLY, LATE, False)})), 7, 8),
    ]
    assert isinstance(explain(WORLD, history), list)


@pytest.mark.parametrize(("took_place", "explained"), [(True, True), (False, False)])
def test_what_was_never_answered_explains_what_comes_later(took_place: bool, explained: bool) -> None:
    history = [
        *([Operation(Book("lost", BOTH, EARLY), None, 0, inf)] if took_place else []),
        Operation(Book("one", BOTH, EARLY), ("taken", (LATE,)), 1, 2),
    ]
    assert isinstance(explain(WORLD, history), list) == explained


def test_a_long_history_is_explained_and_one_wrong_answer_in_it_is_found() -> None:
    chance, state = Random(300), State(WORLD)
    history = [Operation(HOLD, HOLD.perform(state, 0), -9, -9)]
    for place in range(300):
        request = chance.choice(REQUESTS)
        if isinstance(request, Book):
            request = replace(request, event_id=f"booking {place}")
        answer = request.perform(state, place // 50)
        times = place - chance.random() * 4, place + chance.random() * 4
        history.append(Operation(request, answer, *times, (place // 50, 1 + place // 50)))
    assert isinstance(explain(WORLD, history), list)
    wrong = next(place for place in range(150, 300) if isinstance(history[place].request, ReadFree))
    history[wrong] = replace(history[wrong], answer=("free", ((EARLY, ("nobody",)),)))
    found = explain(WORLD, history)
    assert isinstance(found, Unexplained)
    assert "nobody" in str(found)
