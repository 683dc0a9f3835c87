"""Alembic environment. Uses the connection of `db.migrate` and stays in its transaction."""

from alembic import context

from db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a column in place, so Alembic copies the table.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
