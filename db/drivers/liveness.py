"""Finds connections to PostgreSQL that are dead although nobody has said so, and ends them.

A host that loses power, or a firewall that forgets a connection, says nothing: a statement on it would wait until the
deadline of its request, and so would the next one on the next connection of the pool. But silence alone proves nothing. A
statement may wait for a lock, or take minutes. So there is no time after which a statement has failed. There are two ways to
find out whether an answer can still come, and either of them ends the connection; its statement then fails as if the
connection had been reset.

**The kernel** knows whether the host at the other end acknowledges what is sent to it, however long its PostgreSQL takes.
`TCP_USER_TIMEOUT` ends a connection whose data is not acknowledged. Keepalive sends something where there is nothing to
send, so it finds dead connections that are idle, of the pool and of the listener, before a request meets them. Neither
costs a statement anything. They know nothing of a proxy or a load balancer that acknowledges and has nothing behind it, nor
of a PostgreSQL that is frozen on a host that is not.

**A probe** knows that. When an answer has been due for `SILENCE` seconds, a new connection to the same host asks
`pg_stat_activity` what the server does for the old one:

- It does not connect: the host cannot be reached. All connections to it are ended, and it becomes the last of several hosts.
- The statement is running, or waits for a lock or for a standby: nothing is done, and it is asked again later.
- The server waits for a statement, or has no such connection: what was sent to it, or its answer, is lost. The connection
  is ended at both ends, so that a transaction that it had begun holds no locks any more; so are those at our end that are
  idle, because they may be as dead.
- Nobody knows: a pooler stands between, whose process ids are not the server's, or which has no connection to it to spare;
  the new connection has reached another server; or there are too many connections. Nothing is done.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Set
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakSet

import asyncpg

log = logging.getLogger("openings")

SILENCE = 3.0
"""Seconds for which an answer is due before the server is probed."""

PROBE_TIMEOUT = 2.0
"""Seconds that a probe may take to connect, and to be answered."""

Place: TypeAlias = tuple[str, int] | None
"""One of several hosts, with its port; None if there is only one."""

#: seconds between two looks at all connections
_INTERVAL = 0.5
#: by how many seconds the ages of a connection may differ at its two ends
_SAME_AGE = 5.0

#: Names of the kernel's settings of a connection, and their values, as far as a system has them. Linux ends it after five seconds
#: without an acknowledgement; others after three unanswered keepalives.
_KEEPALIVE = {"TCP_KEEPIDLE": 3, "TCP_KEEPALIVE": 3, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 5000}

#: What the server does for its connections, the probe's own among them. An answer may be on its way for a second. It also waits
#: for us where a statement is prepared and not executed yet, which counts as active.
_ACTIVITY = """
SELECT pid, (state LIKE 'idle%' OR wait_event = 'ClientRead')
       AND clock_timestamp() - state_change > interval '1 second' AS is_idle,
       extract(epoch FROM clock_timestamp() - backend_start) AS age, pg_is_in_recovery() AS is_standby
FROM pg_stat_activity WHERE pid = ANY ($1)
"""


class Connection(asyncpg.Connection):
    """A connection that knows since when an answer is due."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *more: Any) -> None:
        super().__init__(protocol, transport, *more)
        self._sending = transport
        self.place: Place = None
        self.peer: object = transport.get_extra_info("peername")
        self.opened_at = monotonic()
        #: None if no answer is due
        self.due_since: float | None = None
        #: when a probe has last not found it lost
        self.checked_at = self.opened_at
        _set_keepalive(transport.get_extra_info("socket"))

    @property
    def has_sent(self) -> bool:
        """Whether the system has taken over all that was sent."""
        return not self._sending.get_write_buffer_size()

    # What the driver, the listener, and the transactions of SQLAlchemy call. Its statements are noted by `engines`.

    async def fetch(self, *args: Any, **options: Any) -> list[Any]:
        self.due_since = monotonic()
        try:
            return await super().fetch(*args, **options)
        finally:
            self.due_since = None

    async def set_type_codec(self, *args: Any, **options: Any) -> None:  # SQLAlchemy's first call of each connection
        self.due_since = monotonic()
        try:
            await super().set_type_codec(*args, **options)
        finally:
            self.due_since = None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        of_a_statement = self.due_since is not None  # which begins a transaction before it is sent itself
        self.due_since = monotonic()
        try:
            return await super().execute(query, *args, timeout=timeout)
        finally:
            self.due_since = monotonic() if of_a_statement else None


def _set_keepalive(connected: Any) -> None:
    if connected.family == getattr(socket, "AF_UNIX", None):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Watchdog:
    """Looks at all open connections twice a second, and probes the servers of those for which an answer is overdue."""

    def __init__(self, connect: Callable[[Place], Awaitable[Connection]], unreachable: Callable[[Place], None]) -> None:
        """`connect` opens a connection to a host, for a probe; `unreachable` is called with one that cannot be reached."""
        self._connect = connect
        self._unreachable = unreachable
        self._connections: WeakSet[Connection] = WeakSet()
        self._timer: asyncio.TimerHandle | None = None
        self._probes: dict[Place, asyncio.Task[None]] = {}

    def add(self, connection: Connection) -> None:
        """Watches a connection for as long as it is open."""
        self._connections.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._look)

    def end_idle(self, place: Place) -> None:
        """Ends the connections to a host that are not in use. One that was lost, or leads to a standby, casts doubt on them."""
        _terminate([each for each in self._open(place) if each.due_since is None and not each.is_in_transaction()])

    async def close(self) -> None:
        """Ends running probes, and looks no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connections.clear()
        for probe in self._probes.values():
            probe.cancel()
        if self._probes:
            await asyncio.wait(self._probes.values())

    def _open(self, place: Place) -> list[Connection]:
        return [each for each in self._connections if each.place == place and not each.is_closed()]

    def _look(self) -> None:
        self._timer = None
        for closed in [each for each in self._connections if each.is_closed()]:
            self._connections.discard(closed)
        for place in {each.place for each in self._connections if _is_overdue(each)} - self._probes.keys():
            self._probes[place] = asyncio.create_task(self._check(place))
            self._probes[place].add_done_callback(lambda _, place=place: self._probes.pop(place))
        if self._connections:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._look)

    async def _check(self, place: Place) -> None:
        """Probes a host, and ends the connections to it that are found dead."""
        due = {each: each.due_since for each in self._open(place) if each.due_since is not None}
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                probe = await self._connect(place)
        except (OSError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError):
            self._unreachable(place)
            # Also those of a transaction that waits for nothing now: its next statement would.
            self._end(place, [each for each in self._open(place) if each.due_since == due.get(each)])
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
        ):  # it is there: there are too many connections, for example
            _put_off(due.keys())
        else:
            await self._ask(probe, due)

    async def _ask(self, probe: Connection, due: Mapping[Connection, float | None]) -> None:
        """Asks the server about the connections on which an answer is due."""
        # Cancelled instead, the probe would wait for the server to cancel its statement.
        timer = asyncio.get_running_loop().call_later(PROBE_TIMEOUT, probe.terminate)
        try:
            lost = await _lost(probe, due.keys())
            dead = [each for each in lost if each.due_since == due[each]]
            self._end(probe.place, dead)
            await _end_backends(probe, [lost[each] for each in dead])
        except (OSError, asyncpg.InternalClientError, asyncpg.PostgresError, asyncpg.InterfaceError):
            _put_off(due.keys())
        finally:
            timer.cancel()
            probe.terminate()

    def _end(self, place: Place, dead: Collection[Connection]) -> None:
        """Ends dead connections, and what is idle beside them."""
        if dead:
            log.warning("the database does not answer: ended %d connections", len(dead))
            _terminate(dead)
            self.end_idle(place)


def _is_overdue(connection: Connection) -> bool:
    due_since = connection.due_since
    return due_since is not None and monotonic() - max(due_since, connection.checked_at) > SILENCE


def _put_off(due: Collection[Connection]) -> None:
    """Has the next probe wait as long as the first, because nothing is known of these connections, or all is well."""
    for connection in due:
        connection.checked_at = monotonic()


async def _lost(probe: Connection, due: Set[Connection]) -> Mapping[Connection, int | None]:
    """Returns the connections that no answer will come on, each with the id of the process that has to be ended at the server."""
    own = probe.get_server_pid()
    rows = await probe.fetch(_ACTIVITY, [own, *(each.get_server_pid() for each in due)])
    activity = {row["pid"]: row for row in rows}
    lost: dict[Connection, int | None] = {}
    for connection in due:
        pid = connection.get_server_pid()
        found = activity.get(pid)
        if own not in activity or probe.peer != connection.peer or not connection.has_sent:
            continue  # nobody knows
        if found is None and not activity[own]["is_standby"]:
            lost[connection] = None
        elif found is not None and found["is_idle"]:
            age = monotonic() - connection.opened_at
            lost[connection] = pid if abs(age - float(found["age"])) < _SAME_AGE else None
    _put_off(due - lost.keys())
    return lost


async def _end_backends(probe: Connection, pids: Collection[int | None]) -> None:
    """Ends processes of the server, so that no transaction of a dead connection holds locks until the server has noticed."""
    if known := [pid for pid in pids if pid is not None]:
        await probe.fetch("SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid", known)


def _terminate(connections: Collection[Connection]) -> None:
    for connection in connections:
        connection.terminate()
