"""The databases of all released versions can be upgraded, and give the expected answers."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from db.database import Database
from db.migrate import migrate
from db.tables import metadata
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.databases import inspect_database

from .releases import FOLDER, restore

VERSIONS = sorted({path.name.partition(".sqlite")[0] for path in FOLDER.glob("*.sqlite.sql")})

AVAILABILITY = """
query ($input: AvailabilityInput!) { availability(input: $input) { availablePeriods { start end } } }
"""


def test_every_release_has_a_stored_database_for_both_backends() -> None:
    """Otherwise its upgrade would be untested."""
    assert VERSIONS
    assert all((FOLDER / f"{version}.postgresql.sql").exists() for version in VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_released_database_upgrades_and_answers(version: str, empty_url: str, backend: str) -> None:
    """It gets the tables of this code, and answers from its accounts, events, rule and period."""
    db = Database(empty_url)
    db.make_folder()
    await restore((FOLDER / f"{version}.{backend}.sql").read_text(), empty_url)
    await migrate(db)
    assert await inspect_database(db, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    await db.close()
    async with Api.open(empty_url, NOW) as api:
        [(store,)] = await api.rows("SELECT sub FROM accounts WHERE external_id = 'store-42'")
        [(lathe,)] = await api.rows("SELECT sub FROM accounts WHERE external_id = 'lathe'")
        members = [{"sub": store, "managedAvailability": True}, {"sub": lathe}]
        given = {
            "participants": [{"required": "all", "members": members}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [{"start": "2027-01-18T00:00:00Z", "end": "2027-01-25T00:00:00Z"}],
        }
        answer = await api.data(AVAILABILITY, CLIENT_SECRET, input=given)
        assert answer["availability"]["availablePeriods"] == [
            {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T10:00:00Z"},
            # In Tokyo, where the stocktaking is, the 20th begins at 15:00 UTC on the 19th.
            {"start": "2027-01-19T11:00:00Z", "end": "2027-01-19T15:00:00Z"},
            {"start": "2027-01-23T09:00:00Z", "end": "2027-01-23T12:00:00Z"},
        ]
