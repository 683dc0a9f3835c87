"""What a process remembers between requests, each value under the version that it was read at.

A value is never trusted for some time: a reader names the version that is right now, and gets a value of that version or
none. So nothing has to be removed in time; a value that is out of date is no longer asked for, and makes room when room is
needed.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeAlias

from core.lru import LRU

#: bytes that an entry takes beside its value
_OVERHEAD = 400

#: a key begins with the kind of its value
_Key: TypeAlias = tuple[str, Hashable]


class _Entry(NamedTuple):
    version: object
    value: Any
    size: int


def _ignore(_kind: str, _found: bool) -> None:
    pass


def _size(_key: _Key, entry: _Entry) -> int:
    return entry.size


class VersionedCache:
    """A cache of values by kind, key and version, bounded in bytes: the least recently used values make room.

    `on_lookup` is called at every look-up, with the kind and whether the value was there.
    """

    def __init__(self, size: int = 0, on_lookup: Callable[[str, bool], None] = _ignore) -> None:
        self.on_lookup = on_lookup
        self._entries = LRU[_Key, _Entry](most_size=size, size_of=_size)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return self._entries.size

    def get(self, kind: str, key: Hashable, version: object) -> Any:
        """The value of the key, if it is of this version; else None."""
        entry = self._entries.get((kind, key))
        found = entry is not None and entry.version == version
        self.on_lookup(kind, found)
        return entry.value if entry is not None and found else None

    def get_unchecked(self, kind: str, key: Hashable) -> Any:
        """The value of the key, of any version; else None."""
        entry = self._entries.get((kind, key))
        return entry.value if entry is not None else None

    def put(self, kind: str, key: Hashable, version: object, value: Any, size: int) -> None:
        """Stores a value of so many bytes in place of the key's old one."""
        self._entries.put((kind, key), _Entry(version, value, size + _OVERHEAD))
