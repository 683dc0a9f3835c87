"""Rows that are known: of one state, and never too many."""

import random

import pytest

from db.drivers import row_cache
from db.drivers.row_cache import RowCache


def asked(number: int) -> row_cache.StatementKey:
    return "SELECT", (number,)


def test_what_was_read_in_another_state_is_not_found() -> None:
    known = RowCache()
    assert known.get(None, asked(1)) is None
    known.put("now", asked(1), [(1,)])
    known.put("now", asked(2), [])
    assert known.get("now", asked(1)) == [(1,)]
    assert known.get("now", asked(2)) == []
    assert known.get("later", asked(1)) is None
    known.put("later", asked(1), [(3,)])
    assert known.get("later", asked(1)) == [(3,)]
    assert known.get("later", asked(2)) is None
    known.clear()
    assert known.get("later", asked(1)) is None


def test_questions_without_an_answer_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries tokens gets no rows, and may try many."""
    monkeypatch.setattr(row_cache, "_CAPACITY", 10)
    known = RowCache()
    for number in range(100):
        known.put("now", asked(number), [])
        assert known.get("now", asked(number)) == []
        assert sum(asked(other) in known for other in range(100)) <= 10


def test_rows_are_counted_however_often_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cache, "_CAPACITY", 50)
    chance, known = random.Random(0), RowCache()
    for _ in range(2000):
        number = chance.randrange(8)
        known.put("now", asked(number), [(0,)] * chance.randrange(12))
        kept = [known.get("now", asked(other)) for other in range(8)]
        assert len(known) == sum(len(rows) + 1 for rows in kept if rows is not None) <= 50
