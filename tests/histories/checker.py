"""Finds an order of whole transactions that explains a history, or shows that there is none.

A transaction takes place at one moment between its request and its answer. The search goes from the beginning: it places
one of the transactions that may be next, if the state that those before it have left gives the recorded answer, and goes
back when none does. A transaction that only reads is placed as soon as it fits: whatever order explains the rest
explains it with this one here. What was tried is known by the state and the transactions placed, so that nothing is tried
twice. (Wing and Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for linearizability", 2017.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from core.instants import Instant

from .requests import Answer, Request
from .state import State, World, number


@dataclass(frozen=True)
class Operation:
    """A request, its answer, and the times between which its transaction took place."""

    request: Request
    #: None if the connection broke before an answer, but the request took place, as was seen later
    answer: Answer | None
    asked: float
    answered: float = inf
    #: what the clock may have shown to the request: of machines whose clocks differ, or while it was moved
    clocks: tuple[Instant, ...] = (0,)

    @property
    def only_reads(self) -> bool:
        return self.answer is not None and self.request.only_reads(self.answer)


@dataclass(frozen=True)
class Unexplained:
    """A history that no order explains: how far any order came, and what could not be next."""

    explained: int
    #: each with the answers that it would have had, by what the clock may have shown
    stuck: Sequence[tuple[Operation, Sequence[Answer]]]

    def __str__(self) -> str:
        lines = [f"After {self.explained} operations none can be next:"]
        for operation, answers in self.stuck:
            lines.append(f"  {operation.request}")
            lines.append(f"    was answered  {operation.answer}")
            lines += [f"    instead of    {answer}" for answer in dict.fromkeys(answers)]
        return "\n".join(lines)


def explain(world: World, operations: Sequence[Operation]) -> list[Operation] | Unexplained:
    """Returns the operations in an order that explains them, or why there is none."""
    return _Search(world, operations).run()


class _Search:
    def __init__(self, world: World, operations: Sequence[Operation]) -> None:
        self.operations = sorted(operations, key=lambda operation: operation.asked)
        self.state = State(world)
        count = len(self.operations)
        # The operations that are not placed, in the order of their requests, as a list with links: the last is the head.
        self._next = [*range(1, count + 1), 0]
        self._previous = [count, *range(count)]
        #: each with the state before it
        self._placed: list[tuple[int, int, int]] = []
        self._signature = 0
        self._tried: set[int] = set()
        self._stuck: tuple[int, list[tuple[Operation, list[Answer]]]] = (-1, [])

    def run(self) -> list[Operation] | Unexplained:
        count = len(self.operations)
        #: of each decision: how many were placed before it, and what else could be placed instead
        decisions: list[tuple[int, Iterator[tuple[int, Instant]]]] = []
        while True:
            self._place_readers()
            if len(self._placed) == count:
                return [self.operations[index] for index, _, _ in self._placed]
            decisions.append((len(self._placed), self._choices()))
            while not self._place_one_of(decisions[-1][1]):
                decisions.pop()
                if not decisions:
                    explained, stuck = self._stuck
                    return Unexplained(explained, stuck)
                self._take_back(decisions[-1][0])

    def _candidates(self) -> Iterator[int]:
        """The operations that may be next: no other one was answered before they were asked for."""
        end, index, first_answer = len(self.operations), self._next[-1], inf
        while index != end and (operation := self.operations[index]).asked <= first_answer:
            first_answer = min(first_answer, operation.answered)
            yield index
            index = self._next[index]

    def _place_readers(self) -> None:
        """Places whatever only reads, and fits."""
        again = True
        while again:
            again = False
            for index in [*self._candidates()]:
                operation = self.operations[index]
                if operation.only_reads and any(self._fits(operation, now) for now in operation.clocks):
                    self._place(index, self.state.changes, self.state.fingerprint)
                    again = True

    def _fits(self, operation: Operation, now: Instant) -> bool:
        """Performs the operation. Returns whether it is answered as recorded; leaves the state as it was if it is not."""
        changes, fingerprint = self.state.changes, self.state.fingerprint
        answer = operation.request.perform(self.state, now)
        if operation.answer in (answer, None):
            return True
        self.state.undo(changes, fingerprint)
        return False

    def _choices(self) -> Iterator[tuple[int, Instant]]:
        """What may be next, first what was answered first."""
        writers = [index for index in self._candidates() if not self.operations[index].only_reads]
        by_answer = sorted(writers, key=lambda index: self.operations[index].answered)
        return ((index, now) for index in by_answer for now in self.operations[index].clocks)

    def _place_one_of(self, choices: Iterator[tuple[int, Instant]]) -> bool:
        """Places the first that fits and leads to what was not tried before. Returns whether there was one."""
        for index, now in choices:
            changes, fingerprint = self.state.changes, self.state.fingerprint
            if not self._fits(self.operations[index], now):
                continue
            reached = self.state.fingerprint ^ self._signature ^ number(("placed", index))
            if reached in self._tried:
                self.state.undo(changes, fingerprint)
                continue
            self._tried.add(reached)
            self._place(index, changes, fingerprint)
            return True
        self._note_stuck()
        return False

    def _place(self, index: int, changes: int, fingerprint: int) -> None:
        self._placed.append((index, changes, fingerprint))
        self._signature ^= number(("placed", index))
        before, after = self._previous[index], self._next[index]
        self._next[before], self._previous[after] = after, before

    def _take_back(self, count: int) -> None:
        """Takes back the operations placed last, until so many are left."""
        while len(self._placed) > count:
            index, changes, fingerprint = self._placed.pop()
            self._signature ^= number(("placed", index))
            self._next[self._previous[index]] = self._previous[self._next[index]] = index
            self.state.undo(changes, fingerprint)

    def _note_stuck(self) -> None:
        """Remembers the furthest that the search came."""
        if len(self._placed) <= self._stuck[0]:
            return
        stuck: list[tuple[Operation, list[Answer]]] = []
        for index in self._candidates():
            operation, answers = self.operations[index], list[Answer]()
            for now in operation.clocks:
                changes, fingerprint = self.state.changes, self.state.fingerprint
                answers.append(operation.request.perform(self.state, now))
                self.state.undo(changes, fingerprint)
            stuck.append((operation, answers))
        self._stuck = len(self._placed), stuck
