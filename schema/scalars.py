"""Scalars: the text format of times and a few other values.

Text that cannot be parsed is not refused here. It becomes an Unreadable, which the check of the whole
request reports with its path, in the same format as all other problems. GraphQL's own coercion would
stop at the first one, and take the answers of sibling fields with it. GraphQL refuses only values of a
wrong JSON type.
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
else:  # Strawberry looks scalars up in SCALARS by type, so each must be a distinct one.
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
    return "all" if value == "all" else Unreadable('must be "all" or the number of members required')


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC, to the second: `2027-01-19T09:00:00Z`. Input may have an offset instead of "
        "the Z; one of the two is required.",
        serialize=format_instant,
        parse_value=_text(read_instant, "DateTime"),
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A calendar date: `2027-01-19`. An EventTime can be a Date.",
        serialize=date.isoformat,
        parse_value=_text(parse_date, "Date"),
    ),
    EventTime: strawberry.scalar(
        name="EventTime",
        description="A DateTime, or a Date for an all-day event. An all-day event ends on the day after its last day.",
        serialize=_format_event_time,
        parse_value=_text(read_event_time, "EventTime"),
    ),
    Required: strawberry.scalar(
        name="Required",
        description='`"all"`, or the number of members of the group that must be available.',
        serialize=lambda value: value,
        parse_value=_read_required,
    ),
}
