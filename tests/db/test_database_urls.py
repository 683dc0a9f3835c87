"""Database URLs: which are accepted, and that no message shows a password, wherever it was written."""

import asyncio
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.database import Database
from db.database_urls import DatabaseUrlError, parse, show
from db.notifications.listener import _connection
from server.cli import main

#: what each password is made of; nothing else in a URL or a message contains it
PIECE = "Zq7xK"

PASSWORDS = st.lists(st.text("@:/?#&=%+;, '\"\\[]{}|\n\t$!.-é", max_size=3), min_size=1, max_size=4).map(
    lambda between: PIECE + PIECE.join(between) + PIECE
)

#: where an operator may write a password: rightly, or by mistake
PLACES: dict[str, Callable[[str], str]] = {
    "unescaped": lambda word: f"postgresql://ada:{word}@127.0.0.1:1/x",
    "escaped": lambda word: f"postgresql://ada:{quote(word, safe='')}@127.0.0.1:1/x",
    "without a user": lambda word: f"postgresql://:{word}@127.0.0.1:1/x",
    # With an @ it would be a URL like any other.
    "without a host": lambda word: f"postgresql://ada:{word.replace('@', '')}",
    "with an empty host": lambda word: f"postgresql://ada:{word}@/x",
    "after a space": lambda word: f" postgresql://ada:{word}@127.0.0.1:1/x",
    "libpq's scheme": lambda word: f"postgres://ada:{word}@127.0.0.1:1/x",
    "another driver": lambda word: f"postgresql+psycopg://ada:{word}@127.0.0.1:1/x",
    "another database": lambda word: f"mysql://ada:{word}@127.0.0.1:1/x",
    "sqlite": lambda word: f"sqlite://ada:{word}@127.0.0.1:1/x",
    "sqlite's parameter": lambda word: f"sqlite:////nowhere/x.db?password={word}",
    "no scheme": lambda word: f"ada:{word}@127.0.0.1:1/x",
    "a parameter": lambda word: f"postgresql://ada@127.0.0.1:1/x?password={word}",
    "an escaped parameter": lambda word: f"postgresql://ada@127.0.0.1:1/x?password={quote(word, safe='')}",
    "a parameter and no user": lambda word: f"postgresql://127.0.0.1:1/x?sslmode=disable&password={word}",
    "a parameter and no host": lambda word: f"postgresql://?host=127.0.0.1&port=1&password={word}",
    "a parameter before others": lambda word: f"postgresql://127.0.0.1:1/x?password={word}&sslmode=disable",
    "a parameter twice": lambda word: f"postgresql://127.0.0.1:1/x?password={word}&password={word}",
    "a parameter of its own": lambda word: f"postgresql://127.0.0.1:1/x?pasword={word}",
    "another parameter": lambda word: f"postgresql://127.0.0.1:1/x?target_session_attrs={quote(word, safe='')}",
    "the parameter dsn": lambda word: f"postgresql://127.0.0.1:1/x?dsn=postgresql://ada:{word}@127.0.0.1/x",
    "a port": lambda word: f"postgresql://127.0.0.1/x?port={quote(word, safe='')}",
    "a number": lambda word: f"postgresql://127.0.0.1:1/x?statement_cache_size={word}",
    "after &": lambda word: f"postgresql://ada@127.0.0.1:1/x&password={word}",
    "after ;": lambda word: f"postgresql://ada@127.0.0.1:1/x;password={word}",
    "after #": lambda word: f"postgresql://ada@127.0.0.1:1/x#{word}",
    "libpq's string": lambda word: f"host=127.0.0.1 port=1 password={word} dbname=x",
    "libpq's string, quoted": lambda word: f"host=127.0.0.1 port=1 password='{word}'",
    "libpq's string after a scheme": lambda word: f"postgresql://host=127.0.0.1 port=1 password={word}",
    "libpq's string as a name": lambda word: f"postgresql:///host=127.0.0.1 port=1 password={word}",
    "jdbc": lambda word: f"jdbc:postgresql://127.0.0.1:1/x?user=ada&password={word}",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@given(password=PASSWORDS)
def test_no_password_is_shown(place: Callable[[str], str], password: str) -> None:
    """Neither in the words of an error nor in the URL that messages show, whole or in parts."""
    words, hidden = "", True
    try:
        words = show(parse(place(password)))
    except DatabaseUrlError as error:
        words, hidden = str(error), error.__context__ is None or error.__suppress_context__
    assert PIECE not in words
    assert hidden, "a traceback would show the error of a library"


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@settings(max_examples=10)
@given(password=PASSWORDS)
def test_no_password_of_a_direct_address_is_shown(place: Callable[[str], str], password: str) -> None:
    try:
        words = f"OPENINGS_LISTEN_URL {Database('postgresql:///x', listen_url=place(password)).shown_listen_url}"
        hidden = True
    except DatabaseUrlError as error:
        words, hidden = str(error), error.__suppress_context__
    assert words.startswith("OPENINGS_LISTEN_URL")
    assert PIECE not in words
    assert hidden, "a traceback would show the error of a library"


def test_a_direct_address_is_of_the_same_kind_as_the_database() -> None:
    with pytest.raises(DatabaseUrlError, match="OPENINGS_LISTEN_URL is for PostgreSQL: leave it out for SQLite"):
        Database("sqlite:///x.db", listen_url="postgresql:///x")
    with pytest.raises(DatabaseUrlError, match="OPENINGS_LISTEN_URL must be a PostgreSQL URL"):
        Database("postgresql:///x", listen_url="sqlite:///x.db")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@settings(max_examples=5)
@given(password=PASSWORDS)
def test_no_password_is_printed(place: Callable[[str], str], password: str) -> None:
    """`openings migrate` fails in one line on standard error; nothing listens on port 1."""
    for arguments in (["--database-url", place(password)], [f"--database-url={place(password)}"]):
        assert PIECE not in printed(["migrate", *arguments])


@settings(max_examples=20)
@given(password=PASSWORDS)
def test_no_password_is_printed_by_a_usage_error(password: str) -> None:
    """A string of libpq's without quotes is several words to the shell, and a URL may stand in a wrong place."""
    for arguments in (
        ["migrate", "--database-url", "host=127.0.0.1", f"password={password}"],
        ["migrate", f"postgresql://ada:{password}@127.0.0.1/x"],
        ["migrate", f"--password={password}"],
        ["migrate", "--database-url", "x", "-p", password],
        [f"postgresql://ada:{password}@127.0.0.1/x"],
        ["serve", f"--d=postgresql://ada:{password}@127.0.0.1/x"],
        ["serve", "--port", f"postgresql://ada:{password}@127.0.0.1/x"],
    ):
        assert PIECE not in printed(arguments), arguments


def printed(arguments: list[str]) -> str:
    """The standard error of a command that fails, which is one line."""
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("server.commands.running.print", lambda text, **_: lines.append(text), raising=False)
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
    assert stopped.value.code in (1, 2)
    [line] = lines
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:a%40b@db.internal:5433/my%20shop?sslmode=require", "postgresql://db.internal:5433/my shop"),
        ("postgres://ada@db_1/x", "postgresql://db_1/x"),
        ("postgresql://ada:a:b/c?d@db/x", "postgresql://db/x"),
        ("postgresql://[::1]:5432/x", "postgresql://[::1]:5432/x"),
        ("postgresql://postgres:@/postgres?host=/tmp/a-socket", "postgresql:///postgres"),
        ("postgresql+asyncpg://db/x?statement_cache_size=0", "postgresql://db/x"),
        ("postgresql://ada:word@db1:5433,db2/x", "postgresql://db1:5433,db2:5432/x"),
        ("postgresql://db1,db2?user=ada", "postgresql://db1:5432,db2:5432/"),
        ("postgresql:///x?host=db1:5433&host=db2:5434", "postgresql://db1:5433,db2:5434/x"),
        ("postgresql:///x?host=db1,db2&port=5433,5434", "postgresql://db1:5433,db2:5434/x"),
        ("postgresql:///x?host=db1,db2&port=5433", "postgresql://db1:5433,db2:5433/x"),
        ("sqlite:///relative/a b.db", "sqlite:///relative/a b.db"),
        ("sqlite:////var/lib/openings.db", "sqlite:////var/lib/openings.db"),
    ],
)
def test_a_url_is_shown_as_scheme_host_port_and_name(url: str, shown: str) -> None:
    database = Database(url)
    assert database.shown_url == shown
    asyncio.run(database.close())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ada:p@ss@db/x", "%40 for @"),
        ("postgresql://db/x?nonsense=1", "parameter 1 of the PostgreSQL URL is unknown: a URL here may have database"),
        ("postgresql://db/x?user=a&nonsense=1", "parameter 2"),
        ("postgresql://db/x?user=a&user=b", "twice"),
        ("postgresql://db1:http,db2/x", "host1:5432,host2:5432"),
        ("postgresql://db1,db2:70000/x", "host1:5432,host2:5432"),
        ("postgresql://db1,,db2/x", "host1:5432,host2:5432"),
        ("postgresql://ada@db1,[::1]/x", "host1:5432,host2:5432"),
        ("postgresql:///x?host=db1,db2,db3&port=1,2", "another number of ports"),
        ("postgresql://db/x?port=http", "value"),
        ("postgresql://db:70000/x", "port"),
        ("sqlite://db/x", "three slashes"),
        ("sqlite:///x.db?timeout=1", "no parameters"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://db/x", "use sqlite:/// or postgresql://"),
        ("", "not a database URL"),
    ],
)
def test_an_error_says_what_is_wrong(url: str, words: str) -> None:
    with pytest.raises(DatabaseUrlError, match=words):
        Database(url)


def test_a_database_without_a_host_that_can_be_written_to_is_reported_in_one_line(postgresql: str) -> None:
    """As while all hosts are standbys: here none is what the URL asks for."""
    url = f"{postgresql}{'&' if '?' in postgresql else '?'}target_session_attrs=standby"
    line = printed(["migrate", "--database-url", url])
    assert "none of its hosts can be written to, or is what target_session_attrs asks for" in line


#: the statements that a connection has prepared under names, this one included
_PREPARED = "SELECT count(*) FROM pg_prepared_statements"


async def test_the_numbers_of_a_url_reach_every_way_to_the_database(postgresql: str) -> None:
    """As numbers: a server behind PgBouncer is told to prepare nothing, by the pool, the driver and the listener."""
    url = f"{postgresql}{'&' if '?' in postgresql else '?'}statement_cache_size=0&max_cached_statement_lifetime=60"
    database = Database(url)
    try:
        async with database.read() as session:
            for _ in range(2):
                assert await (await session.connection()).scalar(text(_PREPARED)) == 0
                assert await database.driver.fetch_many(_PREPARED) == [(0,)]
        async with _connection(database.hosts, database.subscribers) as listening:
            assert await listening.fetchval(_PREPARED) == 0
    finally:
        await database.close()
