"""Pages of a client's accounts and links, in the order of their creation, and a search in names and ids."""

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: accounts that are read at a time
_PAGE = 1000


def upgrade() -> None:
    op.add_column("accounts", sa.Column("search_text", sa.String(), nullable=False, server_default=""))
    _set_search_text()
    op.create_index("accounts_by_creation", "accounts", ["client_key", "created_at", "sub"])
    op.create_index(
        "real_time_schedulings_by_creation", "real_time_schedulings", ["client_key", "created_at", "scheduling_id"]
    )
    op.drop_index("real_time_schedulings_client_key", "real_time_schedulings")  # the one above begins with its column


def _set_search_text() -> None:
    connection = op.get_bind()
    page = sa.text("SELECT key, name, external_id FROM accounts WHERE key > :key ORDER BY key LIMIT :most")
    change = sa.text("UPDATE accounts SET search_text = :search_text WHERE key = :key")
    key = 0
    while rows := connection.execute(page, {"key": key, "most": _PAGE}).all():
        key = rows[-1].key
        connection.execute(
            change, [{"key": row.key, "search_text": _searchable(row.name, row.external_id)} for row in rows]
        )


def _searchable(*texts: str | None) -> str:
    """As `searchable` in core/accounts.py when this was written."""
    return "\n".join(normalize("NFKC", normalize("NFKC", text).casefold()) for text in texts if text is not None)


def downgrade() -> None:
    op.create_index("real_time_schedulings_client_key", "real_time_schedulings", ["client_key"])
    op.drop_index("real_time_schedulings_by_creation", "real_time_schedulings")
    op.drop_index("accounts_by_creation", "accounts")
    op.drop_column("accounts", "search_text")
