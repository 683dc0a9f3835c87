"""A cache of values between requests, each under the version at which it was read.

There is no TTL: callers pass the current version, and get a value only if it has that version. So nothing
has to be invalidated; outdated values are no longer requested, and are evicted when space is needed.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeAlias

from core.lru import LRU

#: bytes of an entry in addition to its value
_OVERHEAD = 400

#: a key begins with the kind of its value
_Key: TypeAlias = tuple[str, Hashable]


class _Entry(NamedTuple):
    version: object
    value: Any
    size: int


def _always(_value: Any) -> bool:
    return True


def _ignore(_kind: str, _found: bool) -> None:
    pass


def _size(_key: _Key, entry: _Entry) -> int:
    return entry.size


class VersionedCache:
    """A cache of values by kind, key and version, bounded in bytes. Evicts the least recently used values.

    `on_lookup` is called at every lookup, with the kind and whether the value was found.
    """

    def __init__(self, size: int = 0, on_lookup: Callable[[str, bool], None] = _ignore) -> None:
        self.on_lookup = on_lookup
        self._entries = LRU[_Key, _Entry](most_size=size, size_of=_size)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Approximate size in bytes."""
        return self._entries.size

    def get(self, kind: str, key: Hashable, version: object, is_current: Callable[[Any], bool] = _always) -> Any:
        """Returns the value of the key if it has this version, and is current by the clock, else None."""
        entry = self._entries.get((kind, key))
        found = entry is not None and entry.version == version and is_current(entry.value)
        self.on_lookup(kind, found)
        return entry.value if entry is not None and found else None

    def peek(self, kind: str, key: Hashable) -> tuple[object, Any] | None:
        """Returns the version and the value of the key, whatever version that is; or None."""
        entry = self._entries.get((kind, key))
        return (entry.version, entry.value) if entry is not None else None

    def get_unchecked(self, kind: str, key: Hashable) -> Any:
        """Returns the value of the key in any version, or None."""
        entry = self._entries.get((kind, key))
        return entry.value if entry is not None else None

    def put(self, kind: str, key: Hashable, version: object, value: Any, size: int) -> None:
        """Stores a value of `size` bytes, replacing the key's old one."""
        self._entries.put((kind, key), _Entry(version, value, size + _OVERHEAD))
