"""Debian's PgBouncer in front of a PostgreSQL server, on a Unix socket of its own."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import make_url

from .browser import require_tool
from .documented_commands import documented
from .waiting import TIMEOUT, wait_until

#: outside of the PATH of users, where Debian installs it
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
_PORT = 6432


def _configuration(server: str, folder: Path, mode: str, more: str) -> str:
    """The documented configuration, with the addresses of the test and without passwords."""
    written = documented("ini pooler")
    for documents, here in (
        ("openings = host=db1 port=5432 dbname=openings", f"* = {server}"),
        ("listen_addr = 127.0.0.1", f"unix_socket_dir = {folder}"),
        ("auth_type = scram-sha-256\nauth_file = /etc/pgbouncer/userlist.txt", "auth_type = any"),
        ("pool_mode = transaction", f"pool_mode = {mode}"),
    ):
        assert documents in written
        written = written.replace(documents, here)
    return f"{written}{more}\n"


@contextmanager
def pgbouncer(database_url: str, mode: str, more: str = "") -> Generator[str]:
    """Runs a pooler in this mode, with these lines more in its configuration. Yields the URL of the database behind it."""
    require_tool(PGBOUNCER, "no PgBouncer: install Debian's pgbouncer")
    url = make_url(database_url)
    place = str(url.query.get("host") or url.host)
    port, user = url.port or 5432, url.username or "postgres"
    server = f"host={place} port={port} user={user}" + (f" password={url.password}" if url.password else "")
    with TemporaryDirectory(prefix="openings-pgbouncer-") as name:
        folder = Path(name)
        configuration, log = folder / "pgbouncer.ini", folder / "log"
        configuration.write_text(_configuration(server, folder, mode, more))
        command = [str(PGBOUNCER), str(configuration)]
        if os.geteuid() == 0:  # it does not run as root; the owner of the server's socket may use that
            owner = pwd.getpwuid(os.stat(place).st_uid if place.startswith("/") else 65534)
            shutil.chown(folder, owner.pw_uid)
            command += ["--user", owner.pw_name]
        with log.open("wb") as output, subprocess.Popen(command, stderr=output, stdin=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: process.poll() is not None or _accepts(folder / f".s.PGSQL.{_PORT}"))
                assert process.poll() is None, log.read_text()
                yield f"postgresql://{user}@/{url.database}?host={folder}&port={_PORT}"
            finally:
                process.kill()
                process.wait(TIMEOUT)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trying:
        return trying.connect_ex(str(path)) == 0
