"""The cache of rows: valid for one state of the database, and bounded."""

import random

import pytest

from db.drivers import row_cache
from db.drivers.row_cache import RowCache


def key(number: int) -> row_cache.StatementKey:
    return "SELECT", (number,)


def test_rows_of_another_state_are_not_found() -> None:
    cache = RowCache()
    assert cache.get(None, key(1)) is None
    cache.put("now", key(1), [(1,)])
    cache.put("now", key(2), [])
    assert cache.get("now", key(1)) == [(1,)]
    assert cache.get("now", key(2)) == []
    assert cache.get("later", key(1)) is None
    cache.put("later", key(1), [(3,)])
    assert cache.get("later", key(1)) == [(3,)]
    assert cache.get("later", key(2)) is None
    cache.clear()
    assert cache.get("later", key(1)) is None


def test_statements_without_rows_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing tokens gives no rows, for any number of statements."""
    monkeypatch.setattr(row_cache, "_CAPACITY", 10)
    cache = RowCache()
    for number in range(100):
        cache.put("now", key(number), [])
        assert cache.get("now", key(number)) == []
        assert sum(key(other) in cache for other in range(100)) <= 10


def test_the_number_of_rows_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cache, "_CAPACITY", 50)
    chance, cache = random.Random(0), RowCache()
    for _ in range(2000):
        number = chance.randrange(8)
        cache.put("now", key(number), [(0,)] * chance.randrange(12))
        found = [cache.get("now", key(other)) for other in range(8)]
        assert len(cache) == sum(len(rows) + 1 for rows in found if rows is not None) <= 50
