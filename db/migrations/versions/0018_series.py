"""Events that recur: their series, and instances beside them in the table of events."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
# Servers of the version before would look for a constraint that is gone, and list what recurs beside its instances.
ADDITIVE = False

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_BEFORE, _AFTER = ("calendar_key", "event_id"), ("calendar_key", "event_id", "recurrence_id")


def _name(columns: tuple[str, ...]) -> str:
    return f"events_{'_'.join(columns)}_key"


def upgrade() -> None:
    # SQLite copies the table for another constraint.
    with op.batch_alter_table("events") as events:
        events.add_column(sa.Column("recurrence", sa.String(), nullable=True))
        events.add_column(sa.Column("recurrence_id", sa.String(), nullable=False, server_default=""))
        events.create_unique_constraint(_name(_AFTER), list(_AFTER))
        events.drop_constraint(_name(_BEFORE), type_="unique")
    op.create_table(
        "series",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("calendar_key", KEY, sa.ForeignKey("calendars.key", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("expanded_until", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("calendar_key", "event_id"),
    )
    op.create_index("series_expanded_until", "series", ["expanded_until"])
    op.create_table(
        "series_changes",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("series_key", KEY, sa.ForeignKey("series.key", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recurrence_id", sa.String(), nullable=False),
        sa.Column("draft", sa.String(), nullable=True),
        sa.UniqueConstraint("series_key", "kind", "recurrence_id"),
    )


def downgrade() -> None:
    op.drop_table("series_changes")
    op.drop_table("series")
    op.execute("UPDATE calendars SET known_until = NULL WHERE key NOT IN (SELECT calendar_key FROM calendar_sources)")
    # Without recurrence there is no place for what recurs.
    op.execute("DELETE FROM events WHERE recurrence IS NOT NULL OR recurrence_id <> ''")
    with op.batch_alter_table("events") as events:
        events.create_unique_constraint(_name(_BEFORE), list(_BEFORE))
        events.drop_constraint(_name(_AFTER), type_="unique")
        events.drop_column("recurrence_id")
        events.drop_column("recurrence")
