"""Calendar sources of the account that the caller acts for: calendars elsewhere that its busy time is read from."""

import secrets
from dataclasses import replace
from typing import TypeAlias

from core.access import Actor, may, require_own
from core.accounts import Account, Calendar
from core.calendar_sources import MAX_SOURCES, MAX_SYNCS, CalendarSource, SourceDraft
from core.errors import Key, NotFound, Problem, Problems, RateLimited, Unprocessable
from core.instants import MINUTE
from core.limits import NAME_LENGTH
from core.rights import Right
from core.texts import is_storable
from db import accounts, calendar_sources
from db import calendars as db_calendars
from db.calendar_sources import SourceRow
from db.database import Session
from db.drivers.keyed_locks import account_lock
from db.encryption import WrongKeyError
from db.retries import retry_transaction

from .accounts import erased
from .calendars import delete_locked, own_calendars
from .context import Context

_Calendars: TypeAlias = list[Calendar]


@retry_transaction
async def upsert(ctx: Context, draft: SourceDraft) -> CalendarSource:
    """Creates a source with a read-only calendar, or changes the one with its id. It is fetched soon afterwards.

    With another URL it is as never fetched: what was busy until now stays so until the first good fetch. Raises
    Unprocessable, also for a name that another calendar of the account has, and for too many sources.
    """
    problems = Problems()
    draft.check(problems, private=ctx.private_sources)
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    problems.raise_if_any()
    async with ctx.db.write(actor.client_key, [account_lock(account_key)]) as session:
        if not await accounts.lock_and_bump(session, account_key):
            raise erased()
        account = await accounts.get_by_key(session, account_key)
        assert account is not None  # it is locked
        row = await calendar_sources.find(session, account_key, draft.source_id)
        if row is None:
            await _create(ctx, session, account, draft)
        else:
            await _change(ctx, session, account, row, draft)
        return _seen_by(actor, await _get(session, account_key, draft.source_id))


async def _create(ctx: Context, session: Session, account: Account, draft: SourceDraft) -> None:
    if len(await calendar_sources.list_sources(session, account.key)) >= MAX_SOURCES:
        words = f"cannot be added: the account has {MAX_SOURCES} calendar sources, and may have no more"
        raise Unprocessable.of(("source_id",), Key.TOO_MANY, words)
    own = await own_calendars(session, account.key)
    name = draft.name or _free_name(own, draft.source_id)
    _check_name(own, name, None)
    calendar_id = f"cal_{account.profile_id.removeprefix('pro_')}_{secrets.token_hex(5)}"
    sealed_url = ctx.db.encryption.seal(draft.fetched_url)
    await calendar_sources.create(session, account, draft, calendar_id, name, sealed_url, ctx.now)


async def _change(ctx: Context, session: Session, account: Account, row: SourceRow, draft: SourceDraft) -> None:
    own = await own_calendars(session, account.key)
    calendar = next(each for each in own if each.key == row.calendar_key)
    name = draft.name or calendar.name
    _check_name(own, name, calendar)
    is_other = not _is_url(ctx, row.sealed_url, draft.fetched_url)
    said = (name, draft.all_day.value, draft.partial.value)
    if not is_other and said == (calendar.name, row.all_day, row.partial):
        return
    await db_calendars.lock_for_update(session, [calendar.key])
    await db_calendars.bump_versions(session, [calendar.key])
    sealed_url = ctx.db.encryption.seal(draft.fetched_url) if is_other else None
    await calendar_sources.change(session, row, draft, name, sealed_url, ctx.now)


def _is_url(ctx: Context, sealed_url: bytes, url: str) -> bool:
    """Whether this is the URL of a source; not, if nobody can read that any more."""
    try:
        return ctx.db.encryption.open(sealed_url) == url
    except WrongKeyError:
        return False


def _free_name(own: _Calendars, name: str) -> str:
    """Returns a name that no calendar of the account has, such as `work`, or `work 2`."""
    taken = {each.name for each in own}
    names = (name, *(f"{name[: NAME_LENGTH - 4]} {number}" for number in range(2, len(own) + 3)))
    return next(each for each in names if each not in taken)


def _check_name(own: _Calendars, name: str, calendar: Calendar | None) -> None:
    if any(each.name == name and each != calendar for each in own):
        words = "is the name of a calendar of this account already: give another one"
        raise Unprocessable.of(("name",), Key.DUPLICATE, words)


async def sync(ctx: Context, source_id: str) -> CalendarSource:
    """Fetches a source now, due or not, and returns it afterwards. A fetch that fails is no error.

    Raises NotFound, and RateLimited for more than MAX_SYNCS a minute of the account.
    """
    key = await _count(ctx, source_id)
    await ctx.fetch_sources([key])
    return await _read(ctx, source_id)


@retry_transaction
async def _count(ctx: Context, source_id: str) -> int:
    """Counts a request to fetch a source. Returns the source's key."""
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    async with ctx.db.write(actor.client_key, [account_lock(account_key)]) as session:
        if not await accounts.lock(session, account_key):
            raise erased()  # or revoked
        row = await calendar_sources.find(session, account_key, source_id) if is_storable(source_id) else None
        if row is None or row.key is None:
            raise _unknown()
        if await calendar_sources.count_request(session, account_key, row.key, ctx.now) >= MAX_SYNCS:
            wait = MINUTE - ctx.now % MINUTE
            words = f"The sources of an account can be fetched at once {MAX_SYNCS} times a minute: retry in {wait} s."
            raise RateLimited(words, details={"limit": f"{MAX_SYNCS}/min", "retryAfter": wait})
        return row.key


@retry_transaction
async def _read(ctx: Context, source_id: str) -> CalendarSource:
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    async with ctx.db.read(actor.client_key) as session:
        return _seen_by(actor, await _get(session, account_key, source_id))


async def _get(session: Session, account_key: int, source_id: str) -> CalendarSource:
    """Returns a source. Raises NotFound."""
    for source in await calendar_sources.list_sources(session, account_key):
        if source.source_id == source_id:
            return source
    raise _unknown()


@retry_transaction
async def list_sources(ctx: Context) -> list[CalendarSource]:
    """Returns the sources of the account, oldest first."""
    actor = await ctx.actor()
    account_key = require_own(actor, Right.LIST_CALENDARS)
    async with ctx.db.read(actor.client_key) as session:
        return [_seen_by(actor, source) for source in await calendar_sources.list_sources(session, account_key)]


def _seen_by(actor: Actor, source: CalendarSource) -> CalendarSource:
    """Returns a source as the caller sees it: what is wrong with it may quote an event."""
    if source.problem is None or may(actor, Right.READ_EVENTS, source.calendar.account):
        return source
    return replace(source, problem="Only a caller that may read events is told.")


@retry_transaction
async def delete(ctx: Context, source_id: str) -> bool:
    """Deletes a source with its calendar and all events of that. Returns whether there was one.

    Raises Unprocessable for a calendar that an availability rule names.
    """
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    if not is_storable(source_id):
        return False
    async with ctx.db.write(actor.client_key, [account_lock(account_key)]) as session:
        if not await accounts.lock_and_bump(session, account_key):
            raise erased()
        row = await calendar_sources.find(session, account_key, source_id)
        if row is None:
            return False
        [calendar] = [each for each in await own_calendars(session, account_key) if each.key == row.calendar_key]
        await db_calendars.lock_for_update(session, [calendar.key])
        await db_calendars.bump_versions(session, [calendar.key])
        await delete_locked(ctx, session, calendar, ("source_id",))
        return True


def _unknown() -> NotFound:
    return NotFound(problems=[Problem(("source_id",), Key.UNKNOWN, "is not a calendar source of this account")])
