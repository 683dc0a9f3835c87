"""Where the installation's key comes from, and that a database is used with its own key only."""

import asyncio
import stat
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db import clients, installation
from db.database import Database
from db.encryption import Encryption
from db.migrate import migrate
from server.process.installation import OtherKeyError, ensure_key, key_file, keys
from server.settings import SettingError, Settings
from tests.conftest import NOW

ID = "sch_64b1859e8090ea21640c915f"


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(database_url=f"sqlite:///{folder / 'new' / 'openings.db'}", **more)


def test_a_key_is_created_beside_the_sqlite_file_and_reused(tmp_path: Path) -> None:
    """Only its owner can read it."""
    made = keys(settings(tmp_path))
    file = tmp_path / "new" / "openings.db.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["openings.db.key"]
    assert keys(settings(tmp_path)).link_token(ID) == made.link_token(ID)
    assert keys(settings(tmp_path / "elsewhere")).link_token(ID) != made.link_token(ID)


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    """Workers start at the same moment; none may read a half-written file."""
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: keys(settings(tmp_path)).link_token(ID), range(32)))
    assert len(tokens) == 1


def test_a_configured_key_needs_no_file(tmp_path: Path) -> None:
    """For installations on several machines."""
    given = settings(tmp_path, key="k" * 32)
    assert keys(given).link_token(ID) == keys(given).link_token(ID)
    assert not (tmp_path / "new").exists()


def test_the_key_file_can_be_configured(tmp_path: Path) -> None:
    named = settings(tmp_path, key_file=str(tmp_path / "a.key"))
    keys(named)
    assert (tmp_path / "a.key").exists()


def test_the_key_for_postgresql_is_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no database file to put it beside."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert key_file(Settings(database_url="postgresql://user@host/name")) == tmp_path / "openings" / "openings.key"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe\x00"])
def test_an_invalid_key_file_is_refused_and_not_overwritten(tmp_path: Path, content: bytes) -> None:
    """It may be a mistake in the settings, and a new key could not decrypt what the old one has encrypted."""
    file = tmp_path / "a.key"
    file.write_bytes(content)
    with pytest.raises(SettingError, match=r"a\.key cannot be used: a key has at least 32 characters"):
        keys(settings(tmp_path, key_file=str(file)))
    assert file.read_bytes() == content


def test_a_key_file_that_cannot_be_created_is_reported_with_alternatives(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(SettingError, match="set OPENINGS_KEY_FILE to another file"):
        keys(settings(tmp_path, key_file=str(tmp_path / "a file" / "a.key")))
    with pytest.raises(SettingError, match="OPENINGS_KEY cannot be used"):
        keys(settings(tmp_path, key="short"))


KEY, OTHER = "k" * 32, "o" * 32


@pytest.fixture
async def new_url(empty_url: str) -> str:
    """The URL of a migrated database without any client."""
    db = Database(empty_url)
    await migrate(db)
    await db.close()
    return empty_url


@asynccontextmanager
async def opened(url: str, key: str) -> AsyncGenerator[Database]:
    """The database as a process with this key opens it."""
    db = Database(url, encryption=lambda: Encryption(key))
    try:
        yield db
    finally:
        await db.close()


async def ensure(url: str, key: str) -> None:
    """What a process with this key does when it starts."""
    async with opened(url, key) as db:
        await ensure_key(db, Settings(database_url=url, key=key))


async def create_client(url: str, key: str) -> str:
    """Creates a client whose secret is encrypted with this key, without a look at the database's. Returns its id."""
    async with opened(url, key) as db, db.write() as session:
        return (await clients.create(session, db.encryption, "Shop", NOW))[0]


async def test_the_first_key_is_the_only_one(new_url: str) -> None:
    """Every start checks it."""
    await ensure(new_url, KEY)
    await ensure(new_url, KEY)
    with pytest.raises(OtherKeyError, match=r"another key than this one \(OPENINGS_KEY\): put its own key there, or"):
        await ensure(new_url, OTHER)
    await ensure(new_url, KEY)


async def test_the_key_of_an_older_database_is_the_one_that_decrypts(new_url: str) -> None:
    """Before a fingerprint is known, clients' secrets tell; some may have been encrypted with a key that was lost."""
    await create_client(new_url, "lost" * 8)
    await create_client(new_url, KEY)
    with pytest.raises(OtherKeyError):
        await ensure(new_url, OTHER)
    await ensure(new_url, KEY)
    async with opened(new_url, KEY) as db, db.read() as session:
        assert await installation.check_key(session, Encryption("lost" * 8)) is installation.KeyState.WRONG


async def test_a_missing_key_file_is_not_replaced(new_url: str, tmp_path: Path) -> None:
    """This is how a restored backup without its key file looks."""
    await ensure(new_url, KEY)
    settings = Settings(database_url=new_url, key_file=str(tmp_path / "a.key"))
    async with opened(new_url, KEY) as db:
        with pytest.raises(OtherKeyError, match=r"a key that is missing here \(.*/a\.key\)"):
            await ensure_key(db, settings)
    assert list(tmp_path.glob("a.key*")) == []


async def test_of_servers_that_start_together_with_different_keys_one_wins(new_url: str) -> None:
    """On several machines, without OPENINGS_KEY: the second would make links that the first does not know."""
    ended = await asyncio.gather(*(ensure(new_url, KEY + str(n)) for n in range(4)), return_exceptions=True)
    assert [type(result) for result in ended if result is not None] == 3 * [OtherKeyError]


async def test_a_lost_key_can_be_replaced(new_url: str) -> None:
    """Clients with undecryptable secrets are named: no callback can be signed for them until they get new ones."""
    await ensure(new_url, KEY)
    lost, kept = await create_client(new_url, KEY), await create_client(new_url, OTHER)
    async with opened(new_url, OTHER) as db, db.write() as session:
        assert await installation.replace_key(session, Encryption(OTHER)) == [lost]
        found = {id: await clients.find(session, id) for id in (lost, kept)}
        assert [await clients.can_sign(session, client.key) for client in found.values() if client] == [False, True]
    await ensure(new_url, OTHER)
    with pytest.raises(OtherKeyError):
        await ensure(new_url, KEY)
