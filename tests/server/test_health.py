"""Health checks for supervisors and load balancers."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from db import readiness
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.assumptions import DISKS
from tests.support.builders import event_input
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.waiting import TIMEOUT, until

#: seconds that no test takes
HOUR = 3600


async def status(api: Api) -> tuple[int, str]:
    """The response of `/readyz`."""
    async with asyncio.timeout(TIMEOUT):
        response = await api.http.get("/readyz")
    return response.status_code, response.json()["status"]


async def until_status(api: Api, expected: tuple[int, str]) -> None:
    """Waits until `/readyz` responds with this."""
    async with asyncio.timeout(TIMEOUT):
        while await status(api) != expected:
            await asyncio.sleep(0.05)


def may_be_repeated(answer: dict[str, Any]) -> bool:
    """Whether an answer has the error of a request that failed only because of the database's state."""
    extensions = answer["errors"][0]["extensions"]
    return (extensions["code"], extensions["retry"]) == ("INTERNAL", True)


async def assert_full_disk_is_seen(api: Api, disk: Path, ada: Account, given: dict[str, Any]) -> None:
    """The database is not ready while its disk is full, and a write may be repeated; then it is ready again."""
    assert await status(api) == (200, "ready")
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "more").write_bytes(b"x" * free)
    assert await status(api) == (503, readiness.FULL)
    assert may_be_repeated(await api(UPSERT_EVENTS, ada.token, input=given))
    (disk / "more").unlink()
    assert await status(api) == (200, "ready")


async def test_alive_and_ready(api: Api) -> None:
    """`/healthz` says that the process runs, `/readyz` that it can work, and with which version of the time zones."""
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}
    response = await api.http.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["tzdata"].startswith("20")


async def test_unknown_addresses_and_methods_have_the_shape_of_every_error(api: Api) -> None:
    """404 and 405 come as JSON, like every other error."""
    for method, address, status in (("GET", "/nowhere", 404), ("POST", "/healthz", 405)):
        response = await api.http.request(method, address)
        assert response.status_code == status
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("path", ["", "/graphql", "/book/a-token", "/book/a-token.ics", "/healthz", "/readyz", "/no"])
async def test_no_response_contains_a_url_made_of_the_host_header(api: Api, path: str, end: str) -> None:
    """A path with a slash at its end is unknown, and is not redirected: behind a proxy even from https to http."""
    for method in ("GET", "POST", "HEAD"):
        response = await api.http.request(method, path + end, headers={"Host": "evil.example", "Accept": "text/html"})
        assert "evil.example" not in response.text + str(response.headers)
        assert response.headers.get("location", "/graphql") == "/graphql"
        if path and end:
            assert response.status_code == 404
            assert method == "HEAD" or response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_concurrent_checks_are_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many load balancers cost as much as one."""
    begun = 0
    find = readiness.Readiness._find_problem

    async def counted(self: readiness.Readiness) -> str | None:
        nonlocal begun
        begun += 1
        return await find(self)

    monkeypatch.setattr(readiness.Readiness, "_find_problem", counted)
    assert set(await asyncio.gather(*(status(api) for _ in range(20)))) == {(200, "ready")}
    assert begun < 5


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A health check that waits for as long as a busy machine takes."""
    monkeypatch.setattr(readiness, "_TIMEOUT", TIMEOUT)


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A health check that waits for a moment."""
    monkeypatch.setattr(readiness, "_TIMEOUT", 0.2)


class TestPostgreSQL:
    """On PostgreSQL."""

    @pytest.fixture(params=["postgresql"])
    def backend(self, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.mark.usefixtures("impatient")
    async def test_a_database_that_does_not_answer(
        self, api: Api, database_url: str, caplog: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its connection is free at once, there is one line in the log, and it is ready again afterwards."""
        locker = await asyncpg.connect(database_url)
        await locker.execute("BEGIN; LOCK TABLE alembic_version")
        for _ in range(2):
            assert await status(api) == (503, readiness.SILENT)
            await until(lambda: not api.db.connections_in_use)
        assert caplog.messages == [f"not ready: {readiness.SILENT}"]
        await locker.close()
        monkeypatch.setattr(readiness, "_TIMEOUT", TIMEOUT)
        assert await status(api) == (200, "ready")

    @pytest.mark.usefixtures("impatient")
    async def test_a_server_that_does_not_accept(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing waits for the connection any longer than the response does."""

        async def never(**_options: Any) -> None:
            await asyncio.sleep(HOUR)

        with monkeypatch.context() as patched:
            patched.setattr(asyncpg, "connect", never)
            assert await status(api) == (503, readiness.SILENT)
            await until(lambda: not api.db.connections_in_use)

    async def test_a_read_only_database(self, api: Api, database_url: str, postgresql: str) -> None:
        """As on a standby, or as an operator has set it."""
        name = api.db.writer.url.database
        await execute_sql(postgresql, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert await status(api) == (503, readiness.READ_ONLY)
        await execute_sql(postgresql, f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert await status(api) == (200, "ready")

    async def test_every_connection_of_the_pool_is_taken(self, database_url: str) -> None:
        """A busy server is ready: the check has a connection of its own, and leaves none open."""
        async with Api.open(database_url, NOW, pool_size=1) as api, api.db.read() as session:
            await session.connection()
            assert await status(api) == (200, "ready")
            assert api.db.connections_in_use == 1

    @pytest.mark.usefixtures("impatient")
    async def test_commits_that_are_not_confirmed(self, api: Api, postgresql: str) -> None:
        """Each waits for a standby that is not there."""
        await execute_sql(postgresql, f"ALTER DATABASE {api.db.writer.url.database} SET synchronous_commit = on")
        await execute_sql(postgresql, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try:
            await execute_sql(postgresql, "SELECT pg_reload_conf()")
            await until_status(api, (503, readiness.SILENT))
        finally:
            await execute_sql(postgresql, "ALTER SYSTEM RESET synchronous_standby_names")
            await execute_sql(postgresql, "SELECT pg_reload_conf()")
        await until_status(api, (200, "ready"))

    @DISKS
    async def test_a_full_disk(self, database_on_a_small_disk: tuple[str, Path]) -> None:
        """A file system of its own. Writes get a coded error that says that they may be repeated, and then succeed."""
        url, disk = database_on_a_small_disk
        async with Api.open(url, NOW) as api:
            ada = await api.application_calendar("ada")
            events = [event_input(f"e{number}", description="x" * 4000) for number in range(500)]
            given = {"calendarId": ada.calendar_id, "events": events}
            await assert_full_disk_is_seen(api, disk, ada, given)
            await api.data(UPSERT_EVENTS, ada.token, input=given)

    async def test_a_limit_of_temporary_files_is_no_full_disk(
        self, api: Api, database_url: str, postgresql: str
    ) -> None:
        name = api.db.writer.url.database
        await execute_sql(postgresql, f"ALTER DATABASE {name} SET temp_file_limit = 1")
        assert await status(api) == (200, "ready")

    @pytest.fixture
    async def database_on_a_small_disk(
        self, postgresql: str, postgresql_template: str
    ) -> AsyncGenerator[tuple[str, Path]]:
        """A database in a tablespace of 30 MB, and its folder; only root may mount one."""
        connection = await asyncpg.connect(postgresql)
        data = Path(await connection.fetchval("SHOW data_directory"))
        name = f"small_{uuid4().hex}"
        with TemporaryDirectory(prefix="openings-disk-") as folder:
            try:
                Path(folder).chmod(0o755)
                disk = Path(folder, "disk")
                disk.mkdir()
                owner = data.stat()
                options = f"size=30m,uid={owner.st_uid},gid={owner.st_gid},mode=700"
                subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", disk], check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                await connection.close()
                pytest.skip("file systems cannot be mounted here, or PostgreSQL is on another machine")
            await connection.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgresql_template} TABLESPACE {name}")
            yield with_database(postgresql, name), disk
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await connection.execute(f"DROP TABLESPACE {name}")
            await connection.close()
            subprocess.run(["umount", "--lazy", disk], check=True)


class TestSQLite:
    """On SQLite."""

    @pytest.fixture(params=["sqlite"])
    def backend(self, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture
    def file(self, database_url: str) -> Path:
        return Path(database_url.removeprefix("sqlite:///"))

    async def test_a_file_that_was_replaced(self, api: Api, file: Path, caplog: Any) -> None:
        """By a copy: the server would go on to write to the old file, which no path leads to."""
        assert await status(api) == (200, "ready")
        shutil.copy(file, copy := file.with_name("copy.db"))
        file.rename(old := file.with_name("old.db"))
        copy.rename(file)
        for _ in range(2):
            assert await status(api) == (503, readiness.REPLACED)
        assert caplog.messages == [f"not ready: {readiness.REPLACED}"]
        old.rename(file)
        assert await status(api) == (200, "ready")

    async def test_a_file_that_was_deleted(self, api: Api, file: Path) -> None:
        """The check does not create it."""
        file.unlink()
        assert await status(api) == (503, readiness.REPLACED)
        assert not file.exists()

    @pytest.mark.usefixtures("impatient")
    async def test_a_disk_that_does_not_answer(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """A thread that waits for the disk cannot be ended: later checks wait for the same one."""
        waiting, answered = 0, Event()

        def slow(*_arguments: object) -> bool:
            nonlocal waiting
            waiting += 1
            return answered.wait(2 * TIMEOUT)

        monkeypatch.setattr(readiness.os, "access", slow)
        try:
            assert [await status(api), await status(api)] == [(503, readiness.SILENT)] * 2
            assert waiting == 1
        finally:
            answered.set()

    async def test_a_file_that_others_are_writing_to_is_ready(self, api: Api, file: Path) -> None:
        """It can be read, and the writer may end at any moment."""
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await status(api) == (200, "ready")

    async def test_the_check_changes_nothing(self, api: Api, file: Path) -> None:
        """Neither the file nor its version, by which cached rows are revalidated."""
        await status(api)
        with closing(sqlite3.connect(file)) as other:
            before = other.execute("PRAGMA data_version").fetchone(), file.read_bytes()
            await status(api)
            assert (other.execute("PRAGMA data_version").fetchone(), file.read_bytes()) == before

    async def test_a_file_without_the_right_to_write(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readiness.os, "access", lambda *_arguments: False)  # root may write to every file
        assert await status(api) == (503, readiness.READ_ONLY)

    async def test_a_full_and_a_read_only_disk(self, disk: Path, database_url: str) -> None:
        """A file system of its own, of one megabyte."""
        shutil.copy(database_url.removeprefix("sqlite:///"), disk / "openings.db")
        async with Api.open(f"sqlite:///{disk / 'openings.db'}", NOW) as api:
            ada = await api.application_calendar("ada")
            events = [event_input(f"e{number}", description="x" * 4000) for number in range(20)]
            await assert_full_disk_is_seen(api, disk, ada, {"calendarId": ada.calendar_id, "events": events})
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        async with Api.open(f"sqlite:///{disk / 'openings.db'}", NOW) as api:
            assert await status(api) == (503, readiness.READ_ONLY)

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Generator[Path]:
        """A small file system; only root may mount one."""
        folder = tmp_path / "disk"
        folder.mkdir()
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("file systems cannot be mounted here")
        yield folder
        subprocess.run(["umount", "--lazy", folder], check=True)
