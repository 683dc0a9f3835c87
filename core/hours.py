"""Managed availability: the hours of an account, and the calendars that block for it.

A query member with managed availability selects some of the account's rules. Its hours are the union of
those rules and of the account's stored periods, because a rule and a one-off period both mean "then, too".
An account with neither is not restricted.
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
    """Returns the rules that a member selects: all for None, none for an empty list. Reports unknown ids."""
    if rule_ids is None:
        return list(rules)
    known = {rule.availability_rule_id: rule for rule in rules}
    for index, rule_id in enumerate(rule_ids):
        if rule_id not in known:
            problems.add((*path, index), Key.UNKNOWN, "is not an availability rule of this account")
    return [known[rule_id] for rule_id in dict.fromkeys(rule_ids) if rule_id in known]


def available_hours(rules: Sequence[AvailabilityRule], stored: SpanSet | None, window: SpanSet) -> SpanSet | None:
    """Returns the hours of checked rules and stored periods, exact within the window; None for no restriction.

    `stored` is what the account's stored periods cover in the window, and None only if the account has no
    stored period at all. An account whose periods all lie outside the window has no hours in it, whereas
    one without periods and rules is always available.
    """
    if not rules and stored is None:
        return None
    expanded = [expand(rule.weekly_periods, ZoneInfo(rule.tzid), window) for rule in rules]
    if stored is not None:
        expanded.append(stored)
    return expanded[0] if len(expanded) == 1 else SpanSet.of(chain.from_iterable(expanded))


def chosen_calendars(rules: Sequence[AvailabilityRule]) -> list[str] | None:
    """Returns the calendars that block for a member that names none: those of its rules, each once; None for all.

    A rule without calendars means all, and so does having no rules.
    """
    named: list[str] = []
    for rule in rules:
        if rule.calendar_ids is None:
            return None
        named += rule.calendar_ids
    return list(dict.fromkeys(named)) or None
