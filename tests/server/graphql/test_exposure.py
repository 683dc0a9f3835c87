"""Exposure: everything is open on a loopback address; on any other, only what applications need."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from graphql import get_introspection_query

from server.graphql.exposure import LOCKED, OPEN, Exposure
from server.settings import Settings
from tests.conftest import NOW
from tests.support.api import Account, Api

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
#: Accept headers of a browser, for a followed link and for an image
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
PICTURE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
#: Accept header of urql's queries by GET
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
HELLO = {"query": "{ __typename }"}

# Queries with a misspelled name: of a field, an argument, an input field, an enum value, a type; and in variables,
# which are checked only if the document is valid.
NEARLY: dict[str, dict[str, Any]] = {
    "field": {"query": "{ calendar { calendarId } }"},
    "field below": {"query": "{ calendars { calendarIds } }"},
    "argument": {"query": '{ availabilityRule(availabilityRuleID: "x") { tzid } }'},
    "input field": {"query": "mutation { deleteEvents(input: {deleteAl: true}) { deleted } }"},
    "enum value": {"query": "{ availability(input: {responseFormat: SLOT}) { availableSlots { start } } }"},
    "type": {"query": "query ($input: AvailabilityInputs!) { availability(input: $input) { __typename } }"},
    "directive": {"query": "{ calendars @includes(if: true) { calendarId } }"},
    "fragment": {"query": "{ ...Calendar } fragment Calendars on Query { __typename }"},
    "variable's field": {
        "query": "mutation ($input: DeleteEventsInput!) { deleteEvents(input: $input) { deleted } }",
        "variables": {"input": {"deleteAl": True}},
    },
    "variable's enum value": {
        "query": "query ($input: AvailabilityInput!) { availability(input: $input) { __typename } }",
        "variables": {"input": {"responseFormat": "SLOT", "participants": [], "requiredDuration": {"minutes": 1}}},
    },
}


@pytest.fixture
def backend() -> str:
    """SQLite only: these tests do not depend on the database."""
    return "sqlite"


@pytest.fixture
async def locked(database_url: str) -> AsyncGenerator[Api]:
    """The application as it listens on a public address."""
    async with Api.open(database_url, NOW, host="0.0.0.0") as api:
        yield api


async def error_messages(api: Api, given: dict[str, Any]) -> str:
    """All error messages of an answer."""
    answer = (await api.http.post("/graphql", json=given)).json()
    return "\n".join(error["message"] for error in answer["errors"])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_loopback_address_is_open(host: str) -> None:
    """Only this machine can reach it."""
    assert Settings(host=host).exposure == OPEN


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "scheduling.example.com", ""])
def test_any_other_address_is_locked(host: str) -> None:
    assert Settings(host=host).exposure == LOCKED


def test_each_part_can_be_set_separately() -> None:
    """On any address; the summary at startup shows it."""
    public = Settings(host="0.0.0.0", introspection="on", graphiql="auto", get="off").exposure
    assert public == Exposure(introspection=True, graphiql=False, get="off")
    assert public.summary == "Profile: custom (introspection on, GraphiQL off, GET off)"
    proxied = Settings(introspection="off", graphiql="off", get="json").exposure
    assert proxied == LOCKED
    assert proxied.summary.startswith("Profile: locked (introspection off, GraphiQL off, GET only for clients that")
    assert Settings().exposure.summary == "Profile: open (introspection on, GraphiQL on, GET on)"


class TestIntrospection:
    """When it is off, introspection fields are refused, and error messages reveal no names either."""

    @pytest.mark.parametrize("query", [get_introspection_query(), '{ __type(name: "Query") { name } }'])
    async def test_introspection_is_refused_naming_its_setting(self, api: Api, locked: Api, query: str) -> None:
        assert "data" in await api(query)
        answer = await locked(query)
        assert "data" not in answer
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}
        assert "OPENINGS_INTROSPECTION=on" in answer["errors"][0]["message"]

    async def test_introspection_in_a_fragment_is_refused_too(self, locked: Api) -> None:
        answer = await locked("{ ...F } fragment F on Query { x: __schema { types { name } } }")
        assert "introspection is off" in answer["errors"][0]["message"]

    async def test_typename_is_allowed(self, locked: Api) -> None:
        """Apollo and Relay add it to every query."""
        assert await locked("{ __typename }") == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize("given", NEARLY.values(), ids=NEARLY)
    async def test_errors_contain_no_suggestions(self, locked: Api, given: dict[str, Any]) -> None:
        """A program could reconstruct the whole schema from them."""
        message = await error_messages(locked, given)
        assert message
        assert "mean" not in message

    @pytest.mark.parametrize(
        "name", ["field", "field below", "argument", "input field", "enum value", "variable's field"]
    )
    async def test_with_introspection_errors_contain_suggestions(self, api: Api, name: str) -> None:
        assert "Did you mean" in await error_messages(api, NEARLY[name])


class TestGet:
    """Any page on the web can make a browser send a GET, but not with an Accept header that names JSON."""

    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON, f"{JSON};q=0.5, */*", URQL])
    async def test_a_client_that_accepts_json_by_name_is_served(self, locked: Api, accept: str) -> None:
        response = await locked.http.get("/graphql", params=HELLO, headers={"Accept": accept})
        assert (response.status_code, response.json()) == (200, {"data": {"__typename": "Query"}})

    @pytest.mark.parametrize("accept", ["*/*", "application/*", BROWSER, PICTURE, "", f"{JSON};q=0, */*"])
    async def test_a_client_that_does_not_name_json_is_referred_to_post(self, locked: Api, accept: str) -> None:
        """A link, a form, an image, a script, and graphql-cop."""
        response = await locked.http.get("/graphql", params=HELLO, headers={"Accept": accept})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        [error] = response.json()["errors"]
        assert error["extensions"] == {"code": "BAD_REQUEST"}
        assert "POST" in error["message"]

    async def test_off_refuses_every_get(self, database_url: str) -> None:
        """POST works as usual."""
        async with Api.open(database_url, NOW, get="off") as api:
            for accept in (JSON, "*/*", URQL):
                response = await api.http.get("/graphql", params=HELLO, headers={"Accept": accept})
                assert (response.status_code, response.headers["allow"]) == (405, "POST")
            assert await api("{ __typename }") == {"data": {"__typename": "Query"}}

    async def test_on_serves_every_get(self, database_url: str) -> None:
        async with Api.open(database_url, NOW, host="0.0.0.0", get="on") as api:
            assert (await api.http.get("/graphql", params=HELLO, headers={"Accept": "*/*"})).status_code == 200


class TestGraphiql:
    """The page and its assets are served together."""

    async def test_off_serves_neither_the_page_nor_its_assets(self, locked: Api) -> None:
        response = await locked.http.get("/graphql", headers={"Accept": BROWSER})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert "graphiql" not in response.text.lower()
        for name in ("page.js", "graphiql.js", "graphiql.css"):
            assert (await locked.http.get(f"/graphiql/{name}")).status_code == 404

    async def test_a_browser_gets_words_instead_of_json_where_it_is_off(self, locked: Api) -> None:
        """And a program, or a browser that sends a query, what it gets elsewhere."""
        response = await locked.http.get("/graphql", headers={"Accept": BROWSER})
        assert response.headers["content-type"].startswith("text/html")
        assert "in a POST with a" in response.text
        assert "'none'" in response.headers["content-security-policy"]
        for accept, query in (("*/*", {}), (BROWSER, HELLO)):
            answer = await locked.http.get("/graphql", headers={"Accept": accept}, params=query)
            assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"

    async def test_on_serves_the_page_on_any_address(self, database_url: str) -> None:
        async with Api.open(database_url, NOW, host="0.0.0.0", graphiql="on") as api:
            response = await api.http.get("/graphql", headers={"Accept": BROWSER})
            assert response.headers["content-type"].startswith("text/html")


class TestGraphqlCop:
    """The requests of graphql-cop (2025-11), and what it reports as a finding. The locked profile has none."""

    async def post(self, api: Api, given: object) -> dict[str, Any]:
        response = await api.http.post("/graphql", json=given)
        assert response.status_code < 500
        return response.json()

    async def test_field_suggestions(self, locked: Api) -> None:
        assert "Did you mean" not in str(await self.post(locked, {"query": "query { __schema { directive } }"}))

    async def test_introspection(self, locked: Api) -> None:
        answer = await self.post(locked, {"query": "query { __schema { types { name fields { name } } } }"})
        assert "data" not in answer

    async def test_detect_graphiql(self, locked: Api) -> None:
        for address in ("/graphql", "/graphiql", "/playground", "/console", "/"):
            response = await locked.http.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
            found = [word for word in ("graphiql.min.css", "GraphQL Playground", "GraphiQL") if word in response.text]
            assert found == []

    async def test_get_method_support(self, locked: Api) -> None:
        response = await locked.http.get("/graphql", params={"query": "query cop { __typename }"})
        assert "data" not in response.json()

    async def test_alias_overloading(self, locked: Api) -> None:
        aliases = " ".join(f"alias{n}:__typename" for n in range(101))
        assert "data" not in await self.post(locked, {"query": f"query cop {{ {aliases} }}"})

    async def test_batch_query(self, locked: Api) -> None:
        answer = await self.post(locked, [{"query": "query cop { __typename }"}] * 10)
        assert answer.keys() == {"errors"}
        assert len(answer["errors"]) == 1

    async def test_trace_mode(self, locked: Api) -> None:
        answer = await self.post(locked, {"query": "query cop { __typename }"})
        assert answer == {"data": {"__typename": "Query"}}

    async def test_directive_overloading(self, locked: Api) -> None:
        answer = await self.post(locked, {"query": "query cop { __typename " + "@aa" * 10 + " }"})
        assert [error["extensions"]["limit"] for error in answer["errors"]] == ["directives_in_one_place"]

    async def test_circular_query_introspection(self, locked: Api) -> None:
        circle = "fields { name type { fields { name type { fields { name type { fields { name } } } } } } }"
        answer = await self.post(locked, {"query": f"query cop {{ __schema {{ types {{ {circle} }} }} }}"})
        assert "data" not in answer

    async def test_get_based_mutation(self, locked: Api) -> None:
        for accept in ("*/*", JSON):
            given = {"query": "mutation cop { __typename }"}
            response = await locked.http.get("/graphql", params=given, headers={"Accept": accept})
            assert (response.status_code, "data" in response.json()) == (405, False)

    async def test_post_based_csrf(self, locked: Api) -> None:
        response = await locked.http.post("/graphql", data={"query": "query cop { __typename }"})
        assert (response.status_code, "data" in response.json()) == (415, False)

    async def test_unhandled_error(self, locked: Api) -> None:
        [error] = (await self.post(locked, {"query": "qwerty cop { abc }"}))["errors"]
        assert error["extensions"] == {"code": "BAD_REQUEST"}

    async def test_field_duplication(self, locked: Api) -> None:
        """graphql-cop disables this check, because nearly every server fails it."""
        answer = await self.post(locked, {"query": "query cop { " + "__typename " * 500 + "}"})
        assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


class TestPublishedHoles:
    """Vulnerabilities of our dependencies, or of the libraries that others use in their place."""

    async def test_cve_2024_47082_a_foreign_page_cannot_post_a_multipart_form(self, api: Api) -> None:
        """Strawberry executed operations from a multipart form, which a page of any origin can make a browser send."""
        operations = '{"query": "mutation { deleteEvents(input: {deleteAll: true}) { deleted } }"}'
        files = {"operations": (None, operations), "map": (None, "{}")}
        response = await api.http.post("/graphql", files=files)
        assert (response.status_code, response.json().keys()) == (415, {"errors"})

    async def test_ghsa_f96h_pmfr_66vw_a_multipart_form_is_not_even_read(self, api: Api) -> None:
        """Starlette buffered a form's fields in memory without a limit. We refuse the request by its headers."""
        read = 0

        async def form() -> AsyncGenerator[bytes]:
            nonlocal read
            yield b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
            while True:
                read += 1
                yield b"A" * 65_536

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        response = await api.http.post("/graphql", content=form(), headers=headers)
        assert (response.status_code, read) == (415, 0)

    async def test_cve_2025_22151_an_id_of_one_kind_never_finds_another(self, api: Api, person: Account) -> None:
        """Strawberry's `node` took the type from the id. Our fields look an id up as their own type only."""
        rule = "query ($id: ID!) { availabilityRule(availabilityRuleId: $id) { tzid } }"
        delete = "mutation ($id: ID!) { deleteEvent(input: {calendarId: $id, eventId: $id}) { deleted } }"
        for id in (person.sub, person.calendar_id, person.token, person.refresh_token):
            answer = await api(rule, person.token, id=id)
            assert not (answer["data"] or {}).get("availabilityRule")
            if id != person.calendar_id:
                assert (await api.refusal(delete, person.token, id=id))["code"] == "NOT_FOUND"

    async def test_cve_2026_45739_the_page_puts_no_header_into_its_address(self, api: Api) -> None:
        """Strawberry's page wrote headers into its URL, and with them tokens into histories and logs.

        Ours changes its address once, to take the token of the terminal out of it.
        """
        page = (await api.http.get("/graphql", headers={"Accept": BROWSER})).text
        script = (await api.http.get("/graphiql/page.js")).text
        script = script.replace('history.replaceState(null, "", location.pathname + location.search);', "")
        script = script.replace('new URLSearchParams(location.hash.slice(1)).get("token")', "")
        for word in (
            "replaceState",
            "pushState",
            "location.search",
            "location.hash",
            "location.href",
            "URLSearchParams",
        ):
            assert word not in page
            assert word not in script


@pytest.fixture
async def person(api: Api) -> Account:
    """An account, whose ids and tokens are used where they do not belong."""
    return await api.application_calendar("person")
