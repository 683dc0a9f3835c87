"""Work that processes claim: chosen client by client, so that nobody's work waits for all of somebody else's.

A row is due at an instant, and claimed until another one. It belongs to a client and leads to a host.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache

from sqlmodel.ext.asyncio.session import AsyncSession

from core.instants import Instant

from .drivers.base import Snapshot
from .drivers.dialects import POSTGRESQL, Dialect

#: how long a transaction that claims may be idle: meanwhile it holds the lock of claims
_LONGEST_CLAIM = "10s"


@dataclass(frozen=True, slots=True)
class ClaimQueue:
    """A table of work, whose name is also that of a lock."""

    #: with the columns `key`, `client_key`, `host` and `due_at`, and an index on (`client_key`, `due_at`)
    table: str
    #: the condition for rows that are claimed, unless they are due again
    claimed: str
    #: of a client's rows
    order: str
    #: how many are claimed at a time, by all workers together: of one client, and to one host
    of_client: int
    of_host: int

    async def choose(self, session: AsyncSession, now: Instant, most: int, turns: Mapping[int, int]) -> list[int]:
        """Returns the keys of up to `most` due rows to claim, in the transaction that claims them.

        `turns` has the number of each client's last turn; those without one, and with a lower one, come first.
        """
        snapshot = Snapshot(session)
        if snapshot.dialect is POSTGRESQL:
            await self._wait_for_other_claims(snapshot)
        in_flight = await snapshot.fetch(
            f"SELECT client_key, host FROM {self.table} WHERE {self.claimed} AND due_at > $1", now
        )
        clients, hosts = Counter(client for client, _ in in_flight), Counter(host for _, host in in_flight)
        waiting = await snapshot.fetch(_waiting(self, snapshot.dialect), now, self._full(snapshot.dialect, hosts))
        chosen: list[int] = []
        for _, client in sorted((turns.get(client, -1), client) for (client,) in waiting):
            room = min(self.of_client - clients[client], most - len(chosen))
            if room > 0:
                values = client, now, self._full(snapshot.dialect, hosts), room
                for key, host in await snapshot.fetch(_of_client(self, snapshot.dialect), *values):
                    if hosts[host] < self.of_host:
                        hosts[host] += 1
                        chosen.append(key)
        return chosen

    async def _wait_for_other_claims(self, snapshot: Snapshot) -> None:
        """Lets one worker claim at a time, so that none exceeds the limits together with another: for milliseconds.

        A worker that is stopped in between would stop all of them, so the server ends its transaction.
        """
        await snapshot.fetch("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", _LONGEST_CLAIM)
        await snapshot.fetch("SELECT name FROM locks WHERE name = $1 FOR UPDATE", self.table)

    def _full(self, dialect: Dialect, hosts: Mapping[str, int]) -> Hashable:
        """The hosts that get no more at present, as a parameter."""
        return dialect.array_param([host for host, count in hosts.items() if count >= self.of_host])


@cache
def _waiting(queue: ClaimQueue, dialect: Dialect) -> str:
    # Steps from client to client by the index, however many rows each of them has.
    table, not_full = queue.table, f"NOT host {dialect.in_array(2, 'text')}"
    return f"""
WITH RECURSIVE clients(key) AS (
    SELECT min(client_key) FROM {table}
    UNION ALL
    SELECT (SELECT min(client_key) FROM {table} WHERE client_key > clients.key) FROM clients WHERE key IS NOT NULL
)
SELECT key FROM clients WHERE key IS NOT NULL AND EXISTS (
    SELECT 1 FROM {table} WHERE client_key = clients.key AND due_at <= $1 AND {not_full}
)
"""


@cache
def _of_client(queue: ClaimQueue, dialect: Dialect) -> str:
    # The + leaves the order to an index by it, instead of sorting all that are due.
    return f"""
SELECT key, host FROM {queue.table}
WHERE client_key = $1 AND +due_at <= $2 AND NOT host {dialect.in_array(3, "text")} ORDER BY {queue.order} LIMIT $4
"""
