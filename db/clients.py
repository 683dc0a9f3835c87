"""Clients: the applications that hold an id and a secret."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.features import Feature, named
from core.identity import digest
from core.instants import Instant

from . import tables
from .drivers.dialects import insert
from .encryption import Encryption
from .notifications.subscribers import mark_all_changed


@dataclass(frozen=True, slots=True)
class Client:
    """An application. `without` is what its plan leaves out."""

    key: int
    secret_digest: bytes
    disabled_features: frozenset[Feature]


async def create(session: AsyncSession, keys: Encryption, name: str, now: Instant) -> tuple[str, str]:
    """A new client: its id and its secret, which is told only here."""
    client_id, secret = f"cli_{secrets.token_hex(12)}", secrets.token_urlsafe(32)
    values = {"client_id": client_id, "name": name, "created_at": now, **_secret_columns(keys, secret)}
    await session.exec(insert(session, tables.Client).values(values))
    return client_id, secret


async def ensure(
    session: AsyncSession, keys: Encryption, client_id: str, secret: str, now: Instant, *, name: str
) -> int:
    """The key of the client with this id, made if it is not there; from now on its secret is this one."""
    mark_all_changed(session)  # another secret ends what was asked with the old one
    kept = _secret_columns(keys, secret)
    values = {"client_id": client_id, "name": name, "without": "", "created_at": now, **kept}
    statement = insert(session, tables.Client).values(values)
    statement = statement.on_conflict_do_update(index_elements=["client_id"], set_=kept)
    return cast("Any", await session.exec(statement.returning(col(tables.Client.key)))).scalar_one()


async def can_sign(session: AsyncSession, key: int) -> bool:
    """Whether callbacks of this client can be signed: it has a secret that was sealed."""
    sealed = (await session.exec(select(tables.Client.sealed_secret).where(col(tables.Client.key) == key))).one()
    return sealed is not None


async def disabled_features(session: AsyncSession, key: int) -> frozenset[Feature]:
    """What the plan of this client leaves out."""
    return named((await session.exec(select(tables.Client.without).where(col(tables.Client.key) == key))).one())


async def renew_secret(session: AsyncSession, keys: Encryption, client_id: str) -> str | None:
    """The client's secret from now on, which is told only here; the one that it had is worth nothing any more.

    None when there is no such client.
    """
    mark_all_changed(session)
    secret = secrets.token_urlsafe(32)
    renewed = (
        update(tables.Client).where(col(tables.Client.client_id) == client_id).values(**_secret_columns(keys, secret))
    )
    return secret if (await session.exec(renewed)).rowcount == 1 else None


async def find(session: AsyncSession, client_id: str) -> Client | None:
    """The client with this id."""
    statement = select(tables.Client).where(col(tables.Client.client_id) == client_id)
    row = (await session.exec(statement)).one_or_none()
    return Client(row.key or 0, row.secret_digest, named(row.without)) if row is not None else None


async def disable_features(session: AsyncSession, client_id: str, features: Collection[Feature]) -> bool:
    """From now on the client's plan leaves out these features and no others; whether there is such a client."""
    mark_all_changed(session)
    without = " ".join(sorted(feature.value for feature in features))
    statement = update(tables.Client).where(col(tables.Client.client_id) == client_id).values(without=without)
    return (await session.exec(statement)).rowcount == 1


def _secret_columns(keys: Encryption, secret: str) -> dict[str, bytes]:
    """What is kept of a secret: by which it is found, and what callbacks are signed with."""
    return {"secret_digest": digest(secret), "sealed_secret": keys.seal(secret)}
