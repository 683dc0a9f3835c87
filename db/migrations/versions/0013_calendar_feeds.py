"""Calendar feeds, and the events of holds by their end."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("feed_id", sa.String(), nullable=False, unique=True),
        sa.Column("calendar_ids", sa.String(), nullable=True),
        sa.Column("details", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("calendar_feeds_account_key", "calendar_feeds", ["account_key"])
    held = sa.text("lapses_at IS NOT NULL")
    columns = ["calendar_key", "lapses_at"]
    op.create_index("events_of_holds", "events", columns, postgresql_where=held, sqlite_where=held)


def downgrade() -> None:
    op.drop_index("events_of_holds", "events")
    op.drop_table("calendar_feeds")
