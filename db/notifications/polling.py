"""Looks once a second at what subscribers watch, where the database cannot notify: PostgreSQL's distributed relatives.

One statement for all subscribers of a process. A write of the process itself wakes its own subscribers at once.
"""

import asyncio
import logging

import asyncpg

from core.errors import TimedOut

from ..drivers.base import Statements
from .subscribers import Subscribers, Watched

log = logging.getLogger("openings")

INTERVAL = 1.0
"""Seconds from the end of one look to the start of the next."""

# Everything that `mark_changed` and `mark_all_changed` are called for changes one of these rows: an account's version or
# one of its calendars', its grants, the token or secret of a subscriber, or what is left out of its client's plan.
_STATES = """
SELECT accounts.key, NULL, concat_ws(' ', accounts.version, accounts.revoked_at, accounts.scope, (
    SELECT string_agg(concat_ws(' ', calendars.key, calendars.version), ' ' ORDER BY calendars.key)
    FROM calendars WHERE calendars.account_key = accounts.key
))
FROM accounts WHERE accounts.key = ANY($1::bigint[])
UNION ALL
SELECT NULL, secret_digest, without FROM clients WHERE secret_digest = ANY($2::bytea[])
UNION ALL
SELECT NULL, tokens.digest, clients.without
FROM tokens JOIN accounts ON accounts.key = tokens.account_key JOIN clients ON clients.key = accounts.client_key
WHERE tokens.digest = ANY($2::bytea[])
UNION ALL
SELECT NULL, element_tokens.digest, clients.without
FROM element_tokens JOIN clients ON clients.key = element_tokens.client_key
WHERE element_tokens.digest = ANY($2::bytea[])
"""


async def poll_versions(statements: Statements, subscribers: Subscribers) -> None:
    """Wakes the subscribers of what has changed since the last look, until cancelled.

    A subscriber is woken by the first look after it came as well: something may have changed between its own and that.
    """
    seen: dict[Watched, str | None] = {}
    while True:
        watched = subscribers.watched
        try:
            found = await _states(statements, watched)
        except (
            *(OSError, TimedOut),
            *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
        ) as error:
            log.warning("cannot receive changes by other processes, will retry: %s", type(error).__name__)
        else:
            states = {one: found.get(one) for one in watched}
            subscribers.wake({one for one, state in states.items() if one not in seen or seen[one] != state})
            seen = states
        await asyncio.sleep(INTERVAL)


async def _states(statements: Statements, watched: list[Watched]) -> dict[Watched, str]:
    """Returns the states of what there is of these accounts and tokens. One statement."""
    accounts = [one for one in watched if isinstance(one, int)]
    tokens = [one for one in watched if isinstance(one, bytes)]
    rows = await statements.fetch_many(_STATES, accounts, tokens)
    return {account if account is not None else token: state for account, token, state in rows}
