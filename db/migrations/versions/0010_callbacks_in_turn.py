"""Callbacks that are claimed, and their hosts, so that few of one client and of one host are sent at a time."""

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: callbacks that are read at a time
_PAGE = 1000


def upgrade() -> None:
    op.add_column("callbacks", sa.Column("host", sa.String(), nullable=False, server_default=""))
    op.add_column("callbacks", sa.Column("claimed", sa.Boolean(), nullable=False, server_default=sa.false()))
    _set_hosts()
    op.create_index("callbacks_by_due", "callbacks", ["client_key", "due_at"])
    op.create_index("callbacks_by_turn", "callbacks", ["client_key", "attempts", "due_at"])
    claimed = sa.text("claimed")
    op.create_index("callbacks_in_flight", "callbacks", ["due_at"], postgresql_where=claimed, sqlite_where=claimed)
    op.drop_index("callbacks_client_key", "callbacks")  # two of the indexes above begin with the same column


def _set_hosts() -> None:
    connection = op.get_bind()
    page = sa.text("SELECT key, url FROM callbacks WHERE key > :key ORDER BY key LIMIT :most")
    change = sa.text("UPDATE callbacks SET host = :host WHERE key = :key")
    key = 0
    while rows := connection.execute(page, {"key": key, "most": _PAGE}).all():
        key = rows[-1].key
        connection.execute(change, [{"key": row.key, "host": _host(row.url)} for row in rows])


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def downgrade() -> None:
    op.create_index("callbacks_client_key", "callbacks", ["client_key"])
    op.drop_index("callbacks_in_flight", "callbacks")
    op.drop_index("callbacks_by_turn", "callbacks")
    op.drop_index("callbacks_by_due", "callbacks")
    op.drop_column("callbacks", "claimed")
    op.drop_column("callbacks", "host")
