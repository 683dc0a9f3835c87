"""Hostile requests by name. Each is a complete request, and most are answered at once."""

import json
from typing import Any

from graphql import get_introspection_query

from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.graphql_queries import APPLICATION_CALENDAR, AVAILABILITY_PERIOD_STARTS, UPSERT_EVENTS

EVENT = {"eventId": "e", "summary": "s", "start": "2027-01-11T09:00:00Z", "end": "2027-01-11T10:00:00Z"}
MEMBER = {"sub": "apc_64b17d868090ea21640c914c"}
GROUP = {"required": 1, "members": [MEMBER]}
MADE = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}


def request(head: str, body: bytes = b"") -> bytes:
    """A raw request with these header lines and this body, unchanged."""
    return "\r\n".join([*head.splitlines(), "", ""]).encode("utf-8", "surrogateescape") + body


def post(body: bytes, *more: str, token: str | None = CLIENT_SECRET) -> bytes:
    """A POST that is valid if its body is; without a token for None."""
    head = ["POST /graphql HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json", *more]
    head += [*([f"Authorization: Bearer {token}"] if token is not None else []), f"Content-Length: {len(body)}"]
    return request("\n".join(head), body)


def query(text: str, **variables: Any) -> bytes:
    """A POST of a document."""
    return post(json.dumps({"query": text, "variables": variables}).encode())


def get(target: str, *more: str) -> bytes:
    """A GET."""
    return request("\n".join([f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *more]))


def times(count: int, of: str) -> str:
    """A text repeated, with {} replaced by the number."""
    return " ".join(of.replace("{}", str(n)) for n in range(count))


def twice_each(levels: int) -> str:
    """Fields of one name, twice on each level."""
    inner = "calendarId"
    for _ in range(levels):
        inner = f"calendars {{ {inner} }} calendars {{ {inner} }}"
    return inner


BODIES: dict[str, bytes] = {
    "a number": b"1",
    "a string": b'"x"',
    "null": b"null",
    "nothing": b"",
    "no UTF-8": b'{"query": "{ __typename }\xff"}',
    "lists in lists": b"[" * 100_000 + b"]" * 100_000,
    "objects in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "variables in variables": b'{"query": "{a}", "variables": ' + b'{"a":' * 1_000 + b"1" + b"}" * 1_001,
    "a batch": json.dumps([{"query": "{ __typename }"}] * 1_000).encode(),
    "a zero byte": b"\x00" * 1_000,
    "a zero byte in a name": b'{"query": "{ __typename }", "operationName": "\\u0000"}',
    "half a character": rb'{"query": "{ __typename }", "operationName": "\ud800"}',
    "a key twice": b'{"query": "{ a }", "query": 1}',
    "a million keys": b'{"query": "{ __typename }"' + b"".join(b',"k%d":1' % n for n in range(300_000)) + b"}",
    "a huge number": b'{"query": "{ __typename }", "variables": {"n": ' + b"9" * 100_000 + b"}}",
    "a tiny number": b'{"query": "{ __typename }", "variables": {"n": 1e-999999}}',
    "a name of a megabyte": json.dumps({"query": "{ __typename }", "operationName": "x" * 1_000_000}).encode(),
    **{
        f"{name} is {wrong}": b'{"query": "{ __typename }", "%b": %b}' % (name.encode(), wrong.encode())
        for name, wrong in (
            *(("query", wrong) for wrong in ("1", "[]", "{}", "null", "false")),
            *(("variables", wrong) for wrong in ("1", "[]", '"x"', "true")),
            *(("operationName", wrong) for wrong in ("1", "[]", "{}")),
            *(("extensions", wrong) for wrong in ("1", "[]", '"x"')),
        )
    },
}

BOMB = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))

DOCUMENTS: dict[str, str] = {
    "a comment of a megabyte": "#" + "x" * 1_000_000,
    "nothing but comments": "#\n" * 100_000,
    "a fragment bomb of ninety levels": f"{{ ...F0 }} {BOMB} fragment F90 on Query {{ __typename }}",
    "a bomb that nobody sets off": f"{{ __typename }} {BOMB} fragment F90 on Query {{ __typename }}",
    "a circle of fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a circle through fields": "{ ...A } fragment A on Query { calendars { ...B } } fragment B on Calendar { a { ...A } }",
    "each fragment in each": "{ ...F0 }" + times(60, "fragment F{} on Query { " + times(60, "...F{}") + " }"),
    "10,000 aliases": "{ " + times(10_000, "a{}: __typename") + " }",
    "1,300 aliases": "{ " + times(1_300, "a{}: __typename") + " }",
    "a thousand directives": "{ __typename" + " @a" * 1_000 + " }",
    "directives everywhere": "{ " + times(600, "a{} @include(if: true)") + " }",
    "a field 3,900 times": "{ " + "__typename " * 3_900 + "}",
    "a field below a field 900 times": "{ " + "calendars { calendarId } " * 900 + "}",
    "fields that merge level by level": f"{{ {twice_each(9)} }}",
    "3,900 unknown fields": "{ " + times(3_900, "x{}") + " }",
    "1,900 unknown fields below one": "{ calendars { " + times(1_900, "x{}") + " } }",
    "fields within fields": "{ calendars" * 3_000,
    "fields within fields, closed": "{ calendars " * 150 + "}" * 150,
    "inline fragments within each other": "{" + "... { " * 150 + "__typename" + "}" * 150 + "}",
    "900 inline fragments": "{ " + "... { __typename } " * 900 + "}",
    "values within values": "{ events(input: " + "[" * 9_000,
    "a list of 3,900 values": "{ availability(input: {participants: [" + "1 " * 3_900 + "]}) { __typename } }",
    "an object of 1,300 fields": "{ availability(input: {" + times(1_300, "f{}: 1") + "}) { __typename } }",
    "900 variables": "query (" + times(900, "$v{}: Int") + ") { __typename }",
    "a variable in itself": "query ($a: Int = $a) { __typename }",
    "700 operations": times(700, "query Q{} { __typename }"),
    "a huge integer": "{ events(input: {}, first: " + "9" * 100_000 + ") { nodes { eventId } } }",
    "a huge float": "{ events(input: {}, first: 1e" + "9" * 10_000 + ") { nodes { eventId } } }",
    "a string of a hundred thousand": '{ availabilityRule(availabilityRuleId: "' + "x" * 100_000 + '") { tzid } }',
    "a block string of escapes": '{ availabilityRule(availabilityRuleId: """' + '\\"""' * 20_000 + '""") { tzid } }',
    "a string that does not end": '{ availabilityRule(availabilityRuleId: "' + "x" * 100_000,
    "half a character": r'{ availabilityRule(availabilityRuleId: "\uD800") { tzid } }',
    "a zero byte": "{ __typename \0 }",
    "a name of a hundred thousand": "{ " + "a" * 100_000 + " }",
    "introspection that goes round": "{ __schema { types { " + "fields { type { " * 20 + "name" + " }" * 43,
    "introspection, fifty times": "{ " + times(50, "s{}: __schema { types { name } }") + " }",
    "introspection": get_introspection_query(),
    "a subscription": "subscription { availabilityChanged }",
    "a schema": "type Query { a: Int } " * 90,
}

VARIABLES: dict[str, tuple[str, Any]] = {
    "two million numbers": (AVAILABILITY_PERIOD_STARTS, [1] * 2_000_000),
    "three hundred thousand empty events": (UPSERT_EVENTS, {"calendarId": "x", "events": [{}] * 300_000}),
    "fifty thousand events": (UPSERT_EVENTS, {"calendarId": "x", "events": [EVENT] * 50_000}),
    "a hundred thousand members": (
        AVAILABILITY_PERIOD_STARTS,
        {"participants": [{"required": 1, "members": [MEMBER] * 100_000}]},
    ),
    "thirty thousand groups": (
        AVAILABILITY_PERIOD_STARTS,
        {"participants": [GROUP] * 30_000, "requiredDuration": {"minutes": 1}},
    ),
    "an id of five megabytes": (APPLICATION_CALENDAR, {**MADE, "applicationCalendarId": "x" * 5_000_000}),
    "a zero byte in an id": (APPLICATION_CALENDAR, {**MADE, "applicationCalendarId": "a\0b"}),
    "another direction": (APPLICATION_CALENDAR, {**MADE, "applicationCalendarId": "\u202eabc"}),
    "a huge integer": (AVAILABILITY_PERIOD_STARTS, {"participants": [GROUP], "requiredDuration": {"minutes": 10**400}}),
    "a list for an object": (APPLICATION_CALENDAR, [MADE]),
    "an object for a string": (APPLICATION_CALENDAR, {**MADE, "applicationCalendarId": {"x": 1}}),
    "unknown fields": (
        APPLICATION_CALENDAR,
        {**MADE, "applicationCalendarId": "x", **{f"k{n}": n for n in range(10_000)}},
    ),
    "lists in lists": (APPLICATION_CALENDAR, json.loads("[" * 500 + "]" * 500)),
}

HEADERS: dict[str, bytes] = {
    "a length that is none": request("POST /graphql HTTP/1.1\nHost: x\nContent-Length: ten\nConnection: close"),
    "a negative length": request("POST /graphql HTTP/1.1\nHost: x\nContent-Length: -1\nConnection: close"),
    "two lengths": request("POST /graphql HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\nConnection: close"),
    "a length and chunks": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: chunked\nConnection: close",
        b"0\r\n\r\n",
    ),
    "a length of ten gigabytes": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: 10000000000\nConnection: close"
    ),
    "chunks of no size": request(
        "POST /graphql HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nConnection: close", b"zz\r\n{}\r\n0\r\n\r\n"
    ),
    "ten thousand chunks": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Type: application/json\nTransfer-Encoding: chunked\nConnection: close",
        b"1\r\n[\r\n" * 10_000 + b"0\r\n\r\n",
    ),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": request("POST /graphql HTTP/9.9\nHost: x\nConnection: close"),
    "a method of our own": request("BREW /graphql HTTP/1.1\nHost: x\nConnection: close"),
    "a method that tunnels": request("CONNECT /graphql HTTP/1.1\nHost: x\nConnection: close"),
    "an upgrade": get("/graphql", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"),
    "a header of a hundred kilobytes": get("/graphql?query={__typename}", f"X-Long: {'x' * 100_000}"),
    "five thousand headers": get("/graphql?query={__typename}", *(f"X-{n}: {n}" for n in range(5_000))),
    "an Accept of ten thousand": get("/graphql?query={__typename}", "Accept: " + "a/b;q=0.1," * 6_000),
    "odd qualities": get("/graphql?query={__typename}", "Accept: */*;q=nan, */*;q=inf, application/json;q=-1;q=1e999"),
    "a bearer of fifty kilobytes": get(
        "/graphql?query={calendars{calendarId}}", f"Authorization: Bearer {'x' * 50_000}"
    ),
    "a bearer of odd bytes": get("/graphql?query={calendars{calendarId}}", "Authorization: Bearer \udcff\udcfe\udc80"),
    "no bearer": get("/graphql?query={calendars{calendarId}}", "Authorization: Basic Og=="),
    "another type": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Type: ;;;=\nContent-Length: 2\nConnection: close", b"{}"
    ),
    "a form of many parts": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=x\nContent-Length: 60000\n"
        "Connection: close",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 1_000,
    ),
    "a form": request(
        "POST /graphql HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 20\n"
        "Connection: close",
        b"query={ __typename }",
    ),
    "an address of fifty kilobytes": get("/graphql?query=" + "x" * 50_000),
    "ten thousand parameters": get("/graphql?" + "&".join(f"a{n}=" for n in range(10_000))),
    "a parameter of odd bytes": get("/graphql?query=%ff%fe%00&variables=%ed%a0%80"),
    "a way out of the house": get("/graphiql/..%2f..%2fsettings.py"),
    "a mutation by GET": get("/graphql?query=mutation{deleteEvents(input:{deleteAll:true}){deleted}}"),
    "an id that forges a line": get("/graphql?query={__typename}", "X-Request-ID: a\tb 200 0.1ms query"),
    "two requests in one": post(b'{"query": "{ __typename }"}') + b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
}

CASES: dict[str, bytes] = {
    **{f"body: {name}": post(body) for name, body in BODIES.items()},
    **{f"document: {name}": query(text) for name, text in DOCUMENTS.items()},
    **{f"variables: {name}": query(text, input=value) for name, (text, value) in VARIABLES.items()},
    **{f"HTTP: {name}": raw for name, raw in HEADERS.items()},
}
