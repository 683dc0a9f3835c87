"""Database URLs: what they may contain, and how they are shown.

A URL may contain a password, also in a place where it does not belong: unescaped, or as a parameter. So
no message quotes any part of a URL, and a URL whose parts are ambiguous is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

#: the parameters that are whole numbers
_NUMBERS = ("statement_cache_size", "max_cached_statement_lifetime", "max_cacheable_statement_size")
#: the parameters of a PostgreSQL URL: those of asyncpg that can be written as text, and libpq's `sslmode`
_PARAMETERS = frozenset(
    {
        *("host", "port", "user", "password", "database", "passfile", "service", "servicefile"),
        *("ssl", "sslmode", "target_session_attrs", "krbsrvname", "gsslib"),
        *_NUMBERS,
    }
)

#: the host of a PostgreSQL URL, and its user and database, as written; other characters are escaped
_HOST = re.compile(r"[\w.:%-]*")
_NAME = re.compile(r"[\w.~%+!$-]*")

#: the authority of a PostgreSQL URL with several hosts, and one of them
_SEVERAL = re.compile(
    r"(?P<before>[a-z+]+://(?:[^@/?]*@)?)(?P<hosts>[^@/?,]*,[^@/?]*)(?P<path>[^?]*)\??(?P<query>.*)", re.S
)
_PLACE = re.compile(r"([a-zA-Z0-9._-]+)(?::(\d{1,5}))?")
_PORT = "5432"

_FORMS = "write sqlite:///path/file.db or postgresql://user@host/name"
_HOSTS = "write several hosts as postgresql://user@host1:5432,host2:5432/name"
_ESCAPE = "write special characters of a name or password as %XX, such as %40 for @"


class DatabaseUrlError(ValueError):
    """The database URL cannot be used."""


def parse(url: str) -> URL:
    """Returns the URL with the name of its driver. Raises DatabaseUrlError."""
    try:
        parsed = make_url(_hosts_as_parameters(url))
    except (ArgumentError, ValueError):  # ValueError: a port that is not a number
        raise DatabaseUrlError(f"this is not a database URL: {_FORMS}; {_ESCAPE}") from None
    match parsed.drivername:
        case "sqlite" | "sqlite+aiosqlite":
            return _sqlite(parsed)
        case "postgresql" | "postgres" | "postgresql+asyncpg":
            return _postgresql(url, parsed)
        case _:
            raise DatabaseUrlError("Openings does not support this database: use sqlite:/// or postgresql://")


def parse_listen_url(url: str, database: URL) -> URL:
    """Parses a direct address of a database, whose own URL may lead to a pooler. Raises DatabaseUrlError."""
    if database.get_backend_name() != "postgresql":
        raise DatabaseUrlError("OPENINGS_LISTEN_URL is for PostgreSQL: leave it out for SQLite")
    try:
        parsed = parse(url)
    except DatabaseUrlError as error:
        raise DatabaseUrlError(f"OPENINGS_LISTEN_URL: {error}") from None
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseUrlError("OPENINGS_LISTEN_URL must be a PostgreSQL URL")
    return parsed


def connect_options(url: URL) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` for a parsed PostgreSQL URL, each of the type that it takes."""
    _, options = url.get_dialect()().create_connect_args(url)
    # SQLAlchemy passes the numbers as texts, and asyncpg fails on them.
    return {**options, **{name: int(str(url.query[name])) for name in _NUMBERS if name in url.query}}


def show(url: URL) -> str:
    """The URL for messages, rebuilt from scheme, hosts, ports and database name only."""
    scheme = url.get_backend_name()
    if isinstance(hosts := url.query.get("host"), tuple):
        return f"{scheme}://{','.join(hosts)}/{url.database or ''}"
    shown = URL.create(scheme, host=url.host, port=url.port, database=url.database)
    return shown.render_as_string(hide_password=True)


UNUSABLE = (
    *(DBAPIError, OSError, UnicodeError),
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
)
"""What is raised when a database cannot be used: by the system, the database or its driver."""


def cause_of(error: Exception) -> str:
    """The first line of what the database or the system says.

    The driver may quote a parameter of the URL instead, so of its own errors only the kind is named.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    driver = getattr(cause, "driver_exception", cause)
    if isinstance(driver, asyncpg.TargetServerAttributeNotMatched):
        return "none of its hosts can be written to, or is what target_session_attrs asks for"
    if isinstance(driver, asyncpg.InterfaceError | asyncpg.InternalClientError | UnicodeError):
        return f"the host or a parameter of its URL cannot be used ({type(driver).__name__})"
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def _sqlite(parsed: URL) -> URL:
    if parsed.username is not None or parsed.password is not None or parsed.host or parsed.port is not None:
        raise DatabaseUrlError("a SQLite URL has three slashes and no user or host: sqlite:///path/file.db")
    if parsed.query:
        raise DatabaseUrlError("a SQLite URL has no parameters: sqlite:///path/file.db")
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseUrlError("a SQLite database needs a file: sqlite:///path/file.db")
    return parsed.set(drivername="sqlite+aiosqlite")


def _postgresql(url: str, parsed: URL) -> URL:
    """Checks that no part can be mistaken for another, and renames libpq's `sslmode` to asyncpg's `ssl`."""
    for problem in _ambiguities(url, parsed):
        raise DatabaseUrlError(f"{problem}: {_ESCAPE}")
    _, _, parameters = url.partition("@")[2].partition("?") if "@" in url else url.partition("?")
    names = [_parameter(number, text) for number, text in enumerate(parameters.split("&"), 1)] if parameters else []
    once = [name for name in names if name != "host"]
    if len(set(once)) < len(once):
        raise DatabaseUrlError("a parameter of the PostgreSQL URL is given twice")
    query = dict(parsed.query)
    if len(places := list(_places(query))) > 1:
        query["host"] = tuple(places)
        query.pop("port", None)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    parsed = parsed.set(drivername="postgresql+asyncpg", query=query)
    try:
        parsed.get_dialect()().create_connect_args(parsed)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError("a parameter of the PostgreSQL URL has a value that cannot be used") from None
    return parsed


def _hosts_as_parameters(url: str) -> str:
    """Returns a URL with several hosts in the form that SQLAlchemy understands, and any other as it is."""
    if (several := _SEVERAL.fullmatch(url)) is None or not url.startswith("postgres"):
        return url
    parameters = "&".join(filter(None, (f"host={several['hosts']}", several["query"])))
    return f"{several['before']}{several['path'] or '/'}?{parameters}"


def _places(query: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    """Yields the hosts among the parameters of a URL, each with its port, if there are several. Raises DatabaseUrlError."""
    given, ports = query.get("host", ""), str(query.get("port", "")).split(",")
    hosts = ",".join([given] if isinstance(given, str) else given).split(",")
    if len(hosts) == 1:
        return
    if len(ports) not in (1, len(hosts)):
        raise DatabaseUrlError(f"the PostgreSQL URL has another number of ports than of hosts: {_HOSTS}")
    for host, port in zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=True):
        place = _PLACE.fullmatch(host)
        if place is None or not (port or _PORT).isdecimal() or int(place[2] or port or _PORT) >= 2**16:
            raise DatabaseUrlError(f"one of the hosts of the PostgreSQL URL cannot be used: {_HOSTS}")
        yield f"{place[1]}:{place[2] or port or _PORT}"


def _ambiguities(url: str, parsed: URL) -> Iterator[str]:
    """Yields what is wrong with a URL in which a part of the password may have been taken for another part."""
    if not url.isprintable():
        yield "the PostgreSQL URL contains a control character"
    if url.count("@") > (parsed.username is not None):
        yield "the PostgreSQL URL has an @ that does not stand before the host"
    if not _HOST.fullmatch(parsed.host or "") or not 0 <= (parsed.port or 0) < 2**16:
        yield "the PostgreSQL URL has no valid host and port"
    user, at, path = url.partition("://")[2].partition("@")
    if not at:
        user, path = "", user
    name, _, password = user.partition(":")
    if not _NAME.fullmatch(name):
        yield "the PostgreSQL URL has no valid user name"
    if re.search(r"\?.*=", password):  # perhaps the @ is one of a password that is a parameter
        yield "the PostgreSQL URL has parameters before an @"
    if not _NAME.fullmatch(path.partition("?")[0].partition("/")[2]):
        yield "the PostgreSQL URL has no valid database name"


def _parameter(number: int, text: str) -> str:
    """The name of a parameter. Raises DatabaseUrlError."""
    name, equals, value = text.partition("=")
    if not equals or name not in _PARAMETERS:
        known = ", ".join(sorted(_PARAMETERS))
        raise DatabaseUrlError(
            f"parameter {number} of the PostgreSQL URL is unknown: a URL here may have {known}; {_ESCAPE}"
        )
    if name in _NUMBERS and not re.fullmatch(r"[0-9]{1,9}", value):
        raise DatabaseUrlError(f"parameter {number} of the PostgreSQL URL must be a whole number")
    return name
