"""Scalars: how times and a few other values are written.

A text that cannot be read does not fail here. It travels on as Unreadable, and the check of the whole request reports it
with its path beside every other problem, in the same shape; GraphQL's own coercion would stop at the first and take the
answers of sibling fields with it. Only a value of a wrong JSON type is GraphQL's to refuse.
"""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NewType, TypeAlias, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from core.instants import Instant, Unreadable, format_instant, parse_date, read_event_time, read_instant

T = TypeVar("T")

if TYPE_CHECKING:
    DateTime: TypeAlias = Instant | Unreadable
    Date: TypeAlias = date
    EventTime: TypeAlias = Instant | date | Unreadable
    Required: TypeAlias = Literal["all"] | int | Unreadable
else:  # What Strawberry looks up in SCALARS must be one type of its own each.
    DateTime = NewType("DateTime", object)
    Date = NewType("Date", object)
    EventTime = NewType("EventTime", object)
    Required = NewType("Required", object)


def _text(read: Callable[[str], T], name: str) -> Callable[[Any], T]:
    def parse(value: Any) -> T:
        if not isinstance(value, str):
            raise GraphQLError(f"{name} must be a string.")
        return read(value)

    return parse


def _format_event_time(value: Instant | date) -> str:
    return value.isoformat() if isinstance(value, date) else format_instant(value)


def _read_required(value: Any) -> Literal["all"] | int | Unreadable:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise GraphQLError('Required must be "all" or an integer.')
    if isinstance(value, int):
        return value
    return "all" if value == "all" else Unreadable('must be "all" or how many members are needed')


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant to the second, in UTC: `2027-01-19T09:00:00Z`. Input may have an offset instead of the Z, "
        "but never neither.",
        serialize=format_instant,
        parse_value=_text(read_instant, "DateTime"),
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A calendar date: `2027-01-19`. An EventTime may be one.",
        serialize=date.isoformat,
        parse_value=_text(parse_date, "Date"),
    ),
    EventTime: strawberry.scalar(
        name="EventTime",
        description="A DateTime, or a date such as `2027-01-19` for an all-day event, whose end is the day after the last.",
        serialize=_format_event_time,
        parse_value=_text(read_event_time, "EventTime"),
    ),
    Required: strawberry.scalar(
        name="Required",
        description='`"all"`, or how many members of the group must be available.',
        serialize=lambda value: value,
        parse_value=_read_required,
    ),
}
