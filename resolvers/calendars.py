"""The calendars of the account that the caller acts for."""

import secrets

from core.access import require_own
from core.accounts import MAX_CALENDARS, AccountKind, Calendar
from core.errors import Forbidden, Key, Path, Problems, Unprocessable
from core.identity import is_calendar_id
from core.limits import NAME_LENGTH
from core.rights import Right
from core.texts import check_id
from db import accounts, availability_rules, events
from db import calendars as db_calendars
from db.database import Session
from db.drivers.base import Snapshot
from db.drivers.keyed_locks import account_lock, calendar_lock
from db.retries import retry_transaction

from .accounts import erased
from .booking_changes import follow_events
from .context import Context


@retry_transaction
async def list_calendars(ctx: Context) -> list[Calendar]:
    """Returns the account's calendars, the primary one first."""
    actor = await ctx.actor()
    account = require_own(actor, Right.LIST_CALENDARS)
    return (await db_calendars.of_accounts(ctx.statements.for_client(actor.client_key), [account]))[account]


async def create(ctx: Context, name: str) -> Calendar:
    """Creates a calendar of a user or a resource.

    Raises Forbidden for an application calendar, which has exactly one, and Unprocessable, also for a name that
    another calendar of the account has.
    """
    return await _create(ctx, name, secrets.token_hex(5))


@retry_transaction
async def _create(ctx: Context, name: str, suffix: str) -> Calendar:
    """One attempt. By the suffix of the id it finds what an earlier one has committed although it appeared to fail."""
    problems = Problems()
    check_id(name, ("name",), problems, longest=NAME_LENGTH)
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    problems.raise_if_any()
    async with ctx.db.write(actor.client_key, [account_lock(account_key)]) as session:
        if not await accounts.lock_and_bump(session, account_key):
            raise erased()
        account = await accounts.get_by_key(session, account_key)
        assert account is not None  # it is locked
        if account.kind is AccountKind.APPLICATION_CALENDAR:
            words = "An application calendar has exactly one calendar. Users and resources can have several."
            raise Forbidden(words)
        calendar_id = f"cal_{account.profile_id.removeprefix('pro_')}_{suffix}"
        own = {calendar.calendar_id: calendar for calendar in await own_calendars(session, account_key)}
        if calendar_id not in own:
            if sum(not each.readonly for each in own.values()) >= MAX_CALENDARS:
                words = f"cannot be added: the account has {MAX_CALENDARS} calendars, and may have no more"
                raise Unprocessable.of(("name",), Key.TOO_MANY, words)
            if name in {calendar.name for calendar in own.values()}:
                raise Unprocessable.of(("name",), Key.DUPLICATE, "is the name of a calendar of this account already")
            await db_calendars.create(session, account_key, calendar_id, name)
        return next(each for each in await own_calendars(session, account_key) if each.calendar_id == calendar_id)


@retry_transaction
async def delete(ctx: Context, calendar_id: str) -> bool:
    """Deletes a calendar of the account with all of its events. Returns whether there was one.

    Raises Unprocessable for the primary calendar, for that of a source, and for one that an availability rule names.
    """
    actor = await ctx.actor()
    account_key = require_own(actor, Right.MANAGE_CALENDARS)
    if not is_calendar_id(calendar_id):
        return False
    locks = [account_lock(account_key), calendar_lock(account_key, calendar_id)]
    async with ctx.db.write(actor.client_key, locks) as session:
        if not await accounts.lock_and_bump(session, account_key):
            raise erased()
        own = {calendar.calendar_id: calendar for calendar in await own_calendars(session, account_key)}
        if calendar_id not in own:
            return False
        if own[calendar_id].primary:
            words = "is the primary calendar, which lives as long as its account"
            raise Unprocessable.of(("calendar_id",), Key.CONFLICT, words)
        if own[calendar_id].readonly:
            words = "has the events of a calendar elsewhere: deleteCalendarSource deletes it"
            raise Unprocessable.of(("calendar_id",), Key.CONFLICT, words)
        await db_calendars.lock_and_bump(session, account_key, calendar_id)
        await delete_locked(ctx, session, own[calendar_id], ("calendar_id",))
        return True


async def delete_locked(ctx: Context, session: Session, calendar: Calendar, path: Path) -> None:
    """Deletes a locked calendar with all of its events. Raises Unprocessable if an availability rule names it."""
    # Without its calendars a rule would apply to none, and the account would be free at its other events.
    account_key = calendar.account.key
    for rule in (await availability_rules.list_rules(session, [account_key])).get(account_key, []):
        if calendar.calendar_id in (rule.calendar_ids or ()):
            words = f"is named by the availability rule {rule.availability_rule_id!r}: change that first"
            raise Unprocessable.of(path, Key.CONFLICT, words)
    booking_ids = await events.of_bookings(session, [calendar.key], ctx.now)
    await db_calendars.delete(session, calendar.key)
    await follow_events(ctx, session, booking_ids)


async def own_calendars(session: Session, account_key: int) -> list[Calendar]:
    """Returns the calendars of an account, the primary one first."""
    return (await db_calendars.of_accounts(Snapshot(session), [account_key]))[account_key]
