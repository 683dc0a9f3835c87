"""Lists for operators: all clients, accounts and booking links of a database, in the order in which they were made."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, cast

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.instants import format_instant

from . import tables

#: rows that are read at a time
_PAGE = 1000


async def list_clients(session: AsyncSession) -> AsyncIterator[dict[str, Any]]:
    """Yields each client with its number of accounts."""
    count = select(func.count(col(tables.Account.key))).where(col(tables.Account.client_key) == col(tables.Client.key))
    async for client, accounts in _pages(session, select(tables.Client, count.scalar_subquery()), tables.Client):
        yield {
            "client_id": client.client_id,
            "name": client.name,
            "accounts": accounts,
            "created": format_instant(client.created_at),
        }


async def list_accounts(session: AsyncSession, client_id: str | None) -> AsyncIterator[dict[str, Any]]:
    """Yields each account, or each of one client."""
    statement = select(tables.Account, col(tables.Client.client_id)).join(tables.Client)
    async for account, owner in _pages(session, _of_client(statement, client_id), tables.Account):
        yield {
            "sub": account.sub,
            "kind": account.kind,
            "id": account.external_id,
            "name": account.name,
            "client_id": owner,
            "created": format_instant(account.created_at),
            "revoked": format_instant(account.revoked_at) if account.revoked_at is not None else None,
        }


class FoundAccount(NamedTuple):
    """An account that an operator has named."""

    key: int
    client_key: int
    client_id: str
    sub: str
    kind: str
    tzid: str
    email: str | None
    #: its name, or else the application's own id
    title: str


async def find_accounts(session: AsyncSession, named: str, client_id: str | None) -> list[FoundAccount]:
    """Returns the account with this sub, or those with this id of an application's own; at most a few."""
    row = tables.Account
    is_named = or_(col(row.sub) == named, col(row.external_id) == named)
    statement = select(row, col(tables.Client.client_id)).join(tables.Client).where(is_named).order_by(col(row.key))
    if client_id is not None:
        statement = statement.where(col(tables.Client.client_id) == client_id)
    return [
        FoundAccount(
            each.key or 0,
            each.client_key,
            owner,
            each.sub,
            each.kind,
            each.tzid,
            each.email,
            each.name or each.external_id,
        )
        for each, owner in await session.exec(statement.limit(10))
    ]


async def list_links(session: AsyncSession, client_id: str | None) -> AsyncIterator[dict[str, Any]]:
    """Yields each booking link, or each of one client, without its URL, with which anyone could book."""
    statement = select(tables.RealTimeScheduling, col(tables.Client.client_id)).join(tables.Client)
    async for link, owner in _pages(session, _of_client(statement, client_id), tables.RealTimeScheduling):
        yield {
            "real_time_scheduling_id": link.scheduling_id,
            "status": link.status,
            "start": format_instant(link.starts_at) if link.starts_at is not None else None,
            "client_id": owner,
            "created": format_instant(link.created_at),
        }


def _of_client(statement: Any, client_id: str | None) -> Any:
    return statement if client_id is None else statement.where(col(tables.Client.client_id) == client_id)


async def _pages(session: AsyncSession, statement: Any, table: Any) -> AsyncIterator[Any]:
    """Yields the rows of a statement, whose first column is a row of the table, in the order of its keys."""
    after = 0
    while True:
        page = statement.where(table.key > after).order_by(table.key).limit(_PAGE)
        rows = cast("Sequence[Any]", (await session.exec(page)).all())
        if not rows:
            return
        for row in rows:
            yield row
        after = cast("int", rows[-1][0].key)
        session.expunge_all()
