"""Who asks, and how those stand who are asked about: token, rights and versions, in one statement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from core.access import Actor
from core.features import named
from core.instants import Instant
from core.scopes import Scope, granted

from .drivers.base import Row, Statements
from .drivers.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a query needs it."""

    key: int
    #: of its rules and stored periods
    version: int
    #: what it has granted to its client
    granted: frozenset[Scope]
    #: from the id that a caller knows to the key that events hang on, the primary one first
    calendars: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class AccessSnapshot:
    """The actor, and by their subs those of the accounts asked about that are its client's and not revoked."""

    actor: Actor
    accounts: dict[str, Account]
    #: by the key of a calendar, of its events
    versions: dict[int, int]
    #: all that it was told by; equal when everything stands as it stood
    rows: Sequence[Row]


#: by the digest of a bearer token, be it an account's or the application's own
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
def _statement(spelling: Dialect) -> str:
    # The + keeps a database from going through all accounts of the client, which SQLite does, to find ten by their subs.
    return f"""
WITH caller AS (
    {_CALLER_SQL}
    UNION ALL
    SELECT key, without, CAST(NULL AS BIGINT), '', CAST(NULL AS BIGINT) FROM clients WHERE key = $2
)
SELECT caller.client_key, caller.without, caller.account_key, caller.scope, caller.expires_at,
       accounts.sub, accounts.key, accounts.version, accounts.scope,
       calendars.calendar_id, calendars.key, calendars.version
FROM caller
LEFT JOIN accounts
    ON accounts.sub {spelling.in_array(3, "text")}
    AND +accounts.client_key = caller.client_key AND accounts.revoked_at IS NULL
LEFT JOIN calendars ON calendars.account_key = accounts.key
ORDER BY accounts.key, calendars."primary" DESC, calendars.key
"""


#: how many columns of a row are about the caller
_CALLER = 5


class PendingCaller:
    """Somebody who asks for something to be written, and may still have to be looked up: in the transaction that writes it."""

    def __init__(self, caller: Actor | bytes, now: Instant, admit: Callable[[Actor], int]) -> None:
        """`admit` gives the key of the actor's account, or raises for who may not: here, for who is known already."""
        self._now, self._admit = now, admit
        #: the account's key, as soon as it is known
        self.account_key = admit(caller) if isinstance(caller, Actor) else None
        #: what says who it is, and its values
        self.statement: tuple[str, Row] = _CALLER_SQL, (caller,)

    def found(self, rows: Sequence[Row]) -> int:
        """The account's key, by what that statement gave. Raises what `admit` raises."""
        self.account_key = self._admit(_actor(rows, self._now))
        return self.account_key


async def load_caller(reader: Statements, caller: Actor | bytes, now: Instant) -> Actor:
    """The actor alone, known already or by the digest of a bearer token."""
    return caller if isinstance(caller, Actor) else _actor(await reader.fetch(_CALLER_SQL, caller), now)


async def load_rows(
    reader: Statements, caller: Actor | bytes, subs: Sequence[str], now: Instant
) -> tuple[Actor, Sequence[Row]]:
    """The actor, and the rows of the standing: for whoever only wants to know whether it is the same (`equal`)."""
    known = caller if isinstance(caller, Actor) else None
    rows = await reader.fetch(
        _statement(reader.dialect),
        b"" if isinstance(caller, Actor) else caller,
        known.client_key if known is not None else None,
        reader.dialect.array_param(subs),
    )
    return known or _actor(rows, now), rows


def same_state(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Whether both say the same about the accounts, whoever it was that asked: most often the same caller."""
    return rows == others or _about(rows) == _about(others)


def _about(rows: Sequence[Row]) -> list[Row]:
    return [row[_CALLER:] for row in rows]


async def load(reader: Statements, caller: Actor | bytes, subs: Sequence[str], now: Instant) -> AccessSnapshot:
    """How things stand for a caller, known already or by the digest of a bearer token."""
    actor, rows = await load_rows(reader, caller, subs, now)
    accounts: dict[str, Account] = {}
    versions: dict[int, int] = {}
    for sub, key, version, scope, calendar_id, calendar_key, calendar_version in _about(rows):
        if calendar_key is not None:
            account = accounts.get(sub)
            if account is None:
                account = accounts[sub] = Account(key, version, granted(scope))
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
