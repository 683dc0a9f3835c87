"""Which key the secrets of a database are encrypted with.

The database stores a fingerprint of the key. A database from before that has none: its key is one that can decrypt
a client's secret.
"""

from enum import Enum, auto

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from . import tables
from .drivers.dialects import insert
from .encryption import Encryption, WrongKeyError

#: the primary key of the only row
_ROW = 1


class KeyState(Enum):
    """What a database says of a key."""

    RIGHT = auto()
    WRONG = auto()
    #: the database has no encrypted secret, so any key can be used
    UNUSED = auto()


async def has_key(session: AsyncSession) -> bool:
    """Whether a key has been used on this database."""
    return await _fingerprint(session) is not None or bool(await _sealed_secrets(session))


async def check_key(session: AsyncSession, encryption: Encryption) -> KeyState:
    """Compares a key with the one of the database."""
    fingerprint = await _fingerprint(session)
    if fingerprint is not None:
        return KeyState.RIGHT if fingerprint == encryption.fingerprint else KeyState.WRONG
    sealed = await _sealed_secrets(session)
    if not sealed:
        return KeyState.UNUSED
    return KeyState.RIGHT if any(_opens(encryption, secret) for secret in sealed.values()) else KeyState.WRONG


async def record_key(session: AsyncSession, encryption: Encryption) -> None:
    """Stores the fingerprint of a key, unless another process has stored one."""
    values = {"key": _ROW, "key_fingerprint": encryption.fingerprint}
    await session.exec(insert(session, tables.Installation).values(values).on_conflict_do_nothing())


async def replace_key(session: AsyncSession, encryption: Encryption) -> list[str]:
    """Makes this the key of the database, and deletes encrypted secrets that it cannot decrypt.

    Returns the ids of their clients, whose callbacks cannot be signed until they get new secrets.
    """
    values = {"key": _ROW, "key_fingerprint": encryption.fingerprint}
    statement = insert(session, tables.Installation).values(values)
    await session.exec(statement.on_conflict_do_update(index_elements=["key"], set_=values))
    lost = [id for id, secret in (await _sealed_secrets(session)).items() if not _opens(encryption, secret)]
    for client_id in lost:
        forget = update(tables.Client).where(col(tables.Client.client_id) == client_id).values(sealed_secret=None)
        await session.exec(forget)
    return lost


async def _fingerprint(session: AsyncSession) -> bytes | None:
    return (await session.exec(select(tables.Installation.key_fingerprint))).one_or_none()


async def _sealed_secrets(session: AsyncSession) -> dict[str, bytes]:
    """The encrypted secret of each client that has one."""
    columns = select(tables.Client.client_id, tables.Client.sealed_secret).order_by(col(tables.Client.key))
    return {id: sealed for id, sealed in await session.exec(columns) if sealed is not None}


def _opens(encryption: Encryption, sealed: bytes) -> bool:
    try:
        encryption.open(sealed)
    except WrongKeyError:
        return False
    return True
