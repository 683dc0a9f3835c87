"""Deleted events are found by their age, so that old ones can be purged."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    deleted = sa.text("deleted")
    op.create_index("events_deleted", "events", ["updated_at"], postgresql_where=deleted, sqlite_where=deleted)


def downgrade() -> None:
    op.drop_index("events_deleted", "events")
