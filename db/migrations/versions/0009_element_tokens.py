"""Element tokens and their accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "element_tokens",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("client_key", KEY, sa.ForeignKey("clients.key", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("permissions", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("element_tokens_client_key", "element_tokens", ["client_key"])
    op.create_index("element_tokens_expires_at", "element_tokens", ["expires_at"])
    op.create_table(
        "element_token_accounts",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("element_token_key", KEY, sa.ForeignKey("element_tokens.key", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_key", KEY, sa.ForeignKey("accounts.key", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("element_token_key", "position"),
    )
    op.create_index("element_token_accounts_account_key", "element_token_accounts", ["account_key"])


def downgrade() -> None:
    op.drop_table("element_token_accounts")
    op.drop_table("element_tokens")
