"""Working hours: availability rules and available periods. Scopes of accounts, disabled features of clients."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Not in batch mode: it copies a table and drops the old one, and on SQLite all rows that refer to it.
    op.add_column("clients", sa.Column("without", sa.String(), nullable=False, server_default=""))
    # Until now every authorization granted every scope; a revoked account has none.
    op.add_column("accounts", sa.Column("scope", sa.String(), nullable=False, server_default="read_write"))
    op.execute("UPDATE accounts SET scope = '' WHERE revoked_at IS NOT NULL")
    # Kinds are stored by name instead of by the prefix of their subs.
    for prefix, kind in (("apc", "application_calendar"), ("acc", "user"), ("res", "resource")):
        op.execute(f"UPDATE accounts SET kind = '{kind}' WHERE kind = '{prefix}'")
    op.create_table(
        "availability_rules",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("availability_rule_id", sa.String(), nullable=False),
        sa.Column("tzid", sa.String(), nullable=False),
        sa.Column("weekly_periods", sa.JSON(), nullable=False),
        sa.Column("calendar_ids", sa.JSON()),
        sa.UniqueConstraint("account_key", "availability_rule_id"),
    )
    op.create_table(
        "available_periods",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("available_period_id", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account_key", "available_period_id"),
    )
    op.create_index("available_periods_by_end", "available_periods", ["account_key", "ends_at", "starts_at"])
    op.create_index(
        "available_periods_by_start", "available_periods", ["account_key", "starts_at", "available_period_id"]
    )


def downgrade() -> None:
    op.drop_table("available_periods")
    op.drop_table("availability_rules")
    for prefix, kind in (("apc", "application_calendar"), ("acc", "user"), ("res", "resource")):
        op.execute(f"UPDATE accounts SET kind = '{prefix}' WHERE kind = '{kind}'")
    op.drop_column("accounts", "scope")
    op.drop_column("clients", "without")
