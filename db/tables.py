"""Tables. A row is not a domain object: it stores a value of `core`, and nothing here validates.

Instants are whole seconds since 1970 in a BIGINT. Both databases compare and index them alike, drivers
neither parse nor localise them, and no time zone can be lost (SQLite has none; PostgreSQL's depends on
the session). Secrets and tokens are stored as SHA-256 digests; a client's secret is also stored
encrypted (see `encryption`).
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
    false,
    text,
)
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
metadata: MetaData = SQLModel.metadata

# SQLite assigns row ids only to a column that is declared INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column(_Key, primary_key=True)


def _reference(target: str, *, index: bool = False) -> Column[int]:
    return Column(_Key, ForeignKey(target, ondelete="CASCADE"), nullable=False, index=index)


def _client_without_check() -> Column[int]:
    """A client, without a constraint: its check would lock the client's row, for all of its bookings at once.

    Clients are never deleted.
    """
    return Column(_Key, nullable=False)


def _digest() -> Column[bytes]:
    return Column(LargeBinary(32), nullable=False, unique=True)


def _text_with_default(default: str) -> Column[str]:
    """A text column with a default for rows that are older than the column."""
    return Column(String, nullable=False, server_default=default)


def _where(condition: str) -> dict[str, Any]:
    """The condition of a partial index."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


def _instant() -> Column[int]:
    return Column(BigInteger, nullable=False)


class Client(SQLModel, table=True):
    """An application. Its secret also serves as its bearer token, hence unique."""

    __tablename__ = "clients"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property

    key: int | None = Field(default=None, sa_column=_key())
    client_id: str = Field(unique=True)
    name: str
    secret_digest: bytes = Field(sa_column=_digest())
    #: the secret, encrypted with the installation's key; None for a client older than signed callbacks
    sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: the features that its plan leaves out, separated by spaces
    without: str = Field(default="", sa_column=_text_with_default(""))
    created_at: int = Field(sa_column=_instant())


class Installation(SQLModel, table=True):
    """The one row with facts about the whole installation."""

    __tablename__ = "installation"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property

    key: int | None = Field(default=None, sa_column=_key())
    #: identifies the key that secrets are encrypted with
    key_fingerprint: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


class Lock(SQLModel, table=True):
    """A row that a PostgreSQL transaction locks to do something alone among all processes, by the name of what it does.

    Not an advisory lock, which PostgreSQL's distributed relatives lack. The migrations insert the rows.
    """

    __tablename__ = "locks"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property

    name: str = Field(primary_key=True)


class Account(SQLModel, table=True):
    """Anything whose availability can be queried, with its one profile."""

    __tablename__ = "accounts"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    # create_or_get relies on it: of concurrent first calls with one id, one inserts and the others find
    # its row. The index is for pages of a client's accounts.
    __table_args__ = (
        UniqueConstraint("client_key", "kind", "external_id"),
        Index("accounts_by_creation", "client_key", "created_at", "sub"),
    )

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    kind: str
    external_id: str
    sub: str = Field(unique=True)
    name: str | None
    email: str | None
    tzid: str
    profile_id: str = Field(unique=True)
    #: name and external_id as a search compares them
    search_text: str = Field(default="", sa_column=_text_with_default(""))
    #: the union of the scopes of its authorizations; empty once it is revoked
    scope: str = Field(sa_column=_text_with_default("read_write"))
    revoked_at: int | None = Field(sa_column=Column(BigInteger))
    #: the number of simultaneous events at which it is busy. A change also bumps the versions of its calendars
    capacity: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    #: changes in the transaction that changes its profile, rules or stored periods
    version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    created_at: int = Field(sa_column=_instant())


class Token(SQLModel, table=True):
    """An access token, which expires, or a refresh token, which does not."""

    __tablename__ = "tokens"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        # For the refresh tokens of an account that were used last, and for all its tokens.
        Index("tokens_by_use", "account_key", "kind", "used_at", "key"),
        Index(None, "expires_at"),
    )

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    kind: str
    digest: bytes = Field(sa_column=_digest())
    scope: str
    expires_at: int | None = Field(sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=_instant())
    #: when it was made or last used, as far as that is recorded (for refresh tokens), else 0; later than
    #: those of the account's other refresh tokens, so that their order is strict
    used_at: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class ElementToken(SQLModel, table=True):
    """A token with which pages of one origin act for a few accounts. Its text contains a proof of the origin."""

    __tablename__ = "element_tokens"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "client_key"), Index(None, "expires_at"))

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    digest: bytes = Field(sa_column=_digest())
    #: names of permissions, separated by spaces
    permissions: str
    expires_at: int = Field(sa_column=_instant())
    created_at: int = Field(sa_column=_instant())


class ElementTokenAccount(SQLModel, table=True):
    """An account of an element token. The row is deleted when the account is revoked."""

    __tablename__ = "element_token_accounts"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("element_token_key", "position"), Index(None, "account_key"))

    key: int | None = Field(default=None, sa_column=_key())
    element_token_key: int = Field(sa_column=_reference("element_tokens.key"))
    #: 0 for the first, which most permissions are over
    position: int
    account_key: int = Field(sa_column=_reference("accounts.key"))


class Calendar(SQLModel, table=True):
    """A calendar. Every change of its events bumps its version in the same transaction, which also locks the row."""

    __tablename__ = "calendars"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "account_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    calendar_id: str = Field(unique=True)
    name: str
    primary: bool
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    #: the instant from which on its events are not known, because a series is expanded up to it; None: all are known
    known_until: int | None = Field(default=None, sa_column=Column(BigInteger))
    #: of a calendar elsewhere: from this instant on nothing of it counts as known, unless it is fetched again before
    unknown_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Event(SQLModel, table=True):
    """An event. `starts_at` and `ends_at` are the time that it covers; an all-day event also has its dates."""

    __tablename__ = "events"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        # An event that recurs is a row whose recurrence_id is empty, as that of a single event is, so whoever writes the
        # id of either finds it by this one conflict; its instances are further rows.
        UniqueConstraint("calendar_key", "event_id", "recurrence_id"),
        # Busy time is read from this index alone. `ends_at` comes first: queries are about the future,
        # so the years of history that end before are never read. `blocks` is a column and not a
        # condition of the index, because with a partial index SQLite reads the table as well, and then
        # prefers the index below.
        Index("events_blocking", "calendar_key", "blocks", "ends_at", "starts_at", "status", "lapses_at"),
        # For pages of events, soonest first.
        Index("events_by_start", "calendar_key", "starts_at", "event_uid"),
        # Only of events that a booking wrote, so that all others do not pay for it.
        Index("events_of_bookings", "booking_id", **_where("booking_id IS NOT NULL")),
        # For the purge.
        Index("events_deleted", "updated_at", **_where("deleted")),
        # The last hold of a calendar that has ended, for the ETag of a calendar feed.
        Index("events_of_holds", "calendar_key", "lapses_at", **_where("lapses_at IS NOT NULL")),
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
    #: opaque and not deleted: read by availability queries
    blocks: bool
    deleted: bool
    created_at: int = Field(sa_column=_instant())
    updated_at: int = Field(sa_column=_instant())
    #: the booking that wrote it; not a reference, because a booking is deleted only with all of its events
    booking_id: str | None = None
    #: of an event of a hold: from this instant on it counts as deleted
    lapses_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    #: of an event that recurs, its lines. Such a row does not block and is in no list: its instances are
    recurrence: str | None = None
    #: of an instance, its start before it was changed, as text; else empty
    recurrence_id: str = Field(default="", sa_column=_text_with_default(""))


class Series(SQLModel, table=True):
    """An event that recurs, beside its row in `events`, and how far its instances are stored."""

    __tablename__ = "series"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("calendar_key", "event_id"), Index(None, "expanded_until"))

    key: int | None = Field(default=None, sa_column=_key())
    calendar_key: int = Field(sa_column=_reference("calendars.key"))
    event_id: str
    #: its instances before this instant are stored; None: all are
    expanded_until: int | None = Field(default=None, sa_column=Column(BigInteger))


class SeriesChange(SQLModel, table=True):
    """A change of instances of a series, so that expanding it further does not bring back what was before."""

    __tablename__ = "series_changes"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("series_key", "kind", "recurrence_id"),)

    key: int | None = Field(default=None, sa_column=_key())
    series_key: int = Field(sa_column=_reference("series.key"))
    #: whether it is about one instance, that and all following ones, or a split
    kind: str
    recurrence_id: str
    #: as JSON; None: deleted
    draft: str | None = None


class Booking(SQLModel, table=True):
    """A booking. Its events refer to it; it has the time at which they are now."""

    __tablename__ = "bookings"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        Index("bookings_by_start", "client_key", "starts_at", "booking_id"),
        Index("bookings_of_links", "real_time_scheduling_key", **_where("real_time_scheduling_key IS NOT NULL")),
        Index("bookings_held", "hold_expires_at", **_where("status = 'held'")),
    )

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_client_without_check())
    booking_id: str = Field(unique=True)
    #: a hold stays `held` after it has expired, until that is cleaned up
    status: str
    starts_at: int = Field(sa_column=_instant())
    ends_at: int = Field(sa_column=_instant())
    hold_expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    #: the same for the bookings of one sequence
    sequence_id: str | None = None
    real_time_scheduling_key: int | None = Field(
        default=None, sa_column=Column(_Key, ForeignKey("real_time_schedulings.key", ondelete="SET NULL"))
    )
    #: what it is decided by when it is moved; as JSON
    request: str
    #: the calendars that its events were written to, in order
    calendar_ids: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    #: pairs of a key and a value
    labels: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    visitor: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    cancel_reason: str | None = None
    cancelled_by: str | None = None
    created_at: int = Field(sa_column=_instant())
    updated_at: int = Field(sa_column=_instant())


class BookingParticipant(SQLModel, table=True):
    """An account that was booked, by its sub, which outlives it. Times are the booking's, for lists and counts by account."""

    __tablename__ = "booking_participants"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index("booking_participants_by_start", "sub", "starts_at", "booking_id"),)

    booking_id: str = Field(
        sa_column=Column(String, ForeignKey("bookings.booking_id", ondelete="CASCADE"), primary_key=True)
    )
    #: from 0, in the order of the query
    position: int = Field(primary_key=True)
    sub: str
    starts_at: int = Field(sa_column=_instant())
    ends_at: int = Field(sa_column=_instant())


class CalendarFeed(SQLModel, table=True):
    """An address at which other programs follow events of an account. Deleted when it is revoked."""

    __tablename__ = "calendar_feeds"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index(None, "account_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    feed_id: str = Field(unique=True)
    #: separated by spaces; None: all calendars
    calendar_ids: str | None
    details: bool
    created_at: int = Field(sa_column=_instant())


class CalendarSource(SQLModel, table=True):
    """A calendar elsewhere that the events of one of the account's calendars are read from."""

    __tablename__ = "calendar_sources"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        UniqueConstraint("account_key", "source_id"),
        Index("calendar_sources_by_due", "client_key", "due_at"),
        Index("calendar_sources_in_flight", "due_at", **_where("claim IS NOT NULL")),
    )

    key: int | None = Field(default=None, sa_column=_key())
    #: of the account, so that fetches are shared fairly among clients
    client_key: int = Field(sa_column=_reference("clients.key"))
    account_key: int = Field(sa_column=_reference("accounts.key"))
    #: the caller's
    source_id: str
    calendar_key: int = Field(
        sa_column=Column(_Key, ForeignKey("calendars.key", ondelete="CASCADE"), nullable=False, unique=True)
    )
    #: encrypted with the installation's key: whoever has the URL can read the calendar
    sealed_url: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: of the URL, so that fetches are shared fairly among hosts
    host: str
    all_day: str
    partial: str
    #: when a fetch last succeeded; None: never
    synced_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    #: whether the server elsewhere has refused the last fetch, or the calendar is no longer there
    refused: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    #: the number of items of the last good fetch that could not be read, and whether one of them could not be placed
    unreadable: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    incomplete: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    #: why the last fetch failed; None: it did not
    problem: str | None = None
    #: what could not be read of the last good fetch, or is not yet believed
    remark: str | None = None
    #: what makes the next request a conditional one
    etag: str | None = None
    last_modified: str | None = None
    #: Of the body of the last good fetch, and of what its events depend on besides: if neither changes, they do not.
    body_digest: str | None = None
    expanded_for: str | None = None
    #: number of fetches that failed since the last good one
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    #: when a fetch was last begun
    tried_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    #: names the claim of the process that fetches it at present; another one may claim it when it is due again
    claim: str | None = None
    #: when the next fetch is due; None while the account is revoked
    due_at: int | None = Field(sa_column=Column(BigInteger, index=True))
    #: how often its account has asked for a fetch in which minute
    asked_in: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    asked: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    created_at: int = Field(sa_column=_instant())


class CalendarSourceItem(SQLModel, table=True):
    """What a source says under one UID, so that its instances are expanded further without a fetch."""

    __tablename__ = "calendar_source_items"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("source_key", "uid"),)

    key: int | None = Field(default=None, sa_column=_key())
    source_key: int = Field(sa_column=_reference("calendar_sources.key"))
    #: a digest where it is too long for an index
    uid: str
    #: what it last said that could be read, compressed; None: it never could be read
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: what it says now, compressed, if that cannot be read
    unread: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: when its last instance ends
    ends_at: int = Field(sa_column=_instant())
    #: when a fetch first lacked it that is not yet believed
    missing_since: int | None = Field(default=None, sa_column=Column(BigInteger))


class AvailabilityRule(SQLModel, table=True):
    """Weekly hours of an account. Periods are `[day, start, end]`; without calendar ids it applies to all calendars."""

    __tablename__ = "availability_rules"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("account_key", "availability_rule_id"),)

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    availability_rule_id: str
    tzid: str
    weekly_periods: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    calendar_ids: list[Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))


class AvailablePeriod(SQLModel, table=True):
    """A single period in which an account is available."""

    __tablename__ = "available_periods"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        UniqueConstraint("account_key", "available_period_id"),
        # Queries are about the future: periods that ended before are never read.
        Index("available_periods_by_end", "account_key", "ends_at", "starts_at"),
        Index("available_periods_by_start", "account_key", "starts_at", "available_period_id"),
    )

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key"))
    available_period_id: str
    starts_at: int = Field(sa_column=_instant())
    ends_at: int = Field(sa_column=_instant())


class BookingAnswer(SQLModel, table=True):
    """The answer to a booking with an idempotency key, so that the same request gets the same answer."""

    __tablename__ = "booking_answers"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("client_key", "idempotency_key"), Index(None, "created_at"))

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_client_without_check())
    idempotency_key: str
    request_digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    #: as JSON
    answer: str
    created_at: int = Field(sa_column=_instant())


class RealTimeScheduling(SQLModel, table=True):
    """A link with which a visitor without an account may book one slot."""

    __tablename__ = "real_time_schedulings"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (Index("real_time_schedulings_by_creation", "client_key", "created_at", "scheduling_id"),)

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    scheduling_id: str = Field(unique=True)
    #: as JSON
    request: str
    status: str
    #: the booked time, its participants, and the time zone of the visitor
    starts_at: int | None = Field(sa_column=Column(BigInteger))
    ends_at: int | None = Field(sa_column=Column(BigInteger))
    participants: list[Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    visitor_tzid: str | None
    #: the text that visitors see when it is disabled
    display_message: str | None
    #: when the application was last notified that no time suits, and that there was none to show
    no_times_suitable_at: int | None = Field(sa_column=Column(BigInteger))
    no_times_displayed_at: int | None = Field(sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=_instant())
    #: when it was completed or disabled
    closed_at: int | None = Field(sa_column=Column(BigInteger))
    #: when nothing is left to happen: the end of its last period, or of the booked meeting, or when it was disabled
    finishes_at: int | None = Field(sa_column=Column(BigInteger, index=True))


class Callback(SQLModel, table=True):
    """An undelivered callback to an application. Written in the transaction that it reports."""

    __tablename__ = "callbacks"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (
        Index("callbacks_by_due", "client_key", "due_at"),
        Index("callbacks_by_turn", "client_key", "attempts", "due_at"),
        Index("callbacks_in_flight", "due_at", **_where("claimed")),
    )

    key: int | None = Field(default=None, sa_column=_key())
    client_key: int = Field(sa_column=_reference("clients.key"))
    #: the same in every attempt
    delivery_id: str = Field(unique=True)
    url: str
    #: the host of the URL
    host: str = Field(default="", sa_column_kwargs={"server_default": ""})
    body: str
    #: number of attempts, including the current one
    attempts: int
    #: whether a process has claimed it, until it is due again
    claimed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    #: when the next attempt is due; None once it was given up
    due_at: int | None = Field(sa_column=Column(BigInteger, index=True))
    #: why the last attempt failed; for inspection only
    last_failure: str | None = None
    created_at: int = Field(sa_column=_instant())


class Channel(SQLModel, table=True):
    """A push channel of an account."""

    __tablename__ = "channels"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property

    key: int | None = Field(default=None, sa_column=_key())
    account_key: int = Field(sa_column=_reference("accounts.key", index=True))
    channel_id: str = Field(unique=True)
    callback_url: str
    #: whether it is about all calendars of the account, instead of those that refer to it
    all_calendars: bool
    #: the state of its calendars when they were last found changed
    seen: int = Field(sa_column=Column(BigInteger, nullable=False))
    #: when that was
    seen_at: int = Field(sa_column=_instant())
    #: the notification that is under way
    callback_key: int | None = Field(
        default=None, sa_column=Column(_Key, ForeignKey("callbacks.key", ondelete="SET NULL"), unique=True)
    )
    #: why the last attempt to notify it failed
    problem: str | None = None
    closed_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=_instant())


class ChannelCalendar(SQLModel, table=True):
    """A calendar that a push channel is about."""

    __tablename__ = "channel_calendars"  # pyright: ignore[reportAssignmentType]: SQLModel declares a property
    __table_args__ = (UniqueConstraint("channel_key", "calendar_key"),)

    key: int | None = Field(default=None, sa_column=_key())
    channel_key: int = Field(sa_column=_reference("channels.key"))
    calendar_key: int = Field(sa_column=_reference("calendars.key", index=True))
