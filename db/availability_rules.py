"""Availability rules, identified by the caller's id within an account."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlmodel import col, select
from sqlmodel import delete as sql_delete
from sqlmodel.ext.asyncio.session import AsyncSession

from core.availability_rules import AvailabilityRule
from core.weekly import Weekday, WeeklyPeriod

from . import accounts, tables
from .drivers.dialects import insert


async def upsert(session: AsyncSession, account_key: int, rule: AvailabilityRule) -> None:
    """Creates the rule, or replaces the one with the same id, of an account that `lock_and_bump` has locked."""
    values: dict[str, Any] = {
        "account_key": account_key,
        "availability_rule_id": rule.availability_rule_id,
        "tzid": rule.tzid,
        "weekly_periods": [[period.day.value, period.start_time, period.end_time] for period in rule.weekly_periods],
        "calendar_ids": list(rule.calendar_ids) if rule.calendar_ids is not None else None,
    }
    statement = insert(session, tables.AvailabilityRule).values(values)
    replaced = {name: statement.excluded[name] for name in ("tzid", "weekly_periods", "calendar_ids")}
    conflict = ["account_key", "availability_rule_id"]
    await session.exec(statement.on_conflict_do_update(index_elements=conflict, set_=replaced))


async def list_rules(session: AsyncSession, account_keys: Collection[int]) -> dict[int, list[AvailabilityRule]]:
    """Returns the rules of each account that has any, sorted by id."""
    statement = select(tables.AvailabilityRule).where(col(tables.AvailabilityRule.account_key).in_(account_keys))
    found: defaultdict[int, list[AvailabilityRule]] = defaultdict(list)
    # Sorted here, because PostgreSQL sorts text by the collation of the database.
    for row in sorted(await session.exec(statement), key=lambda row: row.availability_rule_id):
        found[row.account_key].append(_rule(row))
    return dict(found)


async def delete(session: AsyncSession, account_key: int, availability_rule_id: str) -> bool:
    """Deletes the account's rule with this id. Returns whether it existed."""
    await accounts.lock_and_bump(session, account_key)
    statement = sql_delete(tables.AvailabilityRule).where(
        col(tables.AvailabilityRule.account_key) == account_key,
        col(tables.AvailabilityRule.availability_rule_id) == availability_rule_id,
    )
    return (await session.exec(statement)).rowcount == 1


def _rule(row: tables.AvailabilityRule) -> AvailabilityRule:
    return AvailabilityRule(
        availability_rule_id=row.availability_rule_id,
        tzid=row.tzid,
        weekly_periods=[WeeklyPeriod(Weekday(day), start, end) for day, start, end in row.weekly_periods],
        calendar_ids=row.calendar_ids,
    )
