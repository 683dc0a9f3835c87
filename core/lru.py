"""A map of bounded size that evicts the least recently used entries."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _no_size(_key: object, _value: object) -> int:
    return 0


class LRU(Generic[K, V]):
    """A map bounded by the number of its entries, by their total size, or by both.

    `size_of` is called again when an entry is evicted, and must return the same for as long as the entry is
    stored.
    """

    def __init__(self, *, most: float = inf, most_size: float = inf, size_of: Callable[[K, V], int] = _no_size) -> None:
        self._most = most
        self._most_size = most_size
        self._size_of = size_of
        self._entries: OrderedDict[K, V] = OrderedDict()
        #: total size of all entries
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        """Whether the key is stored. Does not count as a use."""
        return key in self._entries

    def get(self, key: K) -> V | None:
        """Returns the value of the key, or None. The entry becomes the most recently used."""
        if (value := self._entries.get(key)) is not None:
            self._entries.move_to_end(key)
        return value

    def get_or_put(self, key: K, make: Callable[[], V]) -> V:
        """Returns the value of the key, which is made and stored first if it is missing."""
        if (value := self.get(key)) is None:
            self.put(key, value := make())
        return value

    def put(self, key: K, value: V) -> None:
        """Stores a value, replacing the key's old one. A value larger than the bound only removes the old one."""
        if (old := self._entries.pop(key, None)) is not None:
            self.size -= self._size_of(key, old)
        size = self._size_of(key, value)
        if size > self._most_size:
            return
        self._entries[key] = value
        self.size += size
        while len(self._entries) > self._most or self.size > self._most_size:
            self.size -= self._size_of(*self._entries.popitem(last=False))
