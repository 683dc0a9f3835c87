"""Clients: the applications that hold an id and a secret."""

import secrets

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.identity import digest
from core.instants import Instant

from .tables import Client


async def create(session: AsyncSession, name: str, now: Instant) -> tuple[str, str]:
    """A new client: its id and its secret, which is told only here."""
    client_id, secret = f"cli_{secrets.token_hex(12)}", secrets.token_urlsafe(32)
    session.add(Client(client_id=client_id, name=name, secret_digest=digest(secret), created_at=now))
    return client_id, secret


async def ensure(session: AsyncSession, client_id: str, secret: str, now: Instant, *, name: str) -> int:
    """The key of the client with this id, made if it is not there; from now on its secret is this one."""
    client = (await session.exec(select(Client).where(col(Client.client_id) == client_id))).one_or_none()
    if client is None:
        client = Client(client_id=client_id, name=name, secret_digest=b"", created_at=now)
        session.add(client)
    client.secret_digest = digest(secret)
    await session.flush()
    return client.key or 0


async def find(session: AsyncSession, client_id: str) -> tuple[int, bytes] | None:
    """The key of the client with this id and the digest of its secret."""
    statement = select(col(Client.key), col(Client.secret_digest)).where(col(Client.client_id) == client_id)
    row = (await session.exec(statement)).one_or_none()
    return (row[0] or 0, row[1]) if row is not None else None
