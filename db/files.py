"""Files and folders that only their owner may read, and whether a path still leads to the file that was opened."""

import errno
import os
from contextlib import suppress
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Creates a folder and its missing parents with mode 0700; existing ones stay as they are. Raises OSError."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_private_folder(folder.parent)
    with suppress(FileExistsError):  # a file, or another process was faster
        folder.mkdir(0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def create_private_file(file: Path) -> None:
    """Creates an empty file with mode 0600, and its folder. An existing file stays as it is. Raises OSError."""
    file = Path(os.path.realpath(file))  # a symbolic link may name a file that does not exist
    make_private_folder(file.parent)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


class FileReplacedError(OSError):
    """The SQLite file was deleted or replaced while it was open: what is written now would be lost."""


class FileGuard:
    """Notices that a path no longer leads to the file that was there first.

    A program that has a file open goes on to read and write it after it was deleted or replaced, without an error.
    """

    def __init__(self, file: Path) -> None:
        self._path = str(file)
        #: device and inode of the file; None until there is one
        self._identity: tuple[int, int] | None = None
        self.is_replaced()

    @property
    def is_missing(self) -> bool:
        """Whether there has never been a file."""
        return self._identity is None

    def is_replaced(self) -> bool:
        """Whether there is another file now, or none. The first one that is found is the one to compare with."""
        try:
            found = os.stat(self._path)
        except OSError:
            return self._identity is not None
        identity = found.st_dev, found.st_ino
        if self._identity is None:
            self._identity = identity
        return identity != self._identity

    def check(self) -> None:
        """Raises FileReplacedError. Takes a microsecond or two."""
        if self.is_replaced():
            raise FileReplacedError(FileReplacedError.__doc__)
