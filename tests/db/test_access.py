"""How SQLite finds the accounts of a query. For PostgreSQL's plans see test_plans."""

import pytest

from db.access import _statement
from db.drivers.dialects import SQLITE
from tests.support.api import Api


@pytest.fixture
def backend() -> str:
    """SQLite only: its plans do not depend on the amount of data."""
    return "sqlite"


async def test_accounts_are_found_by_their_subs(api: Api) -> None:
    """Not by scanning the accounts of the client, which may be thousands: a bug that ten accounts did not show."""
    plan = await api.db.driver.fetch(f"EXPLAIN QUERY PLAN {_statement(SQLITE)}", b"", None, "[]")
    steps = [step for *_, step in plan if "accounts" in step]
    assert any("(sub=?)" in step for step in steps)
    assert not any("client_key=?" in step for step in steps)
