"""Files and folders that the server makes: only their owner may read them."""

import asyncio
import os
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db import files
from db.database import Database
from db.migrate import migrate

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@pytest.fixture(autouse=True)
def open_umask() -> Generator[None]:
    """Everything that is made without a mode is for everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The modes of everything in a folder."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


async def test_the_files_of_a_new_database_are_private(tmp_path: Path) -> None:
    """Its folders, the file itself, and the two that SQLite makes beside it."""
    db = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'openings.db'}")
    await migrate(db)
    async with db.read() as session:
        await session.connection()
        assert modes(tmp_path) == {
            "a": 0o700,
            "a/b": 0o700,
            "a/b/openings.db": 0o600,
            "a/b/openings.db-shm": 0o600,
            "a/b/openings.db-wal": 0o600,
        }
    await db.close()


async def test_what_exists_keeps_its_mode(tmp_path: Path) -> None:
    """An operator may have given a group access; SQLite's other files have the mode of the database."""
    (tmp_path / "a").mkdir(0o750)
    file = tmp_path / "a" / "openings.db"
    file.touch(0o640)
    db = Database(f"sqlite:///{file}")
    await migrate(db)
    assert modes(tmp_path) == {"a": 0o750, **{f"a/openings.db{end}": 0o640 for end in ("", "-shm", "-wal")}}
    await db.close()


async def test_a_link_to_a_file_that_is_to_be_made(tmp_path: Path) -> None:
    """The file behind the link is private, too."""
    (tmp_path / "openings.db").symlink_to(tmp_path / "disk" / "openings.db")
    db = Database(f"sqlite:///{tmp_path / 'openings.db'}")
    await migrate(db)
    await db.close()
    assert modes(tmp_path / "disk")["openings.db"] == 0o600


async def test_a_deleted_file_is_not_made_again(tmp_path: Path) -> None:
    """Connections open existing files only; otherwise an empty database would take the place of the deleted one."""
    file = tmp_path / "openings.db"
    db = Database(f"sqlite:///{file}")
    await migrate(db)
    await db.close()
    file.unlink()
    again = Database(f"sqlite:///{file}")
    with pytest.raises(OperationalError, match="unable to open"):
        async with again.read() as session:
            await (await session.connection()).execute(text("SELECT 1"))
    await again.close()
    assert not file.exists()
    await asyncio.sleep(0.05)  # aiosqlite's thread reports its end to the event loop, which must still be there


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.make_private_folder(tmp_path / "file" / "a" / "b")


async def test_names_with_special_characters(tmp_path: Path) -> None:
    """The file has exactly this name."""
    file = tmp_path / "é #100% & b"
    db = Database(f"sqlite:///{str(file).replace('%', '%25')}")
    await migrate(db)
    await db.close()
    assert [path.name for path in tmp_path.iterdir()] == ["é #100% & b"]
