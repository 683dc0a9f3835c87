"""schemathesis sends the real server whatever the schema allows, and some requests that it does not allow.

A few examples of each field on every run; `OPENINGS_SCHEMATHESIS_EXAMPLES=1000` makes it a search. Findings are: no
response, a status other than 200 or 400, a fault of ours, and BAD_REQUEST for a document that fits the schema. A
refusal with a code of its own is no finding, although schemathesis would report every error of a field as one.
"""

import os
import re
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from graphql import GraphQLError, build_schema, parse
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.graphql import nodes
from schemathesis.specs.graphql.schemas import GraphQLSchema

from core.errors import Refusal
from server.graphql.complexity import QUERY_TOO_COMPLEX
from server.graphql.documents import MAX_TOKENS
from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.server_process import ServerProcess

from .conftest import Store

EXAMPLES = int(os.environ.get("OPENINGS_SCHEMATHESIS_EXAMPLES", "2"))
PRINTED = build_schema((Path(__file__).parents[2] / "schema" / "schema.graphql").read_text("utf-8"))
ROOTS = [root for root in (PRINTED.query_type, PRINTED.mutation_type) if root]
FIELDS = [f"{root.name}.{name}" for root in ROOTS for name in root.fields]
#: fields with arguments: schemathesis makes invalid requests only by invalid arguments
WITH_ARGUMENTS = [f"{root.name}.{name}" for root in ROOTS for name, field in root.fields.items() if field.args]
REFUSALS = {QUERY_TOO_COMPLEX, *(kind.code for kind in Refusal.__subclasses__())}

_ZONES = st.builds(timezone, st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes)))
_TIMES = st.datetimes(timezones=st.just(UTC) | _ZONES).map(lambda time: time.isoformat(timespec="seconds"))
_DATES = st.dates().map(lambda day: day.isoformat())
SCALARS = {
    "DateTime": (_TIMES | st.text()).map(nodes.String),
    "Date": (_DATES | st.text()).map(nodes.String),
    "EventTime": (_TIMES | _DATES | st.text()).map(nodes.String),
    "Required": (st.just("all") | st.text()).map(nodes.String) | st.integers(-(2**31), 2**31 - 1).map(nodes.Int),
}


@pytest.fixture(scope="module")
def asked(served: ServerProcess) -> GraphQLSchema:
    """The schema by introspection of the server."""
    for name, strategy in SCALARS.items():
        schemathesis.graphql.scalar(name, strategy)
    return schemathesis.graphql.from_url(f"{served.url}/graphql")


def search(examples: int) -> Any:
    """Settings for that many examples. A few are the same on every run, more are random."""
    return settings(
        max_examples=examples,
        derandomize=examples <= 10,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),  # its metaclass is not iterable to pyright
    )


def known(document: str, store: Store) -> str:
    """The document with real ids and credentials, so that it does not end with NOT_FOUND or UNAUTHENTICATED."""
    there = {"calendarId": store.calendar_id, "sub": store.sub, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    for name, value in there.items():
        document = re.sub(rf'\b{name}: "(?:[^"\\]|\\.)*"', f'{name}: "{value}"', document)
    return document


def is_short(document: str) -> bool:
    """Whether a document is within the token limit, which the schema does not state; few are longer."""
    try:
        parse(document, max_lexical_tokens=MAX_TOKENS)
    except GraphQLError:
        return False
    return True


def call(case: Case, store: Store) -> Response:
    return case.call(headers={"Authorization": f"Bearer {store.token}"})


@pytest.mark.parametrize("field", FIELDS)
async def test_a_valid_request_is_answered_or_refused_with_a_code(
    field: str, asked: GraphQLSchema, store: Store
) -> None:
    """For any texts and times, half of the requests about an existing calendar."""

    @search(EXAMPLES)
    @given(case=operation(asked, field).as_strategy(), about=st.booleans())
    def ask(case: Case, about: bool) -> None:
        assert isinstance(case.body, str)
        assume(is_short(case.body))
        case.body = known(case.body, store) if about else case.body
        response = call(case, store)
        assert response.status_code == 200, response.text
        codes = {error["extensions"]["code"] for error in response.json().get("errors", ())}
        assert codes <= REFUSALS, f"{case.body}\n{response.text}"
        if codes != {QUERY_TOO_COMPLEX}:  # refused as a whole, which schemathesis takes for an invalid query
            case.validate_response(response, excluded_checks=[not_a_server_error])

    ask()


@pytest.mark.parametrize("field", WITH_ARGUMENTS)
async def test_an_invalid_request_is_a_bad_request(field: str, asked: GraphQLSchema, store: Store) -> None:
    """Nothing is executed."""

    @search(EXAMPLES)
    @given(case=operation(asked, field).as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: Case) -> None:
        response = call(case, store)
        assert response.status_code in (200, 400), response.text
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"BAD_REQUEST"}, case.body
        assert "data" not in response.json()

    ask()


def operation(schema: GraphQLSchema, field: str) -> Any:
    root, name = field.split(".")
    return schema[root][name]
