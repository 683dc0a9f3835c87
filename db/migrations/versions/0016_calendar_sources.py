"""Calendars elsewhere, and how far the events of a calendar are known."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("known_until", "unknown_at"):
        op.add_column("calendars", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_table(
        "calendar_sources",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_key", KEY, sa.ForeignKey("clients.key", ondelete="CASCADE"), nullable=False),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("calendar_key", KEY, sa.ForeignKey("calendars.key", ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("sealed_url", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("all_day", sa.String(), nullable=False),
        sa.Column("partial", sa.String(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("unreadable", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("incomplete", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("body_digest", sa.String(), nullable=True),
        sa.Column("expanded_for", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tried_at", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_in", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("asked", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account_key", "source_id"),
    )
    claimed = sa.text("claim IS NOT NULL")
    op.create_index("calendar_sources_due_at", "calendar_sources", ["due_at"])
    op.create_index("calendar_sources_by_due", "calendar_sources", ["client_key", "due_at"])
    op.create_index(
        "calendar_sources_in_flight",
        "calendar_sources",
        ["due_at"],
        postgresql_where=claimed,
        sqlite_where=claimed,
    )
    op.create_table(
        "calendar_source_items",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("source_key", KEY, sa.ForeignKey("calendar_sources.key", ondelete="CASCADE"), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("unread", sa.LargeBinary(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("missing_since", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("source_key", "uid"),
    )


def downgrade() -> None:
    op.drop_table("calendar_source_items")
    op.drop_table("calendar_sources")
    for name in ("unknown_at", "known_until"):
        op.drop_column("calendars", name)
