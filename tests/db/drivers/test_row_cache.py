"""Rows that are known: of one state, and never too many."""

import random

import pytest

from db.drivers import row_cache as known_rows
from db.drivers.row_cache import KnownRows


def asked(number: int) -> known_rows.Asked:
    return "SELECT", (number,)


def test_what_was_read_in_another_state_is_not_found() -> None:
    known = KnownRows()
    assert known.find(None, asked(1)) is None
    known.keep("now", asked(1), [(1,)])
    known.keep("now", asked(2), [])
    assert known.find("now", asked(1)) == [(1,)]
    assert known.find("now", asked(2)) == []
    assert known.find("later", asked(1)) is None
    known.keep("later", asked(1), [(3,)])
    assert known.find("later", asked(1)) == [(3,)]
    assert known.find("later", asked(2)) is None
    known.forget()
    assert known.find("later", asked(1)) is None


def test_questions_without_an_answer_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries tokens gets no rows, and may try many."""
    monkeypatch.setattr(known_rows, "_MOST_KNOWN", 10)
    known = KnownRows()
    for number in range(100):
        known.keep("now", asked(number), [])
        assert known.find("now", asked(number)) == []
        assert sum(asked(other) in known for other in range(100)) <= 10


def test_rows_are_counted_however_often_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "_MOST_KNOWN", 50)
    chance, known = random.Random(0), KnownRows()
    for _ in range(2000):
        number = chance.randrange(8)
        known.keep("now", asked(number), [(0,)] * chance.randrange(12))
        kept = [known.find("now", asked(other)) for other in range(8)]
        assert len(known) == sum(len(rows) + 1 for rows in kept if rows is not None) <= 50
