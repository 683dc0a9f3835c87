"""Recording the SQL statements that the application executes."""

from collections.abc import Generator, Sequence
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
    # The SQLite driver executes some statements in the event loop's thread and some in another; that of PostgreSQL has one
    # method for all.
    direct, on_sqlite = api.db.driver, api.db.dialect == "sqlite"
    name = "fetch" if on_sqlite else "fetch_many_for"
    directly, threaded = getattr(direct, name), getattr(direct, "_in_thread", None)

    async def rows(*given: Any) -> list[Row]:
        statement, *values = given if on_sqlite else given[1:]  # the first is the client
        statements.append((statement, tuple(values)))
        return await directly(*given)

    def in_thread(statement: str, values: Sequence[Any]) -> list[Row]:
        statements.append((statement, values))
        assert threaded is not None
        return threaded(statement, values)

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if not statement.startswith(("BEGIN", "SET LOCAL", "COMMIT", "ROLLBACK")):
            statements.append((statement, parameters))

    engines = {api.db.reader.sync_engine, api.db.writer.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    monkeypatch.setattr(direct, name, rows)
    if on_sqlite:
        monkeypatch.setattr(direct, "_in_thread", in_thread)
    yield statements
    monkeypatch.undo()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
