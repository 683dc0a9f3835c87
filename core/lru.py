"""A map of bounded size, in which the least recently used entries make room for new ones."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _no_size(_key: object, _value: object) -> int:
    return 0


class LRU(Generic[K, V]):
    """Bounded in the number of entries, in their total size, or in both.

    `size_of` is asked again when an entry makes room, and must answer the same for as long as the entry is stored.
    """

    def __init__(self, *, most: float = inf, most_size: float = inf, size_of: Callable[[K, V], int] = _no_size) -> None:
        self._most = most
        self._most_size = most_size
        self._size_of = size_of
        self._entries: OrderedDict[K, V] = OrderedDict()
        #: of all entries together
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        """Whether there is such an entry. To ask is not to use it."""
        return key in self._entries

    def get(self, key: K) -> V | None:
        """The value of this key, if it is stored; it is now the most recently used."""
        if (value := self._entries.get(key)) is not None:
            self._entries.move_to_end(key)
        return value

    def get_or_put(self, key: K, make: Callable[[], V]) -> V:
        """The value of this key, made and stored first if it is missing."""
        if (value := self.get(key)) is None:
            self.put(key, value := make())
        return value

    def put(self, key: K, value: V) -> None:
        """Stores a value in place of the key's old one; a value larger than the bound only removes the old one."""
        if (old := self._entries.pop(key, None)) is not None:
            self.size -= self._size_of(key, old)
        size = self._size_of(key, value)
        if size > self._most_size:
            return
        self._entries[key] = value
        self.size += size
        while len(self._entries) > self._most or self.size > self._most_size:
            self.size -= self._size_of(*self._entries.popitem(last=False))
