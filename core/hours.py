"""Managed availability: the hours that an account keeps, and the calendars that count for it.

A member of a query that asks for managed availability selects some of the account's rules. Its hours are the union of
those rules and of the account's stored periods, for a rule and a one-off period both say "then, too". An account that
has neither has said nothing at all, and is not restricted.
"""

from collections.abc import Sequence
from itertools import chain

from .availability_rules import AvailabilityRule
from .errors import Key, Path, Problems
from .spans import SpanSet
from .weekly import expand
from .zones import ZoneInfo


def select_rules(
    rules: Sequence[AvailabilityRule], rule_ids: Sequence[str] | None, path: Path, problems: Problems
) -> list[AvailabilityRule]:
    """Those of the account's rules that a member means: None: all, and an empty list: none. Reports unknown ids."""
    if rule_ids is None:
        return list(rules)
    known = {rule.availability_rule_id: rule for rule in rules}
    for index, rule_id in enumerate(rule_ids):
        if rule_id not in known:
            problems.add((*path, index), Key.UNKNOWN, "is not an availability rule of this account")
    return [known[rule_id] for rule_id in dict.fromkeys(rule_ids) if rule_id in known]


def available_hours(rules: Sequence[AvailabilityRule], stored: SpanSet | None, window: SpanSet) -> SpanSet | None:
    """The hours that checked rules and stored periods leave, exact within the window; None: no restriction.

    `stored` is what the account's stored periods cover in the window, and None only when the account has not a single
    one. An account whose periods all lie elsewhere has no hours here; one without any is always there.
    """
    if not rules and stored is None:
        return None
    expanded = [expand(rule.weekly_periods, ZoneInfo(rule.tzid), window) for rule in rules]
    if stored is not None:
        expanded.append(stored)
    return expanded[0] if len(expanded) == 1 else SpanSet.of(chain.from_iterable(expanded))


def chosen_calendars(rules: Sequence[AvailabilityRule]) -> list[str] | None:
    """Whose events block a member that names no calendars: those of the selected rules, each once; None: all.

    A rule that names none means all, and so does having no rule.
    """
    named: list[str] = []
    for rule in rules:
        if rule.calendar_ids is None:
            return None
        named += rule.calendar_ids
    return list(dict.fromkeys(named)) or None
