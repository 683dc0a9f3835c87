"""Availability rules of the account that the caller acts for: the weekly hours in which it can be booked."""

from core.access import require_managed_availability
from core.availability_rules import AvailabilityRule
from core.errors import Key, NotFound, Problem, Problems
from core.texts import is_storable
from db import accounts, availability_rules, calendars
from db.drivers.keyed_locks import account_lock
from db.retries import retry_transaction

from .accounts import erased
from .context import Context


@retry_transaction
async def upsert(ctx: Context, rule: AvailabilityRule) -> AvailabilityRule:
    """Creates the rule, or replaces the one with its id. Returns the stored rule. Raises Unprocessable."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    problems = Problems()
    rule.check(problems)
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        # Locked before its calendars are read: none of them is deleted until the rule is stored.
        if not await accounts.lock_and_bump(session, account):
            raise erased()
        own = await calendars.keys_of_account(session, account)
        for index, calendar_id in enumerate(rule.calendar_ids or ()):
            if calendar_id not in own:
                problems.add(("calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")
        problems.raise_if_any()
        stored = rule.normalised()
        await availability_rules.upsert(session, account, stored)
        return stored


@retry_transaction
async def list_rules(ctx: Context) -> list[AvailabilityRule]:
    """Returns all rules of the account, in the order of their ids."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    async with ctx.db.read(actor.client_key) as session:
        return (await availability_rules.list_rules(session, [account])).get(account, [])


async def get(ctx: Context, availability_rule_id: str) -> AvailabilityRule:
    """Returns the account's rule with this id. Raises NotFound."""
    for rule in await list_rules(ctx):
        if rule.availability_rule_id == availability_rule_id:
            return rule
    unknown = Problem(("availability_rule_id",), Key.UNKNOWN, "is not an availability rule of this account")
    raise NotFound(problems=[unknown])


@retry_transaction
async def delete(ctx: Context, availability_rule_id: str) -> bool:
    """Deletes the account's rule with this id. Returns whether there was one."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        return is_storable(availability_rule_id) and await availability_rules.delete(
            session, account, availability_rule_id
        )
