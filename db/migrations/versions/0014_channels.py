"""Push channels and their calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False, unique=True),
        sa.Column("callback_url", sa.String(), nullable=False),
        sa.Column("all_calendars", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("callback_key", KEY, sa.ForeignKey("callbacks.key", ondelete="SET NULL"), unique=True),
        sa.Column("problem", sa.String()),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("channels_account_key", "channels", ["account_key"])
    op.create_table(
        "channel_calendars",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("channel_key", KEY, sa.ForeignKey("channels.key", ondelete="CASCADE"), nullable=False),
        sa.Column("calendar_key", KEY, sa.ForeignKey("calendars.key", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("channel_key", "calendar_key"),
    )
    op.create_index("channel_calendars_calendar_key", "channel_calendars", ["calendar_key"])


def downgrade() -> None:
    op.drop_table("channel_calendars")
    op.drop_table("channels")
