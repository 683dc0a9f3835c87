"""Recording the SQL statements that the application executes."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from db.drivers.base import Row

from .api import Api


@contextmanager
def record_statements(api: Api) -> Generator[list[tuple[str, Any]]]:
    """Records the statements that the block executes, with their parameters, except those that begin and end transactions."""
    statements: list[tuple[str, Any]] = []
    monkeypatch = pytest.MonkeyPatch()
    # The SQLite driver has two methods for statements, that of PostgreSQL one for all. Of the first only one gets the client.
    direct, on_sqlite = api.db.driver, api.db.dialect == "sqlite"

    def recording(name: str, before: int) -> None:
        original = getattr(direct, name)

        async def rows(*given: Any) -> list[Row]:
            statement, *values = given[before:]
            statements.append((statement, tuple(values)))
            return await original(*given)

        monkeypatch.setattr(direct, name, rows)

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if not statement.startswith(("BEGIN", "SELECT set_config(", "COMMIT", "ROLLBACK")):
            statements.append((statement, parameters))

    engines = {api.db.reader.sync_engine, api.db.writer.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    recording("fetch_many_for", before=1)
    if on_sqlite:
        recording("fetch", before=0)
    yield statements
    monkeypatch.undo()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
