"""Connections to the PostgreSQL of a URL: to its host, or to the first of several that can be used."""

from collections.abc import Mapping
from typing import Any

import asyncpg

CONNECT_TIMEOUT = 5
"""Seconds to open a connection; asyncpg's default is a minute."""

HOST_TIMEOUT = 2
"""The same for each of several hosts. One that is dead and says nothing then delays no request by more."""

#: what is raised for a host that is away, starting up, or a standby where a primary is required
_AWAY = (OSError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)


class Hosts:
    """The hosts of a URL. The one that was connected to last is tried first."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Takes the arguments of `asyncpg.connect`. Of several hosts, one that can be written to is required by default."""
        hosts: object = options.get("host")
        self._options: dict[str, Any]
        if isinstance(hosts, list):
            self._options = {"target_session_attrs": "read-write", **options, "timeout": HOST_TIMEOUT}
            places = zip(options["host"], options["port"], strict=True)
            self._places: list[dict[str, Any]] = [{"host": host, "port": port} for host, port in places]
        else:
            self._options = {"timeout": CONNECT_TIMEOUT, **options}
            self._places = [{}]

    async def connect(self, **options: Any) -> asyncpg.Connection:
        """Opens a connection; `options` are further arguments of `asyncpg.connect`. Raises what the last host did."""
        *others, last = self._places
        for place in others:
            try:
                return await self._connect(place, options)
            except _AWAY:
                continue
        return await self._connect(last, options)

    async def _connect(self, place: dict[str, Any], options: Mapping[str, Any]) -> asyncpg.Connection:
        connection = await asyncpg.connect(**{**self._options, **options, **place})
        self._places = [place, *(other for other in self._places if other is not place)]
        return connection
