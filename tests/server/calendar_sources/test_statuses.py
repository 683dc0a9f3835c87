"""How many calendar sources have which status, at /readyz and /metrics."""

from core.calendar_sources import SyncStatus
from core.instants import DAY, HOUR
from db import source_states
from server.calendar_sources.statuses import SourceStatuses
from tests.support.api import Api
from tests.support.builders import create_account
from tests.support.known_time import set_source


async def test_sources_are_counted_by_their_status(api: Api) -> None:
    """As each of them says by itself, at every edge."""
    states = [
        *({"synced_at": synced_at} for synced_at in (None, api.now)),
        *({"synced_at": api.now - age} for age in (HOUR - 1, HOUR, DAY - 1, DAY)),
        {"synced_at": api.now, "refused": True},
        {"synced_at": api.now - HOUR, "incomplete": True},
        {"synced_at": api.now - DAY, "incomplete": True},
    ]
    for number, state in enumerate(states):
        await set_source(api, await create_account(api, f"account {number}"), **state)
    assert await source_states.count(api.db.driver, api.now) == {
        SyncStatus.PENDING: 1,
        SyncStatus.ACTIVE: 2,
        SyncStatus.STALE: 2,
        SyncStatus.DISCONNECTED: 3,
        SyncStatus.PARTIAL: 1,
    }


async def test_a_source_that_fails_leaves_the_server_ready(api: Api, database_url: str) -> None:
    """The check says how many there are of each status, and nothing where there are none."""
    assert "calendar_sources" not in (await api.http.get("/readyz")).json()
    await set_source(api, await create_account(api, "ada"), synced_at=api.now, refused=True)
    statuses = SourceStatuses(api.db, lambda: api.now, seconds=0)
    assert await statuses.count() == {SyncStatus.DISCONNECTED: 1}
    async with Api.open(database_url, api.now) as another:
        response = await another.http.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "ready")
        assert response.json()["calendar_sources"] == {"disconnected": 1}
        shown = (await another.http.get("/metrics")).text
    assert 'openings_calendar_sources{status="disconnected"} 1.0' in shown
    assert 'openings_calendar_sources{status="active"} 0.0' in shown


async def test_a_database_that_does_not_answer_leaves_the_last_count(api: Api) -> None:
    await set_source(api, await create_account(api, "ada"), synced_at=None)
    statuses = SourceStatuses(api.db, lambda: api.now, seconds=0)
    before = await statuses.count()
    await api.db.close()
    assert await statuses.count() == before == {SyncStatus.PENDING: 1}
