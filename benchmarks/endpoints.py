"""Four ways to answer the same question over HTTP, as ASGI applications, and a client that costs next to nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiosqlite
import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message
from strawberry.asgi import GraphQL

from core.durations import Duration
from core.identity import digest
from core.instants import Instant, format_instant, parse_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from db.database import Database
from resolvers.context import Context
from schema import schema
from server import auth

from .contenders import answer, sweep

PATH = "/graphql"
#: of what is asked, by the names that the schema gives them
Input: TypeAlias = dict[str, Any]
#: (secret's digest, subs, start, end) → (sub, start, end) of everything that blocks
Read: TypeAlias = Callable[[bytes, Sequence[str], Instant, Instant], Awaitable[Sequence[Sequence[Any]]]]

BLOCKING = """
SELECT accounts.sub, events.starts_at, events.ends_at
FROM clients
JOIN accounts ON accounts.client_key = clients.key AND accounts.revoked_at IS NULL
JOIN calendars ON calendars.account_key = accounts.key
JOIN events ON events.calendar_key = calendars.key
WHERE clients.secret_digest = {secret} AND accounts.sub {subs}
  AND events.blocks = TRUE AND events.ends_at > {start} AND events.starts_at < {end}
"""


async def post(app: ASGIApp, body: bytes, bearer: str) -> bytes:
    """The body of the answer to a POST, which must succeed. No client stands between: this is all the application's."""
    chunks: list[bytes] = []
    unread = [body]

    async def receive() -> Message:
        if not unread:
            await asyncio.Future()  # the client stays on the line and says no more
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
        elif message["status"] != 200:
            raise AssertionError(f"status {message['status']}")

    await app(_scope(len(body), bearer), receive, send)
    return b"".join(chunks)


def _scope(length: int, bearer: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"openings.test"),
            (b"content-type", b"application/json"),
            (b"content-length", str(length).encode()),
            (b"authorization", b"Bearer " + bearer.encode()),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


def bare(body: bytes) -> Starlette:
    """A route that knows the answer: what the web framework costs."""

    async def known(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route(PATH, known, methods=["POST"])])


def stock(db: Database, now: Instant) -> Starlette:
    """Our schema and resolvers behind Strawberry's own view, as its documentation sets it up."""

    class View(GraphQL[Context, None]):
        async def get_context(self, request: Any, response: Any) -> Context:
            caller = auth.caller(request.headers.get("authorization"))
            return Context(db, caller, now, Limits())

    return Starlette(routes=[Route(PATH, View(schema), methods=["POST"])])


def handwritten(read: Read) -> Starlette:
    """One SQL statement, a plain sweep, dicts, orjson: what one would write for this question and no other."""

    async def endpoint(request: Request) -> Response:
        asked: Input = orjson.loads(await request.body())["variables"]["input"]
        query = _query(asked)
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        window = query.window()
        subs = [member.sub for _, member in query.members()]
        busy: dict[str, list[tuple[Instant, Instant]]] = {sub: [] for sub in subs}
        for sub, start, end in await read(digest(bearer), subs, window.starts[0], window.ends[-1]):
            busy[sub].append((start, end))
        found = answer(sweep, query, list(busy.values()))
        slots = [
            {
                "start": format_instant(start),
                "end": format_instant(end),
                "participants": [{"sub": sub} for sub in people],
            }
            for start, end, people in found
        ]
        content = orjson.dumps({"data": {"availability": {"availableSlots": slots}}})
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])


def _query(asked: Input) -> AvailabilityQuery:
    [group], [period] = asked["participants"], asked["queryPeriods"]
    return AvailabilityQuery(
        [Group([Member(member["sub"]) for member in group["members"]], group["required"])],
        Duration(**asked["requiredDuration"]),
        query_periods=[Period(parse_instant(period["start"]), parse_instant(period["end"]))],
        start_interval=Duration(**asked["startInterval"]),
        response_format=ResponseFormat[asked["responseFormat"]],
        max_results=asked["maxResults"],
    )


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Read]:
    """The hand-written endpoint's way to the database: the driver itself."""
    if url.startswith("sqlite"):
        async with aiosqlite.connect(url.removeprefix("sqlite:///")) as connection:
            yield _with_sqlite(connection)
    else:
        async with asyncpg.create_pool(url, min_size=1) as pool:
            yield _with_postgresql(pool)


def _with_sqlite(connection: aiosqlite.Connection) -> Read:
    async def read(secret: bytes, subs: Sequence[str], start: Instant, end: Instant) -> Sequence[Sequence[Any]]:
        marks = ", ".join("?" * len(subs))
        statement = BLOCKING.format(secret="?", subs=f"IN ({marks})", start="?", end="?")
        return list(await connection.execute_fetchall(statement, (secret, *subs, start, end)))

    return read


def _with_postgresql(pool: asyncpg.Pool) -> Read:
    statement = BLOCKING.format(secret="$1", subs="= ANY($2)", start="$3", end="$4")

    async def read(secret: bytes, subs: Sequence[str], start: Instant, end: Instant) -> Sequence[Sequence[Any]]:
        return await pool.fetch(statement, secret, subs, start, end)

    return read
