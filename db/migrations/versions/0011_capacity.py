"""The capacity of accounts: how many meetings each can be in at once."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("capacity", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("accounts", "capacity")
