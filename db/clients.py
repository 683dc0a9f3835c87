"""Clients: applications with an id and a secret."""

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.features import Feature, named
from core.identity import digest
from core.instants import Instant

from . import tables
from .drivers.base import Statements
from .drivers.dialects import insert
from .encryption import Encryption, WrongKeyError
from .notifications.subscribers import mark_all_changed

_SECRET = "SELECT key, secret_digest FROM clients WHERE client_id = $1"


@dataclass(frozen=True, slots=True)
class Client:
    """An application. `disabled_features` are not part of its plan."""

    key: int
    secret_digest: bytes
    disabled_features: frozenset[Feature]


async def create(session: AsyncSession, encryption: Encryption, name: str, now: Instant) -> tuple[str, str]:
    """Creates a client. Returns its id and its secret; the secret is returned only once."""
    client_id, secret = f"cli_{secrets.token_hex(12)}", secrets.token_urlsafe(32)
    values = {"client_id": client_id, "name": name, "created_at": now, **_secret_columns(encryption, secret)}
    await session.exec(insert(session, tables.Client).values(values))
    return client_id, secret


async def ensure(
    session: AsyncSession, encryption: Encryption, client_id: str, secret: str, now: Instant, *, name: str
) -> int:
    """Creates the client with this id, or replaces its secret. Returns its key."""
    mark_all_changed(session)  # a new secret ends subscriptions that use the old one
    columns = _secret_columns(encryption, secret)
    values = {"client_id": client_id, "name": name, "without": "", "created_at": now, **columns}
    statement = insert(session, tables.Client).values(values)
    statement = statement.on_conflict_do_update(index_elements=["client_id"], set_=columns)
    return cast("Any", await session.exec(statement.returning(col(tables.Client.key)))).scalar_one()


async def count(session: AsyncSession) -> int:
    """Returns the number of clients."""
    return (await session.exec(select(func.count(col(tables.Client.key))))).one()


async def secret(session: AsyncSession, encryption: Encryption, client_id: str) -> str | None:
    """Returns the client's secret in clear text. None if there is no such client, or its secret cannot be decrypted."""
    column = select(tables.Client.sealed_secret).where(col(tables.Client.client_id) == client_id)
    sealed = (await session.exec(column)).one_or_none()
    with suppress(WrongKeyError):
        return encryption.open(sealed) if sealed is not None else None


async def can_sign(session: AsyncSession, key: int) -> bool:
    """Whether callbacks of this client can be signed: its secret is stored encrypted."""
    sealed = (await session.exec(select(tables.Client.sealed_secret).where(col(tables.Client.key) == key))).one()
    return sealed is not None


async def disabled_features(session: AsyncSession, key: int) -> frozenset[Feature]:
    """Returns the features that are not part of this client's plan."""
    return named((await session.exec(select(tables.Client.without).where(col(tables.Client.key) == key))).one())


async def renew_secret(session: AsyncSession, encryption: Encryption, client_id: str) -> str | None:
    """Replaces the client's secret and returns the new one, only once. Returns None if there is no such client."""
    mark_all_changed(session)
    secret = secrets.token_urlsafe(32)
    renewed = (
        update(tables.Client)
        .where(col(tables.Client.client_id) == client_id)
        .values(**_secret_columns(encryption, secret))
    )
    return secret if (await session.exec(renewed)).rowcount == 1 else None


async def find(session: AsyncSession, client_id: str) -> Client | None:
    """Returns the client with this id, or None."""
    statement = select(tables.Client).where(col(tables.Client.client_id) == client_id)
    row = (await session.exec(statement)).one_or_none()
    return Client(row.key or 0, row.secret_digest, named(row.without)) if row is not None else None


async def find_secret(statements: Statements, client_id: str) -> tuple[int, bytes] | None:
    """Returns the key of the client with this id and the digest of its secret, or None. One statement, without a session."""
    for key, secret_digest in await statements.fetch(_SECRET, client_id):
        return key, secret_digest
    return None


async def disable_features(session: AsyncSession, client_id: str, features: Collection[Feature]) -> bool:
    """Sets the features that the client's plan leaves out. Returns whether there is such a client."""
    mark_all_changed(session)
    without = " ".join(sorted(feature.value for feature in features))
    statement = update(tables.Client).where(col(tables.Client.client_id) == client_id).values(without=without)
    return (await session.exec(statement)).rowcount == 1


def _secret_columns(encryption: Encryption, secret: str) -> dict[str, bytes]:
    """Columns for a secret: its digest for lookup, and its encrypted form for signing callbacks."""
    return {"secret_digest": digest(secret), "sealed_secret": encryption.seal(secret)}
