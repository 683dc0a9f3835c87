"""Tables. A row is not a domain object: it is how a value of `core` is kept, and nothing here validates.

Instants are whole seconds since 1970 in a BIGINT. Both databases compare and index them alike, a driver neither parses
nor localises them, and no time zone can be lost (SQLite has none; PostgreSQL's depends on the session).
Secrets and tokens are kept as SHA-256 digests; a client's secret is kept sealed as well (see `keys`).
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
metadata: MetaData = SQLModel.metadata

# SQLite numbers rows by itself only for a column that is declared INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column(_Key, primary_key=True)


def _reference(target: str) -> Column[int]:
    return Column(_Key, ForeignKey(target, ondelete="CASCADE"), nullable=False)


def _digest() -> Column[bytes]:
    return Column(LargeBinary(32), nullable=False, unique=True)


def _text_with_default(default: str) -> Column[str]:
    """A text that rows from before the column was there have as well."""
    return Column(String, nullable=False, server_default=default)


def _instant() -> Column[int]:
    return Column(BigInteger, nullable=False)


class Client(SQLModel, table=True):
    """An application. Its secret is also its key for asking by bearer, hence unique."""

    __tablename__ = "clients"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property

    key: int | None = Field(default=None, sa_column=_key())
    client_id: str = Field(unique=True)
    name: str
    secret_digest: bytes = Field(sa_column=_digest())
    #: the secret itself, to be read with the installation's key; None for a client from before callbacks were signed
    sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: the features that its plan leaves out, with spaces between them
    without: str = Field(default="", sa_column=_text_with_default(""))
    created_at: int = Field(sa_column=_instant())


class Account(SQLModel, table=True):
    """Anything whose time can be asked about, with its one profile."""

    __tablename__ = "accounts"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    # Create-or-get relies on it: of concurrent first calls with one id, one inserts and the others find its row.
    __table_args__ = (UniqueConstraint("client_key", "kind", "external_id"),)

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    kind: str
    external_id: str
    sub: str = Field(unique=True)
    name: str | None
    email: str | None
    tzid: str
    profile_id: str = Field(unique=True)
    #: what all of its authorizations grant together; nothing once it is revoked
    scope: str = Field(sa_column=_text_with_default("read_write"))
    revoked_at: int | None = Field(sa_column=Column(BigInteger))
    #: another one, in the same transaction, whenever its rules or its stored periods change
    version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    created_at: int = Field(sa_column=_instant())


class Token(SQLModel, table=True):
    """An access token, which expires, or a refresh token, which does not."""

    __tablename__ = "tokens"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "account_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    kind: str
    digest: bytes = Field(sa_column=_digest())
    scope: str
    expires_at: int | None = Field(sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=_instant())


class Calendar(SQLModel, table=True):
    """A calendar. Every change of its events gives it another version in the same transaction, which also locks it."""

    __tablename__ = "calendars"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "account_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    calendar_id: str = Field(unique=True)
    name: str
    primary: bool
    version: int = Field(sa_column=Column(BigInteger, nullable=False))


class Event(SQLModel, table=True):
    """An event. `starts_at` and `ends_at` are the time it covers; an all-day event has its dates as well."""

    __tablename__ = "events"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        UniqueConstraint("calendar_key", "event_id"),
        # Busy time is read from this index alone. The end comes first: a query looks ahead, so the years of history
        # that end before it are never touched. `blocks` is a column of it and no condition on it, because SQLite reads
        # the table beside a conditional index, and then prefers the one below.
        Index("events_blocking", "calendar_key", "blocks", "ends_at", "starts_at", "status"),
        # Pages of events, soonest first.
        Index("events_by_start", "calendar_key", "starts_at", "event_uid"),
    )

    key: int | None = Field(default=None, sa_column=_key())
    calendar_key: int = Field(sa_column=_reference("calendars.key"))
    event_id: str
    event_uid: str = Field(unique=True)
    summary: str
    description: str
    starts_at: int = Field(sa_column=_instant())
    ends_at: int = Field(sa_column=_instant())
    start_date: date | None
    end_date: date | None
    tzid: str
    location_description: str | None
    location_lat: str | None
    location_long: str | None
    url: str | None
    transparency: str
    status: str
    #: opaque and not deleted: what an availability query reads
    blocks: bool
    deleted: bool
    created_at: int = Field(sa_column=_instant())
    updated_at: int = Field(sa_column=_instant())


class AvailabilityRule(SQLModel, table=True):
    """Weekly hours of an account. Periods as `[day, start, end]`; no calendar ids: all of the account's calendars."""

    __tablename__ = "availability_rules"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("account_key", "availability_rule_id"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    availability_rule_id: str
    tzid: str
    weekly_periods: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    calendar_ids: list[Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))


class AvailablePeriod(SQLModel, table=True):
    """A stretch of time, once, in which an account is available."""

    __tablename__ = "available_periods"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        UniqueConstraint("account_key", "available_period_id"),
        # A query looks ahead: what ended before it is never touched.
        Index("available_periods_by_end", "account_key", "ends_at", "starts_at"),
        Index("available_periods_by_start", "account_key", "starts_at", "available_period_id"),
    )

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    available_period_id: str
    starts_at: int = Field(sa_column=_instant())
    ends_at: int = Field(sa_column=_instant())


class BookingAnswer(SQLModel, table=True):
    """What a booking was answered that came with an idempotency key, so that the same request gets the same answer."""

    __tablename__ = "booking_answers"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("client_key", "idempotency_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    idempotency_key: str
    request_digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    #: in JSON
    answer: str
    created_at: int = Field(sa_column=_instant())


class RealTimeScheduling(SQLModel, table=True):
    """A link by which somebody without an account may book one slot."""

    __tablename__ = "real_time_schedulings"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "client_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    scheduling_id: str = Field(unique=True)
    #: in JSON
    request: str
    status: str
    #: what was booked, by whom, and by a visitor in which zone
    starts_at: int | None = Field(sa_column=Column(BigInteger))
    ends_at: int | None = Field(sa_column=Column(BigInteger))
    participants: list[Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    visitor_tzid: str | None
    #: what a visitor reads when it is disabled
    display_message: str | None
    #: when the application was last told that no time suits, and that there was none to show
    no_times_suitable_at: int | None = Field(sa_column=Column(BigInteger))
    no_times_displayed_at: int | None = Field(sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=_instant())
    #: when it was completed or disabled
    closed_at: int | None = Field(sa_column=Column(BigInteger))


class Callback(SQLModel, table=True):
    """Something that an application is to be told, until it has been. Written with what it tells of, in one transaction."""

    __tablename__ = "callbacks"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "client_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    #: the same at every attempt
    delivery_id: str = Field(unique=True)
    url: str
    body: str
    #: with the one that is under way
    attempts: int
    #: when it is to be tried next; nothing once it was given up
    due_at: int | None = Field(sa_column=Column(BigInteger, index=True))
    #: what the last attempt came to, for whoever looks
    last_failure: str | None = None
    created_at: int = Field(sa_column=_instant())
