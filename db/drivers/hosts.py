"""Connections to the PostgreSQL of a URL: to its host, or to the first of several that can be used."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from .liveness import Connection, Place, Watchdog

CONNECT_TIMEOUT = 5
"""Seconds to open a connection; asyncpg's default is a minute."""

HOST_TIMEOUT = 2
"""The same for each of several hosts. One that is dead and says nothing then delays no request by more."""

#: what is raised for a host that is away, starting up, or a standby where a primary is required
_AWAY = (OSError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)


class Hosts:
    """The hosts of a URL. The one that was connected to last is tried first.

    Connections that turn out to be dead are ended (`liveness`).
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Takes the arguments of `asyncpg.connect`. Of several hosts, one that can be written to is required by default."""
        hosts: object = options.get("host")
        self._options: dict[str, Any]
        if isinstance(hosts, list):
            self._options = {"target_session_attrs": "read-write", **options, "timeout": HOST_TIMEOUT}
            self._places: list[Place] = [*zip(options["host"], options["port"], strict=True)]
        else:
            self._options = {"timeout": CONNECT_TIMEOUT, **options}
            self._places = [None]
        self._watchdog = Watchdog(self._connect_to_probe, self._put_last)

    @property
    def prepares(self) -> bool:
        """Whether connections prepare statements under names, to use them again."""
        return self._options.get("statement_cache_size") != 0

    async def connect(self, **options: Any) -> asyncpg.Connection:
        """Opens a connection; `options` are further arguments of `asyncpg.connect`. Raises what the last host did."""
        *others, last = self._places
        for place in others:
            try:
                return await self._connect(place, options)
            except _AWAY:
                continue
        return await self._connect(last, options)

    async def close(self) -> None:
        """Looks for dead connections no more."""
        await self._watchdog.close()

    def doubt(self, connection: asyncpg.Connection) -> None:
        """Ends a connection to a server that only reads, and the idle ones to the same host: after a failover they lead to it as
        well."""
        connection.terminate()
        if isinstance(connection, Connection):
            self._watchdog.end_idle(connection.place)

    async def _connect(self, place: Place, options: Mapping[str, Any]) -> Connection:
        connection = await self._open(place, options)
        self._watchdog.add(connection)
        self._places.sort(key=lambda other: other != place)
        return connection

    async def _connect_to_probe(self, place: Place) -> Connection:
        return await self._open(place, {"target_session_attrs": "any"})

    async def _open(self, place: Place, options: Mapping[str, Any]) -> Connection:
        at: dict[str, Any] = {} if place is None else {"host": place[0], "port": place[1]}
        connection = await asyncpg.connect(**{**self._options, **options, **at}, connection_class=Connection)
        connection.place = place
        return connection

    def _put_last(self, place: Place) -> None:
        self._places.sort(key=lambda other: other == place)
