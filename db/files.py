"""Files and folders that only their owner may read, and the identity of a file."""

import errno
import os
from contextlib import suppress
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Creates a folder and its missing parents with mode 0700; existing ones stay as they are. Raises OSError."""
    if folder.is_dir():
        return
    if folder.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if folder.parent != folder:
        make_private_folder(folder.parent)
    with suppress(FileExistsError):  # another process was faster
        folder.mkdir(0o700)


def create_private_file(file: Path) -> None:
    """Creates an empty file with mode 0600, and its folder. An existing file stays as it is. Raises OSError."""
    file = Path(os.path.realpath(file))  # a symbolic link may name a file that does not exist
    make_private_folder(file.parent)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def identity(file: Path) -> tuple[int, int] | None:
    """The device and inode behind a path; None if nothing is there. Another file at the same path has another one."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
