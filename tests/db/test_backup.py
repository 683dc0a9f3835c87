"""Backups: the commands of docs/operations.md, run exactly as documented, restore the data."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from tests.support import documented_commands
from tests.support.api import CLIENT_SECRET, KEY, Account, Api
from tests.support.builders import create_hourly_events, create_link, link_input, link_token, nth_hour, slots_input
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import AVAILABILITY_SLOT_STARTS, UPSERT_EVENTS
from tests.support.waiting import TIMEOUT, until

#: events per request in the test that writes during the backup
BATCH = 20


async def run(what: str, backend: str, variables: Mapping[str, str]) -> None:
    """Runs the documented commands for this database."""
    path = documented_commands.programs(postgresql=backend == "postgresql")
    await documented_commands.run(f"sh {what}={backend}", variables, path)


@asynccontextmanager
async def places(backend: str, database_url: str, folder: Path) -> AsyncGenerator[tuple[dict[str, str], str]]:
    """The values of the documentation's variables, and the URL of the database to restore into."""
    key = folder / "kept elsewhere.key"
    key.write_text(KEY)
    if backend == "sqlite":
        restored = folder / "restored.db"
        database = database_url.removeprefix("sqlite:///")
        names = {"DATABASE": database, "BACKUP": str(folder / "backup.db"), "RESTORED": str(restored), "KEY": str(key)}
        yield names, f"sqlite:///{restored}"
        return
    name = f"restored_{uuid4().hex}"
    url = with_database(database_url, name)
    names = {"DATABASE_URL": database_url, "BACKUP": str(folder / "backup"), "RESTORED": name, "RESTORED_URL": url}
    yield {**names, "KEY": str(key)}, url
    await execute_sql(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def write_on(api: Api, whose: Account, acknowledged: list[int]) -> None:
    """Upserts one batch after the other, and records each that was acknowledged."""
    while True:
        batch = len(acknowledged)
        events = [
            {"eventId": f"{batch} {n}", "summary": "Busy", "start": nth_hour(n), "end": nth_hour(n + 1)}
            for n in range(BATCH)
        ]
        await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": events})
        acknowledged.append(batch)


async def back_up_during_writes(backend: str, variables: Mapping[str, str], acknowledged: list[int]) -> int:
    """Makes a backup again until a batch was written during it, and returns how many had been written before."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            before = len(acknowledged)
            await run("backup", backend, variables)
            if len(acknowledged) > before:
                return before
            backup = Path(variables["BACKUP"])
            shutil.rmtree(backup) if backup.is_dir() else backup.unlink()


async def test_a_backup_taken_during_writes_gives_the_same_answers(
    api: Api, backend: str, database_url: str, tmp_path: Path
) -> None:
    """Tokens, links and answers are the same; acknowledged writes are included, and no request is included in part."""
    quiet, busy = await api.application_calendar("quiet"), await api.application_calendar("busy")
    link = await create_link(api, link_input(("all", [quiet])))
    await create_hourly_events(api, quiet, 100)
    acknowledged: list[int] = []
    writing = asyncio.create_task(write_on(api, busy, acknowledged))
    async with places(backend, database_url, tmp_path) as (variables, restored_url):
        await until(lambda: len(acknowledged) >= 3)
        before = await back_up_during_writes(backend, variables, acknowledged)
        writing.cancel()
        await asyncio.wait({writing})
        await run("restore", backend, variables)
        key_file = "" if backend == "sqlite" else variables["KEY"]  # where the server looks for it by itself, or told
        async with Api.open(restored_url, api.now, key="", key_file=key_file) as restored:
            page = await restored.http.get(f"/book/{link_token(link)}")
            assert page.status_code == 200
            assert await answers(restored, quiet) == await answers(api, quiet)
            batches = await events_of_each_batch(restored)
            assert list(batches) == list(range(len(batches)))
            assert len(batches) >= before
            assert set(batches.values()) == {BATCH}
            await create_hourly_events(restored, busy, 1)  # it can be written to: ids continue


async def answers(api: Api, whose: Account) -> list[object]:
    """The answers that the account and its application get."""
    return [
        await api.data("{ calendars { calendarId calendarName } }", whose.token),
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=slots_input([whose])),
    ]


async def events_of_each_batch(api: Api) -> dict[int, int]:
    """The number of events of each batch, in the order of the batches."""
    ids = [event_id for (event_id,) in await api.rows("SELECT event_id FROM events WHERE event_id LIKE '% %'")]
    batches = sorted(int(event_id.split()[0]) for event_id in ids)
    return {batch: batches.count(batch) for batch in dict.fromkeys(batches)}
