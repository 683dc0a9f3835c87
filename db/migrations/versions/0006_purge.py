"""What the purge needs: when tokens were last used, when links are finished, and indexes for both."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: open links that are read at a time
_PAGE = 1000


def upgrade() -> None:
    # 0 for existing tokens, which are then ordered by their keys, that is by age: their uses were not recorded.
    op.add_column("tokens", sa.Column("used_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("tokens_by_use", "tokens", ["account_key", "kind", "used_at", "key"])
    op.drop_index("tokens_account_key", "tokens")  # the index above begins with the same column
    op.create_index("tokens_expires_at", "tokens", ["expires_at"])
    op.create_index("booking_answers_created_at", "booking_answers", ["created_at"])
    op.add_column("real_time_schedulings", sa.Column("finishes_at", sa.BigInteger()))
    op.execute(
        "UPDATE real_time_schedulings SET finishes_at = CASE WHEN ends_at > closed_at THEN ends_at ELSE closed_at END"
    )
    _set_end_of_open_links()
    op.create_index("real_time_schedulings_finishes_at", "real_time_schedulings", ["finishes_at"])


def _set_end_of_open_links() -> None:
    """Sets `finishes_at` of open links, whose periods are in their requests only."""
    connection = op.get_bind()
    page = sa.text(
        "SELECT key, request FROM real_time_schedulings WHERE status = 'open' AND key > :key ORDER BY key LIMIT :most"
    )
    change = sa.text("UPDATE real_time_schedulings SET finishes_at = :finishes_at WHERE key = :key")
    key = 0
    while rows := connection.execute(page, {"key": key, "most": _PAGE}).all():
        key = rows[-1].key
        connection.execute(change, [{"key": row.key, "finishes_at": _end(json.loads(row.request))} for row in rows])


def _end(request: dict[str, Any]) -> int | None:
    """Returns the end of the last period or slot of a link's request."""
    query = request["query"]
    if query["query_slots"] is not None:
        duration = query["required_duration"]
        length = (duration["hours"] or 0) * 3600 + (duration["minutes"] or 0) * 60
        return max((start + length for start in query["query_slots"]), default=None)
    periods = query["query_periods"] if query["query_periods"] is not None else query["available_periods"] or ()
    return max((period["end"] for period in periods), default=None)


def downgrade() -> None:
    op.drop_index("real_time_schedulings_finishes_at", "real_time_schedulings")
    op.drop_column("real_time_schedulings", "finishes_at")
    op.drop_index("booking_answers_created_at", "booking_answers")
    op.drop_index("tokens_expires_at", "tokens")
    op.create_index("tokens_account_key", "tokens", ["account_key"])
    op.drop_index("tokens_by_use", "tokens")
    op.drop_column("tokens", "used_at")
