"""The caller, and the rights and data versions of the accounts in question, in one statement."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from core.access import Actor, queryable
from core.accounts import DEFAULT_ZONE
from core.element_tokens import NOT_VALID_HERE, ElementTokenDigest
from core.features import named
from core.instants import Instant
from core.scopes import Scope, granted

from .drivers.base import Row, Statements
from .drivers.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Account:
    """The data of an account that an availability query needs."""

    key: int
    #: version of its rules and stored periods
    version: int
    #: the scopes that it has granted to its client
    granted: frozenset[Scope]
    #: from public calendar id to the key that events refer to; the primary calendar first
    calendars: dict[str, int] = field(default_factory=dict[str, int])
    #: the number of simultaneous events at which it is busy
    capacity: int = 1
    tzid: str = DEFAULT_ZONE


@dataclass(frozen=True, slots=True)
class AccessSnapshot:
    """The actor, and those of the requested accounts that it may query and that are not revoked, by sub."""

    actor: Actor
    accounts: dict[str, Account]
    #: version of a calendar's events, by calendar key
    versions: dict[int, int]
    #: the raw rows: equal rows mean nothing has changed
    rows: Sequence[Row]


#: looks up the digest of a bearer token: an account's access token or the application's own secret
_CALLER_SQL = """
SELECT clients.key AS client_key, clients.without, accounts.key AS account_key, tokens.scope, tokens.expires_at
FROM tokens
JOIN accounts ON accounts.key = tokens.account_key
JOIN clients ON clients.key = accounts.client_key
WHERE tokens.digest = $1 AND tokens.kind = 'access'
UNION ALL
SELECT key, without, CAST(NULL AS BIGINT), '', CAST(NULL AS BIGINT) FROM clients WHERE secret_digest = $1
"""


@cache
def _statement(dialect: Dialect) -> str:
    # The + keeps SQLite from scanning all accounts of the client to find ten by their subs.
    return f"""
WITH caller AS (
    {_CALLER_SQL}
    UNION ALL
    SELECT key, without, CAST(NULL AS BIGINT), '', CAST(NULL AS BIGINT) FROM clients WHERE key = $2
)
SELECT caller.client_key, caller.without, caller.account_key, caller.scope, caller.expires_at,
       accounts.sub, accounts.key, accounts.version, accounts.scope, accounts.capacity, accounts.tzid,
       calendars.calendar_id, calendars.key, calendars.version
FROM caller
LEFT JOIN accounts
    ON accounts.sub {dialect.in_array(3, "text")}
    AND +accounts.client_key = caller.client_key AND accounts.revoked_at IS NULL
LEFT JOIN calendars ON calendars.account_key = accounts.key
ORDER BY accounts.key, calendars."primary" DESC, calendars.key
"""


COLUMNS, VALUES = 14, 3
"""The number of columns of a row, the last two of which are the key and the version of a calendar; and of values."""

Fetch: TypeAlias = Callable[..., Awaitable[list[Row]]]
"""Takes a statement and its values, and returns its rows."""

#: the number of leading columns of a row that describe the caller
_CALLER = 5

#: looks up the digest of an element token: a row for each of its accounts. Apart from the statement above, so that it
#: takes no time of other callers, which are nearly all
_ELEMENT_SQL = """
SELECT clients.key, clients.without, element_tokens.permissions, element_tokens.expires_at,
       element_token_accounts.position, accounts.key, accounts.sub
FROM element_tokens
JOIN clients ON clients.key = element_tokens.client_key
JOIN element_token_accounts ON element_token_accounts.element_token_key = element_tokens.key
JOIN accounts ON accounts.key = element_token_accounts.account_key
WHERE element_tokens.digest = $1
ORDER BY element_token_accounts.position
"""


class PendingCaller:
    """A caller whose token is checked inside the write transaction, unless the actor is known already."""

    def __init__(self, caller: Actor | bytes, now: Instant, admit: Callable[[Actor], int]) -> None:
        """`admit` returns the actor's account key, or raises if it may not write. A known actor is checked here."""
        self._now, self._admit = now, admit
        #: the account's key; None until the caller is looked up
        self.account_key = admit(caller) if isinstance(caller, Actor) else None
        self._read = _element if isinstance(caller, ElementTokenDigest) else _actor
        #: the key of the account's client; None until the caller is looked up
        self.client_key = caller.client_key if isinstance(caller, Actor) else None
        #: the statement that looks up the caller, and its values
        self.statement: tuple[str, Row] = _lookup(caller), (caller,)

    def found(self, rows: Sequence[Row]) -> int:
        """Returns the account's key from the rows of that statement. Raises what `admit` raises."""
        actor = self._read(rows, self._now)
        self.account_key, self.client_key = self._admit(actor), actor.client_key
        return self.account_key

    def found_client(self, rows: Sequence[Row]) -> int | None:
        """The same for the client's key; the caller still counts as not looked up."""
        actor = self._read(rows, self._now)
        self._admit(actor)
        return actor.client_key


async def load_caller(statements: Statements, caller: Actor | bytes, now: Instant) -> Actor:
    """Returns only the actor, by the digest of a bearer token unless it is known already."""
    if isinstance(caller, Actor):
        return caller
    rows = await statements.fetch(_lookup(caller), caller)
    return _element(rows, now) if isinstance(caller, ElementTokenDigest) else _actor(rows, now)


async def load_rows(
    statements: Statements, caller: Actor | bytes, subs: Sequence[str], now: Instant, fetch: Fetch | None = None
) -> tuple[Actor, Sequence[Row]]:
    """Returns the actor and the raw rows, for callers that only compare them (`same_state`).

    One statement, or two for an element token, whose accounts must be known first. `fetch` sends the one that reads
    the rows, if it is not to be sent alone.
    """
    fetch = fetch or statements.fetch
    statement, array_param = _statement(statements.dialect), statements.dialect.array_param
    if isinstance(caller, ElementTokenDigest):
        caller = await load_caller(statements, caller, now)
    if isinstance(caller, Actor):
        return caller, await fetch(statement, b"", caller.client_key, array_param(queryable(caller, subs)))
    rows = await fetch(statement, caller, None, array_param(subs))
    return _actor(rows, now), rows


def same_state(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Whether both describe the same state of the accounts; the callers may differ, but rarely do."""
    return rows == others or _accounts(rows) == _accounts(others)


def _accounts(rows: Sequence[Row]) -> list[Row]:
    return [row[_CALLER:] for row in rows]


async def load(
    statements: Statements, caller: Actor | bytes, subs: Sequence[str], now: Instant, fetch: Fetch | None = None
) -> AccessSnapshot:
    """Loads the access snapshot for a caller: an actor, or the digest of a bearer token. `fetch` as for `load_rows`."""
    actor, rows = await load_rows(statements, caller, subs, now, fetch)
    accounts: dict[str, Account] = {}
    versions: dict[int, int] = {}
    for sub, key, version, scope, capacity, tzid, calendar_id, calendar_key, calendar_version in _accounts(rows):
        if calendar_key is not None:
            account = accounts.get(sub)
            if account is None:
                account = accounts[sub] = Account(key, version, granted(scope), capacity=capacity, tzid=tzid)
            account.calendars[calendar_id] = calendar_key
            versions[calendar_key] = calendar_version
    return AccessSnapshot(actor, accounts, versions, rows)


def _actor(rows: Sequence[Row], now: Instant) -> Actor:
    if not rows:
        return Actor(rejection="This bearer token is unknown: it was mistyped, or revoked.", token_is_unknown=True)
    client_key, without, account_key, scope, expires_at = rows[0][:_CALLER]
    if expires_at is not None and expires_at <= now:
        return Actor(rejection="This access token has expired: get a new one with refreshToken.")
    return Actor(client_key, account_key, scope, named(without), expires_at=expires_at)


def _lookup(caller: Actor | bytes) -> str:
    return _ELEMENT_SQL if isinstance(caller, ElementTokenDigest) else _CALLER_SQL


def _element(rows: Sequence[Row], now: Instant) -> Actor:
    if not rows:
        return Actor(rejection=NOT_VALID_HERE, token_is_unknown=True)
    client_key, without, permissions, expires_at = rows[0][:4]
    if expires_at <= now:
        return Actor(rejection=NOT_VALID_HERE)
    first = next((key for position, key, _ in (row[4:] for row in rows) if position == 0), None)
    subs = {sub: key for *_, key, sub in rows}
    return Actor(client_key, first, permissions, named(without), expires_at=expires_at, subs=subs)
