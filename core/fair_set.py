"""A set of bounded size that evicts the oldest members of the owners that have most."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FairSet(Generic[K]):
    """A set whose members have owners, bounded by their number.

    A new member is always accepted. Beyond the bound, a tenth of the members is evicted at once, so that counting them
    costs little: the oldest ones of the owners that have more than their max-min fair share. An owner with few members
    loses none because another has many.
    """

    def __init__(self, most: int, evict: Callable[[K], object]) -> None:
        """`evict` is called with each evicted member, which is no longer in the set then."""
        self.most = most
        self._evict = evict
        self._owners: dict[K, Hashable] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, member: K, owner: Hashable) -> None:
        """Adds a member, as the youngest one if it is new."""
        self._owners[member] = owner
        if len(self._owners) > self.most:
            self._make_room()

    def discard(self, member: K) -> None:
        """Removes a member, if it is in the set."""
        self._owners.pop(member, None)

    def _make_room(self) -> None:
        target = self.most - self.most // 10
        counts = Counter(self._owners.values())
        share, excess = fair_share(target, counts.values()), len(self._owners) - target
        evicted: list[K] = []
        for member, owner in self._owners.items():
            if counts[owner] > share:
                counts[owner] -= 1
                evicted.append(member)
                if len(evicted) == excess:
                    break
        for member in evicted:
            del self._owners[member]
        for member in evicted:
            self._evict(member)


def fair_share(total: int, wanted: Iterable[int]) -> int:
    """The max-min fair share of a total: whoever wants less gets all of it, and the others get this much each."""
    sizes = sorted(wanted)
    for position, size in enumerate(sizes):
        share = total // (len(sizes) - position)
        if size > share:
            return share
        total -= size
    return max(sizes, default=0)
