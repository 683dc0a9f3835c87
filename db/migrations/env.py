"""Alembic's environment: it gets its connection from `db.migrate`, whose transaction it stays in."""

from alembic import context

from db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot change a column in place: Alembic copies the table instead.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
