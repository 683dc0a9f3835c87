"""GraphQL over HTTP: media types, statuses, and invalid requests."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

HELLO = {"query": "{ __typename }"}
APPLICATION_CALENDAR = (
    f'mutation Make {{ applicationCalendar(input: {{clientId: "{CLIENT_ID}", clientSecret: "{CLIENT_SECRET}", '
    'applicationCalendarId: "store-42"}) { sub } }'
)


@pytest.fixture
def backend() -> str:
    """SQLite only: most requests here never reach the database, and the others are answered alike by both."""
    return "sqlite"


def media_type_of(response: httpx2.Response) -> str:
    """The media type of the response. JSON must be in UTF-8."""
    media_type, charset = response.headers["content-type"].split("; ")
    assert charset == "charset=utf-8"
    return media_type


def error_messages(response: httpx2.Response, media_type: str = JSON) -> list[str]:
    """The error messages of the response. Each error must have the usual shape, without internal details."""
    assert media_type_of(response) == media_type
    body = response.json()
    assert body.keys() == {"errors"}
    assert body["errors"]
    assert all(error["extensions"] == {"code": "BAD_REQUEST"} for error in body["errors"]), body
    assert all(0 < len(error["message"]) < 500 for error in body["errors"]), body
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    return [error["message"] for error in body["errors"]]


async def send(api: Api, body: bytes, accept: str = JSON) -> httpx2.Response:
    """Posts these bytes as JSON."""
    return await api.http.post("/graphql", content=body, headers={"Content-Type": JSON, "Accept": accept})


class TestMediaTypes:
    """The media type follows the client's preferences; the default is JSON."""

    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            ("application/json", JSON),
            ("application/graphql-response+json", GRAPHQL_JSON),
            ("Application/GraphQL-Response+JSON; charset=utf-8", GRAPHQL_JSON),
            ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_JSON),
            ("application/json;q=0.9, application/graphql-response+json", GRAPHQL_JSON),
            ("application/graphql-response+json;q=0.5, application/json;q=0.6", JSON),
            ("application/graphql-response+json, application/json", GRAPHQL_JSON),
            ("application/json, text/plain, */*", JSON),
            ("application/graphql-response+json, text/event-stream", GRAPHQL_JSON),
            ("text/event-stream;q=0.9, application/json", JSON),
            ("application/json;q=0, */*", GRAPHQL_JSON),
            ("*/*", JSON),
            ("application/*", JSON),
            ("text/html, */*;q=0.1", JSON),
            ("", JSON),
        ],
    )
    async def test_the_preferred_media_type_is_sent(self, api: Api, accept: str, media_type: str) -> None:
        response = await api.http.post("/graphql", json=HELLO, headers={"Accept": accept})
        assert (response.status_code, media_type_of(response)) == (200, media_type)
        assert response.json() == {"data": {"__typename": "Query"}}

    async def test_without_accept_header_json_is_sent(self, api: Api) -> None:
        """As for `*/*`: clients from before the specification expect it."""
        request = api.http.build_request("POST", "/graphql", json=HELLO)
        del request.headers["accept"]
        response = await api.http.send(request)
        assert (response.status_code, media_type_of(response)) == (200, JSON)

    @pytest.mark.parametrize(
        "accept", ["text/plain", "image/*", "application/json;q=0", "*/*;q=odd", "*/*, application/*;q=0"]
    )
    async def test_unsupported_media_types_are_not_acceptable(self, api: Api, accept: str) -> None:
        """Nothing is executed, and the error is JSON nevertheless, for people to read."""
        response = await api.http.post("/graphql", json={"query": APPLICATION_CALENDAR}, headers={"Accept": accept})
        assert response.status_code == 406
        [message] = error_messages(response)
        assert GRAPHQL_JSON in message
        assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]

    @pytest.mark.parametrize(
        "content_type",
        [
            *("", "text/plain", "application/graphql", "xapplication/jsonx", "application/json; charset=latin-1"),
            *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        ],
    )
    async def test_only_json_bodies_are_accepted(self, api: Api, content_type: str) -> None:
        """Pages of other origins can make a browser send forms and plain text without a CORS preflight."""
        response = await api.http.post(
            "/graphql", content=json.dumps(HELLO).encode(), headers={"Content-Type": content_type}
        )
        assert response.status_code == 415
        assert error_messages(response) == ["Send the request as application/json."]

    @pytest.mark.parametrize("content_type", ["APPLICATION/JSON", 'application/json; charset="UTF-8"'])
    async def test_the_name_of_json_is_case_insensitive(self, api: Api, content_type: str) -> None:
        response = await api.http.post(
            "/graphql", content=json.dumps(HELLO).encode(), headers={"Content-Type": content_type}
        )
        assert response.json() == {"data": {"__typename": "Query"}}


class TestStatuses:
    """With `application/json`, 200 only means that HTTP worked; the other media type has statuses for GraphQL."""

    @pytest.mark.parametrize(
        "query", ["{", "{ nothing }", "query ($first: Int!) { events(input: {}, first: $first) { nodes { eventId } } }"]
    )
    async def test_a_request_that_was_not_executed_has_no_data(self, api: Api, query: str) -> None:
        """A syntax error, an unknown field, a missing variable."""
        response = await send(api, json.dumps({"query": query}).encode())
        assert response.status_code == 200
        error_messages(response)
        response = await send(api, json.dumps({"query": query}).encode(), GRAPHQL_JSON)
        assert response.status_code == 400
        error_messages(response, GRAPHQL_JSON)

    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
    async def test_an_executed_request_has_status_200_with_or_without_errors(self, api: Api, accept: str) -> None:
        """A refused field is part of an answer."""
        response = await send(api, b'{"query": "{ calendars { calendarId } }"}', accept)
        assert (response.status_code, media_type_of(response)) == (200, accept)
        assert response.json()["data"] == {"calendars": None}
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


class TestGet:
    """Queries may be sent by GET, with their parts as URL parameters."""

    async def test_variables_are_a_json_parameter(self, api: Api) -> None:
        query = "query A { a: __typename } query B($yes: Boolean!) { b: __typename @include(if: $yes) }"
        given = {"query": query, "operationName": "B", "variables": '{"yes": true}', "extensions": "{}"}
        response = await api.http.get("/graphql", params=given)
        assert (response.status_code, response.json()) == (200, {"data": {"b": "Query"}})

    async def test_an_empty_parameter_counts_as_missing(self, api: Api) -> None:
        given = {**HELLO, "operationName": "", "variables": "", "extensions": ""}
        assert (await api.http.get("/graphql", params=given)).json() == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
    async def test_a_mutation_by_get_is_referred_to_post(self, api: Api, accept: str) -> None:
        """Any link can cause a GET, so it must not change anything, even if the document contains queries as well."""
        for given in (
            {"query": APPLICATION_CALENDAR},
            {"query": f"query Look {{ __typename }} {APPLICATION_CALENDAR}", "operationName": "Make"},
        ):
            response = await api.http.get("/graphql", params=given, headers={"Accept": accept})
            assert (response.status_code, response.headers["allow"]) == (405, "POST")
            error_messages(response, accept)
        assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]

    @pytest.mark.parametrize(
        "address",
        [
            "/graphql",
            "/graphql?query=",
            "/graphql?query=%ff%fe",
            "/graphql?query=%00",
            "/graphql?query={__typename}&variables={",
            "/graphql?query={__typename}&variables=[1]",
            "/graphql?query={__typename}&variables=%ff",
            "/graphql?query={__typename}&variables=%ed%a0%80",
            "/graphql?query={__typename}&extensions=1",
            "/graphql?query={__typename}&operationName=Nobody",
        ],
    )
    async def test_invalid_parameters_are_a_bad_request(self, api: Api, address: str) -> None:
        response = await api.http.get(address, headers={"Accept": GRAPHQL_JSON})
        assert response.status_code == 400
        error_messages(response, GRAPHQL_JSON)

    async def test_a_browser_gets_graphiql(self, api: Api) -> None:
        response = await api.http.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert (response.status_code, media_type_of(response)) == (200, "text/html")


async def test_other_methods_are_refused_with_the_allowed_ones(api: Api) -> None:
    """In the same shape as every error."""
    for method in ("PUT", "PATCH", "DELETE"):
        response = await api.http.request(method, "/graphql", json=HELLO)
        assert response.status_code == 405
        assert {"GET", "POST"} <= set(response.headers["allow"].split(", "))
        error_messages(response)


async def test_head_changes_nothing(api: Api) -> None:
    """It is a GET without a response body and equally harmless, even with a body."""
    await api.http.request("HEAD", "/graphql", json={"query": APPLICATION_CALENDAR})
    await api.http.request("HEAD", "/graphql", params={"query": APPLICATION_CALENDAR})
    assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]


class TestSize:
    """The size of a body is limited."""

    @pytest.fixture
    async def small(self, database_url: str) -> AsyncGenerator[Api]:
        """An application that accepts at most ten thousand bytes."""
        async with Api.open(database_url, NOW, max_body=10_000) as api:
            yield api

    async def test_a_body_with_a_content_length_beyond_the_limit_is_not_read(self, small: Api) -> None:
        read = 0

        async def body() -> AsyncGenerator[bytes]:
            nonlocal read
            read += 1
            yield b" " * 10_001

        headers = {"Content-Type": JSON, "Content-Length": "10001"}
        response = await small.http.post("/graphql", content=body(), headers=headers)
        assert response.status_code == 413
        assert error_messages(response) == ["A request may have at most 10000 bytes."]
        assert read == 0

    async def test_a_body_of_unknown_length_is_read_up_to_the_limit(self, small: Api) -> None:
        """This one never ends."""
        read = 0

        async def body() -> AsyncGenerator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield b" " * 1_000

        response = await small.http.post("/graphql", content=body(), headers={"Content-Type": JSON})
        assert response.status_code == 413
        error_messages(response)
        assert read == 11

    async def test_a_body_may_be_exactly_as_large_as_the_limit(self, small: Api) -> None:
        for body, status in ((json.dumps(HELLO).ljust(10_000), 200), (json.dumps(HELLO).ljust(10_001), 413)):
            assert (await send(small, body.encode())).status_code == status

    @pytest.mark.parametrize("length", ["-1", "+5", "1e3", "ten"])
    async def test_an_invalid_content_length_is_refused(self, api: Api, length: str) -> None:
        headers = {"Content-Type": JSON, "Content-Length": length}
        response = await api.http.post("/graphql", content=json.dumps(HELLO).encode(), headers=headers)
        assert 400 <= response.status_code < 500
        error_messages(response)


BODIES = {
    "nothing": b"",
    "a number": b"1",
    "a string": b'"x"',
    "null": b"null",
    "true": b"true",
    "not a number": b"NaN",
    "an empty batch": b"[]",
    "a batch": b'[{"query": "{ __typename }"}, {"query": "{ __typename }"}]',
    "half an object": b'{"query": "{ __typename }"',
    "a zero byte": b"\x00",
    "a zero byte in a string": b'{"query": "{ __typename }\x00"}',
    "a byte order mark": b'\xef\xbb\xbf{"query": "{ __typename }"}',
    "UTF-16": b'\xff\xfe{\x00"\x00',
    "no UTF-8": b'{"query": "{ __typename }\xff"}',
    "half a character": rb'{"query": "{ __typename \ud800 }"}',
    "more than a double holds": b'{"query": "{ __typename }", "variables": {"n": 1e999}}',
    "lists that never close": b"[" * 100_000,
    "lists that all close": b"[" * 100_000 + b"]" * 100_000,
    "objects in objects": b'{"variables":' * 18_000 + b"1" + b"}" * 18_000,
    "no query": b"{}",
    "a null query": b'{"query": null}',
    "a numeric query": b'{"query": 1}',
    "a list of queries": b'{"query": ["{ __typename }"]}',
    "a query as a tree": b'{"query": {"__typename": true}}',
    **{f"{value!r} as variables": b'{"query": "{a}", "variables": %b}' % value for value in (b"[]", b'"{}"', b"1")},
    **{f"{value!r} as a name": b'{"query": "{a}", "operationName": %b}' % value for value in (b"[]", b"1", b"false")},
    **{f"{value!r} as extensions": b'{"query": "{a}", "extensions": %b}' % value for value in (b"[]", b'"x"', b"0")},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_an_invalid_body_is_a_bad_request(api: Api, body: bytes) -> None:
    """The response says what is wrong with it; it is never a fault of ours."""
    for accept in (JSON, GRAPHQL_JSON):
        response = await send(api, body, accept)
        assert response.status_code == 400
        error_messages(response, accept)


# The document, and a part of the error message.
DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"query": ""}, "Syntax Error"),
    "a comment": ({"query": "# nothing but this"}, "Syntax Error"),
    "a zero byte": ({"query": "{ __typename \0 }"}, "U+0000"),
    "half a character": ({"query": r'{ availabilityRule(availabilityRuleId: "\uD800") { tzid } }'}, "Syntax Error"),
    "no operation": ({"query": "fragment F on Query { __typename }"}, "F"),
    "a fragment in itself": ({"query": "{ ...F } fragment F on Query { ...F }"}, "itself"),
    "an unknown name": ({"query": "{ __typename }", "operationName": "Nobody"}, "'Nobody'"),
    "two without a name": ({"query": "query A { __typename } query B { __typename }"}, "operationName"),
    "two of one name": ({"query": "query A { a: __typename } query A { b: __typename }", "operationName": "A"}, "'A'"),
    "a subscription": ({"query": "subscription { calendars }"}, "ubscription"),
    "fields nested too deeply": ({"query": "{calendars" * 3_000}, "nested too deeply"),
    "values nested too deeply": ({"query": "{ events(input: " + "[" * 9_000}, "nested too deeply"),
    "too many tokens": ({"query": "{" + "a " * 20_000 + "}"}, "tokens"),
    "too many aliases": ({"query": "{" + " ".join(f"a{n}: __typename" for n in range(10_000)) + "}"}, "tokens"),
    "too many comments": ({"query": "#\n" * 2_000 + "{ __typename }"}, "comments"),
    "too long": ({"query": "#" + "x" * 250_000 + "\n{ __typename }"}, "200000"),
}


@pytest.mark.parametrize(("given", "words"), DOCUMENTS.values(), ids=DOCUMENTS)
async def test_an_invalid_document_is_refused_with_status_200(api: Api, given: dict[str, Any], words: str) -> None:
    """It is valid HTTP with invalid GraphQL: for `application/json`, clients expect 200."""
    for accept, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
        response = await send(api, json.dumps(given).encode(), accept)
        assert response.status_code == status
        assert any(words in message for message in error_messages(response, accept))


async def test_a_query_of_ten_million_characters_is_too_large(api: Api) -> None:
    """Parsing a comment of that size would block other requests for seconds."""
    response = await api.http.post("/graphql", json={"query": "#" + "x" * 10_000_000})
    assert response.status_code == 413
    error_messages(response)


async def test_an_empty_operation_name_counts_as_missing(api: Api) -> None:
    """As in a GET; null does too."""
    for more in ({"operationName": ""}, {"operationName": None, "variables": None, "extensions": None}):
        assert (await api.http.post("/graphql", json=HELLO | more)).json() == {"data": {"__typename": "Query"}}


async def test_nested_fragments_are_refused_without_expanding_them(api: Api) -> None:
    """Ninety levels that each spread the next one twice: two to the ninetieth fields, which are never enumerated."""
    levels = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))
    query = f"{{ ...F0 }} {levels} fragment F90 on Query {{ __typename }}"
    [error] = (await api.http.post("/graphql", json={"query": query})).json()["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "limit": "root_fields", "found": 1_000_000, "most": 50}
