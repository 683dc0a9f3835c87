"""Beside the revision, since which revision all code can use the database."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("compatible_since", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("alembic_version", "compatible_since")
