"""Enums. Most are core's own; their GraphQL descriptions are added here."""

from enum import Enum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from core import accounts
from core.availability_constraints import ConstraintPeriod
from core.blocked import BlockedReason
from core.booking_life import BookingActor, BookingStatus
from core.bookings import Assignment, EventCreation
from core.calendar_sources import AllDayEvents, PartialSource, SyncStatus
from core.candidates import RelaxationKind
from core.channels import ChannelStatus
from core.events import EventStatus, FreeBusyStatus, Transparency
from core.query import ResponseFormat
from core.real_time_scheduling import HourFormat, Status
from core.rights import ElementPermission
from core.weekly import Weekday


class AccountKind(Enum):
    """The kinds of account that `account` creates. Application calendars have a mutation of their own."""

    USER = accounts.AccountKind.USER
    RESOURCE = accounts.AccountKind.RESOURCE


class AccountType(Enum):
    """The kinds of account."""

    USER = accounts.AccountKind.USER
    RESOURCE = accounts.AccountKind.RESOURCE
    APPLICATION_CALENDAR = accounts.AccountKind.APPLICATION_CALENDAR


def _describe(enum: type[Enum], description: str, /, *, called: str | None = None, **values: str) -> None:
    strawberry.enum(enum, name=called, description=description)
    definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
    for value in definition.values:
        value.description = values[value.name]


_describe(
    Transparency,
    "Whether an event blocks time on its calendar.",
    OPAQUE="The event blocks.",
    TRANSPARENT="The event does not block.",
)
_describe(
    Assignment,
    "Whom to book from a group that does not need all of its members.",
    REQUEST_ORDER="The first free members, in the order of the request.",
    LEAST_BUSY="The free members with the least busy time in the query's periods. Ties go by the order of the request.",
    FEWEST_BOOKINGS="The free members with the fewest bookings, confirmed or held, that start in the same calendar month of "
    "UTC, each divided by the member's weight. Ties go by the order of the request.",
)
_describe(
    BookingStatus,
    "The state of a booking.",
    HELD="Its events block the time until the hold ends, and then as if they had never been there.",
    CONFIRMED="It takes place.",
    CANCELLED="It was cancelled: by cancelBooking, or because its last event was deleted.",
    EXPIRED="It was held, and not confirmed in time. It can still be confirmed while its time is free.",
)
_describe(
    BookingActor,
    "Who has cancelled a booking.",
    APPLICATION="Your application, with cancelBooking.",
    VISITOR="The visitor, by the booking link.",
    EVENTS="Whoever deleted its last event.",
)
_describe(
    ConstraintPeriod,
    "The periods in which bookings are counted, on local clocks.",
    DAY="A day, from midnight to midnight.",
    WEEK="A week of ISO 8601, from Monday to Sunday.",
    MONTH="A calendar month.",
)
_describe(
    EventCreation,
    "What a booking writes to the participants' calendars.",
    DEFAULT="The event, on every participant's calendar.",
    SINGLE="The event on the organizer's calendar, which must be the only one in targetCalendars. Every other "
    "participant gets an event with the same id and summary and no other details, which blocks the time.",
)
_describe(
    BlockedReason,
    "Why a member cannot meet. Where several reasons hold, the first of them is told.",
    OUTSIDE_OWN_PERIODS="Outside of the member's availablePeriods in the query.",
    OUTSIDE_HOURS="Outside of the account's availability rules and stored available periods.",
    NOT_KNOWN="The events of one of its calendars are not known: a series is expanded no further, or the calendar is "
    "elsewhere and cannot be read.",
    BUSY="An event blocks.",
    BUFFER="An event is closer than the buffer.",
    LIMIT_REACHED="The member has as many bookings as it may have.",
    TOO_SHORT="Free, but for less than the required duration.",
)
_describe(
    RelaxationKind,
    "A single change to a query.",
    WITHOUT_MEMBER="The member is left out of all of its groups. A group that needs all of its members then needs the rest.",
    FEWER_REQUIRED="A group requires one member less.",
    SHORTER="The meeting is shorter: as long as it can be, in steps of five minutes.",
    WITHOUT_BUFFER="No member has a buffer.",
    WITHOUT_GRID="Starts may lie at any time.",
    IGNORING_HOURS="The member's availability rules and stored available periods do not apply.",
    IGNORING_TENTATIVE="The member's tentative events do not block.",
    LATER="The same query over the 35 days after its periods.",
)
_describe(
    HourFormat,
    "How times are written.",
    H12="2:30 pm",
    H24="14:30",
)
_describe(
    Status,
    "The state of a link.",
    called="RealTimeSchedulingStatus",
    OPEN="A slot can be booked.",
    COMPLETED="A slot was booked. This is final.",
    DISABLED="The application disabled the link.",
)
_describe(
    EventStatus,
    "Whether an event is confirmed.",
    CONFIRMED="The event takes place.",
    TENTATIVE="The event may take place. It blocks, unless a query ignores tentative events.",
)
_describe(
    FreeBusyStatus,
    "What an event means to a caller that may see only free and busy time.",
    BUSY="An opaque event that is confirmed.",
    TENTATIVE="An opaque event that is tentative.",
    FREE="A transparent or deleted event.",
)
_describe(
    ResponseFormat,
    "The format of the results of an availability query.",
    PERIODS="The longest possible periods, at least as long as the required duration.",
    SLOTS="Meetings of the required duration that do not overlap.",
    OVERLAPPING_SLOTS="A meeting of the required duration at every multiple of the start interval where one fits.",
)
_describe(
    AccountKind,
    "The kind of account to create.",
    USER="A person.",
    RESOURCE="A room, a machine, or anything else that can be booked.",
)
_describe(
    AccountType,
    "The kinds of account.",
    USER="A person.",
    RESOURCE="A room, a machine, or anything else that can be booked.",
    APPLICATION_CALENDAR="A calendar for something that has none of its own.",
)
_describe(
    ElementPermission,
    "What an element token may do. With any permission it may read name, kind and time zone of each of its accounts.",
    AGENDA="Read the calendars, events and free-busy time of the first account.",
    AVAILABILITY="Query the availability of its accounts.",
    MANAGED_AVAILABILITY="Read and change the availability rules and stored periods of the first account, and read its "
    "calendars and user info.",
    ACCOUNT_MANAGEMENT="Read the user info of the first account, with its email address and your own id for it, and its "
    "calendars.",
)
_describe(
    ChannelStatus,
    "Whether the notifications of a push channel arrive.",
    OPEN="They arrive, as far as is known.",
    FAILING="The last attempt failed. It is repeated for three days.",
    CLOSED="All attempts of three days failed. Nothing is sent any more; upsertChannel opens it again.",
)
_describe(
    AllDayEvents,
    "Whether the all-day events of a calendar elsewhere block.",
    AS_MARKED="Those block that the calendar marks as busy.",
    BLOCK="All of them block.",
    FREE="None of them blocks.",
)
_describe(
    PartialSource,
    "Whether a calendar elsewhere counts as known while a part of it cannot be placed in time.",
    REFUSE="It does not count: nobody is free by what could not be read.",
    ALLOW="It counts: what could be read blocks, the rest does not.",
)
_describe(
    SyncStatus,
    "Whether a calendar elsewhere could be fetched and read.",
    PENDING="It was never fetched. Nothing of it is known, so that nobody is free by it.",
    DISCONNECTED="It refuses to be read, is no longer there, or was last fetched more than a day ago. Nothing of it counts "
    "as known.",
    PARTIAL="A part of it cannot be placed in time. Nothing of it counts as known, unless its `partial` is ALLOW.",
    STALE="It was last fetched more than an hour ago. What was known then counts.",
    ACTIVE="It was fetched in the last hour.",
)
_describe(
    Weekday,
    "A day of the week.",
    **{day.name: f"{day.name.capitalize()}." for day in Weekday},
)

__all__ = [
    "AccountKind",
    "AccountType",
    "AllDayEvents",
    "ChannelStatus",
    "ElementPermission",
    "EventStatus",
    "FreeBusyStatus",
    "PartialSource",
    "ResponseFormat",
    "SyncStatus",
    "Transparency",
    "Weekday",
]
