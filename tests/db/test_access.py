"""How SQLite finds whoever is asked about. Of PostgreSQL's plans see test_plans."""

import pytest

from db.access import _statement
from db.drivers.dialects import SQLITE
from tests.support.api import Api


@pytest.fixture
def backend() -> str:
    """Its plans do not depend on how much there is."""
    return "sqlite"


async def test_accounts_are_found_by_their_subs(api: Api) -> None:
    """And not among all those of their client, of which there may be thousands: it was so, and nobody noticed with ten."""
    plan = await api.db.driver.fetch(f"EXPLAIN QUERY PLAN {_statement(SQLITE)}", b"", None, "[]")
    steps = [step for *_, step in plan if "accounts" in step]
    assert any("(sub=?)" in step for step in steps)
    assert not any("client_key=?" in step for step in steps)
