"""The installation's database and its key, which comes from OPENINGS_KEY or from a file created on first use."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from platformdirs import user_data_path

from db import database_urls
from db.database import Database
from db.encryption import Encryption
from db.files import make_private_folder

from ..settings import SettingError, Settings


def database(settings: Settings) -> Database:
    """The database of the settings; its key is loaded on first use. Raises DatabaseUrlError."""
    return Database(settings.database_url, pool_size=settings.pool_size, encryption=lambda: keys(settings))


def keys(settings: Settings) -> Encryption:
    """The encryption with the installation's key. Raises SettingError if the key is too short or its file unusable."""
    if settings.key:
        return _encryption(settings.key, "OPENINGS_KEY")
    file = key_file(settings)
    try:
        return _encryption(_read_or_create(file), f"the key in {file}")
    except OSError as error:
        words = "set OPENINGS_KEY_FILE to another file, or OPENINGS_KEY to the key itself"
        raise SettingError(f"the key in {file} cannot be used: {error.strerror}; {words}") from None


def key_file(settings: Settings) -> Path:
    """The key file: by default beside the SQLite file; for PostgreSQL in the user's data folder."""
    if settings.key_file:
        return Path(settings.key_file)
    url = database_urls.parse(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return Path(f"{url.database}.key")
    return Path(user_data_path("openings")) / "openings.key"


def _read_or_create(file: Path) -> str:
    """Reads the key file, creating it if missing: atomically, because other processes may start at the same time."""
    if not file.exists():
        make_private_folder(file.parent)
        with NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.", encoding="ascii") as new:  # mode 0600
            new.write(f"{secrets.token_urlsafe(32)}\n")
            new.flush()
            os.fsync(new.fileno())
            with suppress(FileExistsError):  # another process was faster; its key is used
                os.link(new.name, file)
    return file.read_text("utf-8", "replace").strip()


def _encryption(key: str, source: str) -> Encryption:
    try:
        return Encryption(key)
    except ValueError as error:
        raise SettingError(f"{source} cannot be used: {error}") from None
