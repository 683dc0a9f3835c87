"""Booking links, callbacks to applications, and the encrypted secrets that sign them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("clients", sa.Column("sealed_secret", sa.LargeBinary()))
    op.create_table(
        "real_time_schedulings",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_key", KEY, sa.ForeignKey("clients.key", ondelete="CASCADE"), nullable=False),
        sa.Column("scheduling_id", sa.String(), nullable=False, unique=True),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger()),
        sa.Column("ends_at", sa.BigInteger()),
        sa.Column("participants", sa.JSON()),
        sa.Column("visitor_tzid", sa.String()),
        sa.Column("display_message", sa.String()),
        sa.Column("no_times_suitable_at", sa.BigInteger()),
        sa.Column("no_times_displayed_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
    )
    op.create_index("real_time_schedulings_client_key", "real_time_schedulings", ["client_key"])
    op.create_table(
        "callbacks",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_key", KEY, sa.ForeignKey("clients.key", ondelete="CASCADE"), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False, unique=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("last_failure", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("callbacks_client_key", "callbacks", ["client_key"])
    op.create_index("callbacks_due_at", "callbacks", ["due_at"])


def downgrade() -> None:
    op.drop_table("callbacks")
    op.drop_table("real_time_schedulings")
    op.drop_column("clients", "sealed_secret")
