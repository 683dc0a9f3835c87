"""Closed sets of values. Most are core's own enums; here GraphQL learns to describe them."""

from enum import Enum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from core import accounts
from core.bookings import Assignment, EventCreation
from core.events import EventStatus, FreeBusyStatus, Transparency
from core.query import ResponseFormat
from core.real_time_scheduling import HourFormat, Status
from core.weekly import Weekday


class AccountKind(Enum):
    """The kinds of account that `account` makes. An application calendar has a mutation of its own."""

    USER = accounts.AccountKind.USER
    RESOURCE = accounts.AccountKind.RESOURCE


def _describe(enum: type[Enum], description: str, /, *, called: str | None = None, **values: str) -> None:
    strawberry.enum(enum, name=called, description=description)
    definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
    for value in definition.values:
        value.description = values[value.name]


_describe(
    Transparency,
    "Whether an event takes its calendar's time.",
    OPAQUE="It blocks.",
    TRANSPARENT="It does not block.",
)
_describe(
    Assignment,
    "Who is booked of a group that does not need all of its members.",
    REQUEST_ORDER="Those who are free, as they stand in the request.",
    LEAST_BUSY="Those who are busy for the least time in the query's periods; of equals, as they stand in the request.",
)
_describe(
    EventCreation,
    "What a booking writes to the calendars of those who meet.",
    DEFAULT="The event to each of them.",
    SINGLE="The event to the organizer's calendar, the only one in targetCalendars; to each other's one of the same id and "
    "summary and no more, which keeps the time.",
)
_describe(
    HourFormat,
    "How times are written.",
    H12="2:30 pm",
    H24="14:30",
)
_describe(
    Status,
    "What has become of a link.",
    called="RealTimeSchedulingStatus",
    OPEN="A slot can be booked by it.",
    COMPLETED="A slot was booked by it. That happens once.",
    DISABLED="It was taken back.",
)
_describe(
    EventStatus,
    "How sure an event is.",
    CONFIRMED="It takes place.",
    TENTATIVE="It may take place. It blocks as well, unless a query ignores it.",
)
_describe(
    FreeBusyStatus,
    "What an event means for somebody who only may know when there is time.",
    BUSY="An opaque event.",
    TENTATIVE="An opaque event that is tentative.",
    FREE="A transparent or deleted event.",
)
_describe(
    ResponseFormat,
    "What the answer to an availability query is made of.",
    PERIODS="Stretches as long as can be, at least as long as the required duration.",
    SLOTS="Meetings of the required duration that do not overlap.",
    OVERLAPPING_SLOTS="A meeting of the required duration at every start interval that it fits.",
)
_describe(
    AccountKind,
    "What kind of account to make.",
    USER="A person.",
    RESOURCE="A room, a machine, anything that can be booked.",
)
_describe(
    Weekday,
    "A day of the week.",
    **{day.name: f"{day.name.capitalize()}." for day in Weekday},
)

__all__ = ["AccountKind", "EventStatus", "FreeBusyStatus", "ResponseFormat", "Transparency", "Weekday"]
