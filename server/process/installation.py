"""The installation's database and its key, which comes from OPENINGS_KEY or from a file created on first use.

A database knows a fingerprint of its key. With another key every link's address would change and no callback could be
signed, so `ensure_key` refuses it: the usual cause is a restored backup whose key file was left behind.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from db import database_urls, installation
from db.database import Database
from db.encryption import Encryption
from db.files import make_private_folder
from db.installation import KeyState

from ..settings import SettingError, Settings, data_folder


class OtherKeyError(RuntimeError):
    """The database was used with another key."""


def database(settings: Settings) -> Database:
    """The database of the settings; its key is loaded on first use. Raises DatabaseUrlError."""
    return Database(
        settings.database_url,
        listen_url=settings.listen_url,
        pool_size=settings.pool_size,
        lock_timeout=settings.lock_timeout,
        assume_postgresql=settings.assume == "postgresql",
        encryption=lambda: keys(settings),
    )


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


async def ensure_key(db: Database, settings: Settings) -> None:
    """Checks that the key is the database's, and records it in a database that has none. Raises OtherKeyError.

    The database must be migrated. A key file that is missing is created for a new database only.
    """
    async with db.read() as session:
        if _is_missing(settings) and await installation.has_key(session):
            raise OtherKeyError(_words(db, settings, "was used with a key that is missing here"))
        state = await installation.check_key(session, db.encryption)
    if state is not KeyState.WRONG:
        async with db.write() as session:
            await installation.record_key(session, db.encryption)
            state = await installation.check_key(session, db.encryption)  # another server may have been faster
    if state is KeyState.WRONG:
        raise OtherKeyError(_words(db, settings, "was used with another key than this one"))


def key_source(settings: Settings) -> str:
    """Where the key comes from: the name of the setting, or the file."""
    return "OPENINGS_KEY" if settings.key else str(key_file(settings))


def _is_missing(settings: Settings) -> bool:
    return not settings.key and not key_file(settings).exists()


def _words(db: Database, settings: Settings, what: str) -> str:
    return (
        f"the database {db.shown_url} {what} ({key_source(settings)}): put its own key there, or, if that is lost, "
        "run openings key replace, which changes the address of every booking link"
    )


def key_file(settings: Settings) -> Path:
    """The key file: by default beside the SQLite file; for PostgreSQL in the user's data folder. Raises SettingError."""
    if settings.key_file:
        return Path(settings.key_file)
    url = database_urls.parse(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return Path(f"{url.database}.key")
    return data_folder("OPENINGS_KEY or OPENINGS_KEY_FILE") / "openings.key"


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
