"""Rows that transactions lock to do something alone among all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
# Servers of the version before exclude each other's claims by other locks. A row that both choose is claimed once all the
# same, so beside newer ones they only exceed their limits of what is in flight together.
ADDITIVE = True


def upgrade() -> None:
    locks = op.create_table("locks", sa.Column("name", sa.String(), primary_key=True))
    op.bulk_insert(locks, [{"name": "callbacks"}, {"name": "calendar_sources"}])


def downgrade() -> None:
    op.drop_table("locks")
