"""Alembic environment. Uses the connection of `db.migrate` and stays in its transaction."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script
from sqlalchemy import text

from db.tables import metadata

FIRST_NOTED = "0017"
"""The migration that makes room for the note."""


def note_compatibility(step: MigrationInfo, **_others: Any) -> None:
    """Notes beside the revision that no older code can use the database, unless the migration only adds to it."""
    script = step.up_revision
    if not step.is_upgrade or not isinstance(script, Script) or script.revision < FIRST_NOTED:
        return
    if not getattr(script.module, "ADDITIVE", False):
        context.get_bind().execute(text("UPDATE alembic_version SET compatible_since = version_num"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a column in place, so Alembic copies the table.
    render_as_batch=True,
    transactional_ddl=True,
    on_version_apply=note_compatibility,  # pyright: ignore[reportArgumentType]: all arguments come by their names
)
context.run_migrations()
