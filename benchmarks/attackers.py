"""What a client or a stranger may do to a server: each attacker runs in a process of its own until it is stopped.

`python -m benchmarks.soak` measures a normal client beside each of them.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, cycle, repeat, takewhile
from multiprocessing.synchronize import Event
from threading import Thread
from typing import Any, TypeAlias

import orjson

from core.instants import HOUR, format_instant

from .links import make_link, no_time_suits
from .questions import UPSERT_EVENTS, Someone, event, upserts
from .servers import HOST
from .wire import Line, flood, request
from .workloads import START

Count: TypeAlias = Callable[[], None]

ACCOUNT = "mutation ($i: AccountInput!) { %s }"
AVAILABILITY = "query ($i: AvailabilityInput!) { %s }"
EVENTS = "{ events(input: {}%s) { nodes { %s } } }"
UNKNOWN_CALENDARS = "query ($i: EventsInput) { %s }"
SUB = "apc_64b17d868090ea21640c914c"


@dataclass(frozen=True)
class Target:
    """The server, and the attacker's own account and secret, which are valid."""

    port: int
    who: Someone
    secret: str
    #: URL of a receiver that never answers
    hanging: str


def _body(query: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


def _aliases(times: int, field: str) -> str:
    return " ".join(f"a{number}: {field}" for number in range(times))


def _flood(target: Target, requests: Iterator[bytes], lines: int, stop: Event, done: Count) -> None:
    """Sends the requests on so many connections, each time the answer has arrived."""
    asked = takewhile(lambda _: not stop.is_set(), requests)
    for _ in flood([Line(target.port) for _ in range(lines)], asked):
        done()


def refused_documents(target: Target, stop: Event, done: Count) -> None:
    """Without a token: large inputs, each used many times."""
    account = {"clientId": "x", "clientSecret": "y", "kind": "USER", "accountId": "a", "scope": "a " * 100_000}
    member = {"required": 1, "members": [{"sub": SUB}] * 5_000}
    times = {"start": format_instant(START), "end": format_instant(START + HOUR)}
    asked = {"participants": [member], "requiredDuration": {"minutes": 30}, "queryPeriods": [times]}
    accounts = _aliases(20, "account(input: $i) { sub }")
    answers = _aliases(50, "availability(input: $i) { availablePeriods { start } }")
    bodies = [_body(ACCOUNT % accounts, i=account), _body(AVAILABILITY % answers, i=asked)]
    _flood(target, cycle(request(body, "") for body in bodies), 4, stop, done)


def huge_answers(target: Target, stop: Event, done: Count) -> None:
    """The largest answers that may be asked for, 8 MB, larger ones, and many problems."""
    _fill(target, 1000)
    many, few = (_body(EVENTS % (", first: 1000", _aliases(times, "description"))) for times in (40, 2))
    unknown = _body(
        UNKNOWN_CALENDARS % _aliases(50, "events(input: $i) { nodes { eventId } }"), i={"calendarIds": ["x"] * 390}
    )
    bodies = cycle(request(body, target.who.token, close=True) for body in (many, few, unknown))

    def ask() -> None:
        while not stop.is_set():
            _read_all(target, next(bodies))
            done()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fill(target: Target, count: int) -> None:
    """Gives the attacker's calendar so many events with long descriptions."""
    line = Line(target.port)
    for first in range(0, count, 100):
        events = [
            {**event(f"big {n}", START, START + HOUR), "description": "d" * 4_000} for n in range(first, first + 100)
        ]
        line.data(UPSERT_EVENTS, target.who.token, calendarId=target.who.calendar_id, events=events)


def writers(target: Target, stop: Event, done: Count) -> None:
    """Eighty connections that write to one calendar, one event or fifty at a time."""
    events = [event(str(n), START + n * HOUR, START + n * HOUR + HOUR // 2) for n in range(50)]
    given = {"input": {"calendarId": target.who.calendar_id, "events": events}}
    several = repeat(request(_body(UPSERT_EVENTS, **given), target.who.token))
    pairs = zip(upserts(target.who, "attack"), several, strict=False)
    _flood(target, (each for pair in pairs for each in pair), 80, stop, done)


def hanging_callbacks(target: Target, stop: Event, done: Count) -> None:
    """Links whose callbacks go to a receiver that never answers: 64 at first, then another one every second."""
    line = Line(target.port)
    for number in count():
        if stop.is_set():
            return
        link = make_link(line, target.secret, target.who, f"hanging {number}", target.hanging)
        no_time_suits(target.port, link)
        done()
        if number >= 64:
            stop.wait(1)


def refused_bodies(target: Target, stop: Event, done: Count) -> None:
    """Ten megabytes to be refused, on a new connection each time."""
    whole = request(b" " * (10 << 20), "", close=True)
    while not stop.is_set():
        _read_all(target, whole)
        done()


def _read_all(target: Target, sent: bytes) -> None:
    """Sends this on a new connection, and reads until the server closes it."""
    with suppress(OSError), socket.create_connection((HOST, target.port), 30) as connection:
        connection.sendall(sent)
        while connection.recv(1 << 20):
            pass


HEAD = f"POST /graphql HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
UPGRADE = (
    f"GET /graphql HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def unfinished_heads(target: Target, stop: Event, done: Count) -> None:
    """Two hundred connections that send half a head, again and again."""
    _hold(target, stop, done, 200, b"GET / HTTP/1.1\r\nHost: x\r\nX-")


def unfinished_bodies(target: Target, stop: Event, done: Count) -> None:
    """A hundred connections that send a large body but for its last byte."""
    _hold(target, stop, done, 100, f"{HEAD}Content-Length: 200000\r\n\r\n".encode() + bytes(199_999))


def sockets(target: Target, stop: Event, done: Count) -> None:
    """Two hundred WebSockets without a token."""
    _hold(target, stop, done, 200, UPGRADE.encode())


def non_readers(target: Target, stop: Event, done: Count) -> None:
    """Forty connections that ask for two megabytes and do not read them."""
    _fill(target, 500)
    _hold(
        target, stop, done, 40, request(_body(EVENTS % (", first: 500", "description")), target.who.token), reads=False
    )


def _hold(target: Target, stop: Event, done: Count, connections: int, sent: bytes, *, reads: bool = True) -> None:
    """Opens so many connections, sends this on each, and waits until the server closes it; then again."""

    async def hold() -> None:
        while not stop.is_set():
            with suppress(OSError):
                await _connection(target.port, sent, reads=reads)
            done()
            await asyncio.sleep(0.05)

    async def until_stopped() -> None:
        tasks = [asyncio.create_task(hold()) for _ in range(connections)]
        while not stop.is_set():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(until_stopped())


async def _connection(port: int, sent: bytes, *, reads: bool) -> None:
    reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
    try:
        writer.write(sent)
        await writer.drain()
        if not reads:  # the kernel's buffers and ours are full, and the server has to wait
            await asyncio.sleep(60)
        while await reader.read(1024):
            pass
    finally:
        writer.transport.abort()


ATTACKERS: dict[str, Callable[[Target, Event, Count], None]] = {
    "refused documents": refused_documents,
    "huge answers": huge_answers,
    "unfinished heads": unfinished_heads,
    "unfinished bodies": unfinished_bodies,
    "sockets": sockets,
    "non-readers": non_readers,
    "writers": writers,
    "hanging callbacks": hanging_callbacks,
    "refused bodies": refused_bodies,
}
