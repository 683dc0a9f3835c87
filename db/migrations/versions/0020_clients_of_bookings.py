"""Bookings and stored answers refer to their client without a constraint, the check of which locks the client's row each time."""

from collections.abc import Callable

from alembic import op
from alembic.operations.base import BatchOperations

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
# Servers of the version before write the same rows. Clients are never deleted.
ADDITIVE = True

_TABLES = ("bookings", "booking_answers")
_NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}


def upgrade() -> None:
    _alter(lambda table, name: table.drop_constraint(name, type_="foreignkey"))


def downgrade() -> None:
    _alter(lambda table, name: table.create_foreign_key(name, "clients", ["client_key"], ["key"], ondelete="CASCADE"))


def _alter(alter: Callable[[BatchOperations, str], object]) -> None:
    copies = op.get_bind().dialect.name == "sqlite"
    if copies:  # and drops the table before, with all rows that refer to it
        op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM booking_participants")
    for name in _TABLES:
        with op.batch_alter_table(name, naming_convention=_NAMES) as table:
            alter(table, f"{name}_client_key_fkey")
    if copies:
        op.execute("INSERT INTO booking_participants SELECT * FROM kept")
        op.execute("DROP TABLE kept")
