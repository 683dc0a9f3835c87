"""The bounded map, compared with a slow and simple model: a list of entries, the most recently used last."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lru import LRU


@dataclass
class Model:
    """The map according to its description. A value is its own size."""

    most: float
    most_size: float
    entries: list[tuple[str, int]] = field(default_factory=list)

    def get(self, key: str) -> int | None:
        found = [entry for entry in self.entries if entry[0] == key]
        self.entries = [entry for entry in self.entries if entry[0] != key] + found
        return found[0][1] if found else None

    def put(self, key: str, value: int) -> None:
        self.entries = [entry for entry in self.entries if entry[0] != key]
        if value > self.most_size:
            return
        self.entries.append((key, value))
        while len(self.entries) > self.most or sum(size for _, size in self.entries) > self.most_size:
            del self.entries[0]


KEYS = st.sampled_from("abcdef")
BOUNDS = st.one_of(st.integers(0, 12), st.just(float("inf")))
#: a key with the value to put under it, or with None to get it
STEPS = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 8))), max_size=40)


@given(BOUNDS, BOUNDS, STEPS)
def test_the_map_behaves_like_the_model(most: float, most_size: float, steps: list[tuple[str, int | None]]) -> None:
    """After every step both have the same entries, within the bounds."""
    lru = LRU[str, int](most=most, most_size=most_size, size_of=lambda _key, value: value)
    model = Model(most, most_size)
    for key, value in steps:
        if value is None:
            assert lru.get(key) == model.get(key)
        else:
            lru.put(key, value)
            model.put(key, value)
        assert {key for key in "abcdef" if key in lru} == {key for key, _ in model.entries}
        assert (len(lru), lru.size) == (len(model.entries), sum(size for _, size in model.entries))
        assert len(lru) <= most
        assert lru.size <= most_size


@given(BOUNDS, st.lists(KEYS, max_size=40))
def test_a_missing_value_is_created_once(most: float, keys: list[str]) -> None:
    """Like a get, then a put on a miss; a value that does not fit is returned all the same."""
    lru, model = LRU[str, int](most=most), Model(most, float("inf"))
    for number, key in enumerate(keys):
        expected = model.get(key)
        if expected is None:
            model.put(key, expected := number)
        assert lru.get_or_put(key, lambda number=number: number) == expected
        assert len(lru) == len(model.entries)


@pytest.mark.parametrize(("use", "left"), [("get", ["a", "c"]), ("put", ["a", "c"]), ("in", ["b", "c"])])
def test_the_least_recently_used_entry_is_evicted(use: str, left: list[str]) -> None:
    """Not the oldest one. Testing whether a key is present does not count as use."""
    lru = LRU[str, int](most=2)
    lru.put("a", 1)
    lru.put("b", 2)
    match use:
        case "get":
            lru.get("a")
        case "put":
            lru.put("a", 3)
        case _:
            assert "a" in lru
    lru.put("c", 4)
    assert [key for key in "abc" if key in lru] == left


def test_an_entry_larger_than_the_bound_evicts_no_other() -> None:
    """It only removes the old value of its own key, which is out of date."""
    lru = LRU[str, str](most_size=5, size_of=lambda key, value: len(key) + len(value))
    for key, value in {"a": "x", "b": "xx"}.items():
        lru.put(key, value)
    lru.put("b", "xxxxx")
    assert (lru.get("a"), lru.get("b"), lru.size) == ("x", None, 2)
