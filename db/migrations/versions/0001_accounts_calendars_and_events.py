"""Accounts, calendars and events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[int]:
    return sa.Column("key", KEY, primary_key=True)


def _reference(name: str, target: str) -> sa.Column[int]:
    return sa.Column(name, KEY, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "clients",
        _key(),
        sa.Column("client_id", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "accounts",
        _key(),
        _reference("client_key", "clients.key"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String()),
        sa.Column("email", sa.String()),
        sa.Column("tzid", sa.String(), nullable=False),
        sa.Column("profile_id", sa.String(), nullable=False, unique=True),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("client_key", "kind", "external_id"),
    )
    op.create_table(
        "tokens",
        _key(),
        _reference("account_key", "accounts.key"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("tokens_account_key", "tokens", ["account_key"])
    op.create_table(
        "calendars",
        _key(),
        _reference("account_key", "accounts.key"),
        sa.Column("calendar_id", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.create_index("calendars_account_key", "calendars", ["account_key"])
    _create_events()


def _create_events() -> None:
    op.create_table(
        "events",
        _key(),
        _reference("calendar_key", "calendars.key"),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_uid", sa.String(), nullable=False, unique=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("start_date", sa.Date()),
        sa.Column("end_date", sa.Date()),
        sa.Column("tzid", sa.String(), nullable=False),
        sa.Column("location_description", sa.String()),
        sa.Column("location_lat", sa.String()),
        sa.Column("location_long", sa.String()),
        sa.Column("url", sa.String()),
        sa.Column("transparency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("calendar_key", "event_id"),
    )
    op.create_index("events_by_start", "events", ["calendar_key", "starts_at", "event_uid"])
    op.create_index("events_blocking", "events", ["calendar_key", "blocks", "ends_at", "starts_at", "status"])


def downgrade() -> None:
    for table in ("events", "calendars", "tokens", "accounts", "clients"):
        op.drop_table(table)
