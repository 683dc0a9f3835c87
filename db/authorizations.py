"""Accounts that are created or got with a new pair of tokens, in two trips: a look, and a write on the condition that it is so.

What changes an account that exists takes a transaction (`accounts.create_or_get`).
"""

import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from core.accounts import DEFAULT_ZONE, TOKEN_LIFETIME, Account, AccountKind, Profile, TokenPair, searchable
from core.features import named
from core.identity import digest
from core.instants import Instant
from core.scopes import union_scopes

from . import accounts
from .clients import Client
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite, Statements
from .drivers.dialects import Dialect
from .purge import KEEP_REFRESH_TOKENS
from .tokens import TRIM


class Found(NamedTuple):
    """A client, and the account of this kind and id, if it has one."""

    client: Client
    #: the features that it leaves out, as they are stored
    without: str
    account: Account | None


async def find(statements: Statements, client_id: str, kind: AccountKind, external_id: str) -> Found | None:
    """Returns the client with this id and its account of this kind and id; None without such a client. One statement."""
    for key, secret_digest, without, *account in await statements.fetch_many(_FIND, client_id, kind.value, external_id):
        client = Client(key, secret_digest, named(without))
        return Found(client, without, accounts.of_row(account) if account[0] is not None else None)
    return None


def is_changed(account: Account, scope: str, profile: Profile) -> bool:
    """Whether an authorization of this scope, with this profile, changes the account."""
    return (
        account.revoked
        or account.scope != union_scopes(account.scope, scope)
        or (profile.name or account.name, profile.email or account.email) != (account.name, account.email)
        or profile.tzid not in (DEFAULT_ZONE, account.tzid)
        or profile.capacity not in (None, account.capacity)
    )


async def issue(db: Database, found: Found, account: Account, scope: str, now: Instant) -> TokenPair | None:
    """Issues a new pair of tokens for an account that it does not change. Of its refresh tokens the last ones stay.

    Returns None, without a change, if the client or the account is another by now. One trip.
    """
    pair = _pair()
    values = [account.key, account.scope, *_of_client(found), *_of_tokens(pair, scope, now)]
    written = await db.driver.write(_issue(db.driver.dialect), values, writer=found.client.key)
    return pair if written is not None else None


async def create(
    db: Database, found: Found, kind: AccountKind, external_id: str, scope: str, profile: Profile, now: Instant
) -> tuple[Account, TokenPair] | None:
    """Creates an account with its primary calendar and a pair of tokens.

    Returns None, without a change, if the client is another by now, or there is such an account. One trip.
    """
    pair = _pair()
    row: dict[str, Any] = accounts.new_row(found.client.key, kind, external_id, now) | {
        "name": profile.name,
        "email": profile.email,
        "tzid": profile.tzid,
        "search_text": searchable(profile.name, external_id),
        "scope": scope,
        "capacity": profile.capacity or 1,
    }
    calendar = accounts.primary_calendar(row["profile_id"], external_id)
    own = [*_of_client(found), *_of_tokens(pair, scope, now)]
    written = await db.driver.write(_CREATE, [*row.values(), *calendar.values(), *own], writer=found.client.key)
    if written is None:
        return None
    return accounts.of_row([written[0] if name == "key" else row[name] for name in accounts.COLUMNS]), pair


def _pair() -> TokenPair:
    return TokenPair(secrets.token_urlsafe(32), secrets.token_urlsafe(32))


def _of_client(found: Found) -> list[Any]:
    return [found.client.key, found.client.secret_digest, found.without]


def _of_tokens(pair: TokenPair, scope: str, now: Instant) -> list[Any]:
    return [digest(pair.access_token), digest(pair.refresh_token), scope, now + TOKEN_LIFETIME, now]


_FIND = f"""
SELECT clients.key, clients.secret_digest, clients.without, {", ".join(f"accounts.{name}" for name in accounts.COLUMNS)}
FROM clients LEFT JOIN accounts ON accounts.client_key = clients.key AND kind = $2 AND external_id = $3
WHERE client_id = $1
"""


def _same_client(first: int) -> str:
    """The condition that the client is as it was found: its key, secret and features are parameters from `first` on."""
    same = f"key = ${first} AND secret_digest = ${first + 1} AND without = ${first + 2}"
    return f"EXISTS (SELECT 1 FROM clients WHERE {same})"


def _insert_token(kind: str, first: int, used_at: str) -> str:
    """SQL that inserts a token of the pair for the locked account. What it takes of the pair is parameters from `first` on."""
    access, refresh, scope, expires_at, now = (f"${number}" for number in range(first, first + 5))
    given, until = (access, expires_at) if kind == "access" else (refresh, "NULL")
    return f"""
INSERT INTO tokens (account_key, kind, digest, scope, expires_at, created_at, used_at)
SELECT key, '{kind}', {given}, {scope}, {until}, {now}, {used_at} FROM locked RETURNING account_key
"""


@cache
def _issue(dialect: Dialect) -> LockedWrite:
    same = f"key = $1 AND scope = $2 AND revoked_at IS NULL AND {_same_client(3)}"
    of_account = "account_key = $1 AND kind = 'refresh'"
    # Later than any other of the account: with instants alone, those used in one second would have no order.
    used_at = f"COALESCE((SELECT max(used_at) + 1 FROM tokens WHERE {of_account} AND used_at >= $10), $10)"
    oldest = f"""
SELECT key FROM tokens WHERE {of_account}
ORDER BY used_at DESC, key DESC LIMIT {TRIM} OFFSET {KEEP_REFRESH_TOKENS - 1}
"""
    return LockedWrite(
        lock=f"SELECT key FROM accounts WHERE {same} AND {LOCK_TIMEOUT} {dialect.row_lock}",
        locked_rows=f"SELECT key FROM accounts WHERE {same}",
        others=(
            f"DELETE FROM tokens WHERE key IN ({oldest}) AND EXISTS (SELECT 1 FROM locked)",
            _insert_token("access", 6, "$10"),
        ),
        write=_insert_token("refresh", 6, used_at),
    )


def _create() -> LockedWrite:
    row, calendar = accounts.NEW_COLUMNS, accounts.PRIMARY_CALENDAR_COLUMNS
    of_calendar = len(row) + 1
    of_client = of_calendar + len(calendar)
    of_tokens = of_client + 3

    def numbered(first: int, columns: Sequence[str]) -> str:
        return ", ".join(f"${number}" for number, _ in enumerate(columns, first))

    insert = f"""
INSERT INTO accounts ({", ".join(row)}) SELECT {numbered(1, row)} WHERE {_same_client(of_client)} AND {LOCK_TIMEOUT}
ON CONFLICT (client_key, kind, external_id) DO NOTHING RETURNING key
"""
    now = f"${of_tokens + 4}"
    return LockedWrite(
        lock=insert,
        locked_rows=f"SELECT key FROM accounts WHERE sub = ${[*row].index('sub') + 1}",
        others=(
            f"""
INSERT INTO calendars (account_key, {", ".join(f'"{name}"' for name in calendar)})
SELECT key, {numbered(of_calendar, calendar)} FROM locked
""",
            _insert_token("access", of_tokens, now),
        ),
        write=_insert_token("refresh", of_tokens, now),
    )


_CREATE = _create()
