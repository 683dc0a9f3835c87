"""Where the installation's key comes from."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server.process.installation import key_file, keys
from server.settings import SettingError, Settings

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
