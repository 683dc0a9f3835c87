"""Automatic persisted queries as Apollo and others use them: first the digest, then the document if it is unknown."""

import json
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from schema import schema
from server.graphql.documents import MAX_KEPT_LENGTH, Documents
from server.graphql.http import Operation
from server.graphql.persisted_queries import PersistedQueries
from tests.support.api import Api

HELLO = "query Hello { __typename }"
ANSWER = {"data": {"__typename": "Query"}}


@pytest.fixture
def backend() -> str:
    """SQLite only: these tests do not depend on the database."""
    return "sqlite"


def named(source: str, **changes: Any) -> dict[str, Any]:
    """The extension with the digest of a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(source.encode()).hexdigest(), **changes}}


async def post(api: Api, **body: Any) -> httpx2.Response:
    return await api.http.post("/graphql", json=body)


async def get(api: Api, **parameters: Any) -> httpx2.Response:
    """The same by GET, with values that are not strings as JSON."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    return await api.http.get("/graphql", params=texts)


async def message_and_code(response: httpx2.Response) -> tuple[str, str]:
    """The message and the code of the only error; there is no data."""
    [error] = response.json()["errors"]
    assert response.json().keys() == {"errors"}
    return error["message"], error["extensions"]["code"]


@pytest.mark.parametrize("send", [post, get])
async def test_a_document_is_sent_once_and_then_only_its_digest(send: Any, api: Api) -> None:
    """The first request with an unknown digest fails; afterwards the digest suffices, by POST and by GET."""
    unknown = await send(api, extensions=named(HELLO))
    assert await message_and_code(unknown) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    assert (await send(api, query=HELLO, extensions=named(HELLO))).json() == ANSWER
    for other in (post, get):
        assert (await other(api, extensions=named(HELLO))).json() == ANSWER


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), ("application/graphql-response+json", 400)])
async def test_an_unknown_digest_is_a_request_error(accept: str, status: int, api: Api) -> None:
    """It has the same status as any document that was not executed."""
    response = await api.http.post("/graphql", json={"extensions": named(HELLO)}, headers={"Accept": accept})
    assert response.status_code == status


async def test_a_digest_is_combined_with_variables_and_an_operation_name(api: Api) -> None:
    """It stands only for the document."""
    source = "query A { __typename } query B($yes: Boolean!) { b: __typename @include(if: $yes) }"
    extensions = named(source)
    await post(api, query=source, operationName="A", extensions=extensions)
    answer = await post(api, operationName="B", variables={"yes": True}, extensions=extensions)
    assert answer.json() == {"data": {"b": "Query"}}


async def test_a_document_with_a_wrong_digest_is_refused_and_not_stored(api: Api) -> None:
    """Otherwise one client could make another one execute a different document."""
    response = await post(api, query="{ calendars { calendarId } }", extensions=named(HELLO))
    assert await message_and_code(response) == ("persistedQuery.sha256Hash is not the query's.", "BAD_REQUEST")
    assert (await message_and_code(await post(api, extensions=named(HELLO))))[1] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("source", ["{", "{ nothing }", "", "# no operation"])
async def test_only_valid_documents_are_stored(source: str, api: Api) -> None:
    """An invalid one is answered as usual."""
    await post(api, query=source, extensions=named(source))
    assert (await message_and_code(await post(api, extensions=named(source))))[1] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        ("abc", "extensions.persistedQuery must be an object."),
        ([], "extensions.persistedQuery must be an object."),
        ({"sha256Hash": "0" * 64}, "extensions.persistedQuery.version must be 1."),
        ({"version": 2, "sha256Hash": "0" * 64}, "extensions.persistedQuery.version must be 1."),
        ({"version": True, "sha256Hash": "0" * 64}, "extensions.persistedQuery.version must be 1."),
        ({"version": 1}, "extensions.persistedQuery.sha256Hash must be a string."),
        ({"version": 1, "sha256Hash": 7}, "extensions.persistedQuery.sha256Hash must be a string."),
    ],
)
async def test_an_invalid_extension_is_refused(extension: object, message: str, api: Api) -> None:
    """Also with a document beside it, so that the client's bug is noticed."""
    for given in ({}, {"query": HELLO}):
        response = await post(api, **given, extensions={"persistedQuery": extension})
        assert await message_and_code(response) == (message, "BAD_REQUEST")


async def test_a_null_extension_is_ignored(api: Api) -> None:
    """Clients may send an empty one."""
    assert (await post(api, query=HELLO, extensions={"persistedQuery": None})).json() == ANSWER
    response = await post(api, extensions={"persistedQuery": None})
    assert response.status_code == 400
    assert await message_and_code(response) == ("The request has no query.", "BAD_REQUEST")


async def test_a_mutation_by_get_is_refused_under_a_digest_too(api: Api) -> None:
    """As with its document."""
    source = 'mutation { deleteEvent(input: {calendarId: "cal_1", eventId: "e1"}) { deleted } }'
    await post(api, query=source, extensions=named(source))
    assert (await get(api, extensions=named(source))).status_code == 405


async def test_an_unknown_digest_has_a_code_of_its_own_in_the_metrics(api: Api) -> None:
    """So an operator sees how often clients have to send a document again, apart from real errors."""
    await post(api, extensions=named("{ never sent: __typename }"))
    lines = (await api.http.get("/metrics")).text.splitlines()
    assert any('code="PERSISTED_QUERY_NOT_FOUND",operation="none"' in line for line in lines)


def persisted(size: int) -> PersistedQueries:
    """An empty store for that many documents of the real schema."""
    return PersistedQueries(Documents(schema._schema), size=size)


def knows(store: PersistedQueries, source: str) -> bool:
    return store.get(Operation("", None, None, named(source))).ast is not None


def learn(store: PersistedQueries, source: str) -> None:
    store.get(Operation(source, None, None, named(source)))


def test_the_least_recently_used_document_is_evicted() -> None:
    """Frequently used documents stay."""
    store = persisted(size=2)
    learn(store, "{ a: __typename }")
    learn(store, "{ b: __typename }")
    assert knows(store, "{ a: __typename }")
    learn(store, "{ c: __typename }")
    assert [knows(store, f"{{ {name}: __typename }}") for name in "abc"] == [True, False, True]


def test_the_store_is_bounded_by_length_too() -> None:
    """A thousand long documents would take a lot of memory."""
    store = persisted(size=1_000)
    for number in range(8):
        learn(store, f"# {number} {'x' * 49_000}\n{{ __typename }}")
    assert 0 < store._sources.size <= MAX_KEPT_LENGTH
