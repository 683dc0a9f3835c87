"""The fingerprint of the installation's key, so that another key is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_fingerprint", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("key", name="installation_pkey"),
    )


def downgrade() -> None:
    op.drop_table("installation")
