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


def test_a_key_is_made_beside_the_sqlite_file_and_found_there_again(tmp_path: Path) -> None:
    """For nobody but its owner to read."""
    made = keys(settings(tmp_path))
    file = tmp_path / "new" / "openings.db.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["openings.db.key"]
    assert keys(settings(tmp_path)).link_token(ID) == made.link_token(ID)
    assert keys(settings(tmp_path / "elsewhere")).link_token(ID) != made.link_token(ID)


def test_many_who_need_it_at_once_have_the_same_one(tmp_path: Path) -> None:
    """Workers start at the same moment, and none may read half of what another one writes."""
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: keys(settings(tmp_path)).link_token(ID), range(32)))
    assert len(tokens) == 1


def test_a_key_that_is_given_needs_no_file(tmp_path: Path) -> None:
    """As where several machines have to have the same one."""
    given = settings(tmp_path, key="k" * 32)
    assert keys(given).link_token(ID) == keys(given).link_token(ID)
    assert not (tmp_path / "new").exists()


def test_a_file_may_be_named(tmp_path: Path) -> None:
    named = settings(tmp_path, key_file=str(tmp_path / "a.key"))
    keys(named)
    assert (tmp_path / "a.key").exists()


def test_the_key_of_a_database_elsewhere_is_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no file of it to lie beside."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert key_file(Settings(database_url="postgresql://user@host/name")) == tmp_path / "openings" / "openings.key"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe\x00"])
def test_a_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """It may be somebody's mistake, and another key would not open what this one has sealed."""
    file = tmp_path / "a.key"
    file.write_bytes(content)
    with pytest.raises(SettingError, match=r"a\.key cannot be used: a key has at least 32 characters"):
        keys(settings(tmp_path, key_file=str(file)))
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_made_is_told_with_what_else_there_is(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(SettingError, match="OPENINGS_KEY_FILE names another file"):
        keys(settings(tmp_path, key_file=str(tmp_path / "a file" / "a.key")))
    with pytest.raises(SettingError, match="OPENINGS_KEY cannot be used"):
        keys(settings(tmp_path, key="short"))
