"""The installation's database, and its key: given by the environment, or kept in a file that is made when it is first needed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from platformdirs import user_data_path
from sqlalchemy.engine import make_url

from db.database import Database
from db.encryption import Encryption

from ..settings import SettingError, Settings


def database(settings: Settings) -> Database:
    """The database of the settings, which finds its key when it is needed. Raises DatabaseUrlError."""
    return Database(settings.database_url, pool_size=settings.pool_size, encryption=lambda: keys(settings))


def keys(settings: Settings) -> Encryption:
    """What follows from the key. Raises SettingError for one that is too short, and for a file that cannot be used."""
    if settings.key:
        return _of(settings.key, "OPENINGS_KEY")
    file = key_file(settings)
    try:
        return _of(_kept(file), f"the key in {file}")
    except OSError as error:
        words = "OPENINGS_KEY_FILE names another file, and OPENINGS_KEY gives the key itself"
        raise SettingError(f"the key in {file} cannot be used: {error.strerror}; {words}") from None


def key_file(settings: Settings) -> Path:
    """Where the key is kept: beside a SQLite file; for PostgreSQL, which is somewhere else, in the user's data folder."""
    if settings.key_file:
        return Path(settings.key_file)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return Path(f"{url.database}.key")
    return Path(user_data_path("openings")) / "openings.key"


def _kept(file: Path) -> str:
    """The key in the file, which is made if it is not there: whole at once, for others may look at the same moment."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.", encoding="ascii") as new:  # for its owner
            new.write(f"{secrets.token_urlsafe(32)}\n")
            new.flush()
            os.fsync(new.fileno())
            with suppress(FileExistsError):  # somebody else was faster, and theirs counts
                os.link(new.name, file)
    return file.read_text("utf-8", "replace").strip()


def _of(key: str, source: str) -> Encryption:
    try:
        return Encryption(key)
    except ValueError as error:
        raise SettingError(f"{source} cannot be used: {error}") from None
