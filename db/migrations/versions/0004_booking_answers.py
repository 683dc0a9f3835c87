"""Answers to bookings with an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "booking_answers",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_key", KEY, sa.ForeignKey("clients.key", ondelete="CASCADE"), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("client_key", "idempotency_key"),
    )


def downgrade() -> None:
    op.drop_table("booking_answers")
