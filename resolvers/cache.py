"""What a process remembers between requests, each thing under the version that it was read at.

Nothing here is believed for a while: whoever wants something says which version stands now, and gets it only when it is
of that version. So nothing has to be forgotten in time; what is out of date is merely not asked for any more, and makes
room when room is needed.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

#: bytes that keeping something costs beside the thing itself
_OVERHEAD = 400


class _Kept(NamedTuple):
    version: object
    value: Any
    size: int


def _unnoted(_kind: str, _found: bool) -> None:
    pass


class Memory:
    """Bounded in bytes; what was not asked for for the longest time makes room. A key begins with the kind of thing it is.

    `note` is told of every question whether the answer was there.
    """

    def __init__(self, size: int = 0, note: Callable[[str, bool], None] = _unnoted) -> None:
        self._most = size
        self.note = note
        self._kept: OrderedDict[tuple[str, Hashable], _Kept] = OrderedDict()
        #: bytes, about
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, kind: str, key: Hashable, version: object) -> Any:
        """What is kept under the key, if it is of this version; else None."""
        kept = self._kept.get((kind, key))
        found = kept is not None and kept.version == version
        self.note(kind, found)
        if kept is None or not found:
            return None
        self._kept.move_to_end((kind, key))
        return kept.value

    def last(self, kind: str, key: Hashable) -> Any:
        """What is kept under the key, whatever has become of it since."""
        kept = self._kept.get((kind, key))
        if kept is None:
            return None
        self._kept.move_to_end((kind, key))
        return kept.value

    def put(self, kind: str, key: Hashable, version: object, value: Any, size: int) -> None:
        """Keeps a value of so many bytes, in place of what was there."""
        self._drop((kind, key))
        if size + _OVERHEAD > self._most:
            return
        self._kept[kind, key] = _Kept(version, value, size + _OVERHEAD)
        self.size += size + _OVERHEAD
        while self.size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, Hashable]) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self.size -= kept.size
