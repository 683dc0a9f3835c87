"""schemathesis sends the REST API what its OpenAPI document allows, and some requests that it does not allow.

A few examples of each endpoint on every run; `OPENINGS_SCHEMATHESIS_EXAMPLES=300` makes it a search. Findings are: no
response, a fault of ours, and a status or a body that is not documented.
"""

import os
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case

from server.rest.endpoints import ENDPOINTS
from server.rest.openapi import document
from tests.support.api import CLIENT_SECRET
from tests.support.server_process import ServerProcess

from .conftest import Store

EXAMPLES = int(os.environ.get("OPENINGS_SCHEMATHESIS_EXAMPLES", "2"))
PATHS = document(ENDPOINTS, "")["paths"]
NAMES = [endpoint.name for endpoint in ENDPOINTS]
#: endpoints with fields: schemathesis makes invalid requests only by invalid fields
WITH_FIELDS = [
    endpoint.name
    for endpoint in ENDPOINTS
    if {"parameters", "requestBody"} & PATHS[endpoint.path][endpoint.method.lower()].keys()
]
CASES = [
    *((name, GenerationMode.POSITIVE) for name in NAMES),
    *((name, GenerationMode.NEGATIVE) for name in WITH_FIELDS),
]


@pytest.fixture(scope="module")
def described(served: ServerProcess) -> Any:
    """The document, which a test beside it compares with that of the server."""
    schema = schemathesis.openapi.from_dict(document(ENDPOINTS, served.url))
    schema.config.update(base_url=served.url)
    return schema


def search(examples: int) -> Any:
    """Settings for that many examples. A few are the same on every run, more are random."""
    return settings(
        max_examples=examples,
        derandomize=examples <= 10,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
    )


@pytest.mark.parametrize(("name", "mode"), CASES)
async def test_every_response_is_documented(name: str, mode: GenerationMode, described: Any, store: Store) -> None:
    """By the token of an account and by the application's key; half of the requests about an existing calendar."""
    method, path = name.split()
    operation = described[path][method]

    @search(EXAMPLES)
    @given(case=operation.as_strategy(generation_mode=mode), key=st.booleans(), about=st.booleans())
    def ask(case: Case, key: bool, about: bool) -> None:
        if about and case.path_parameters and "calendar_id" in case.path_parameters:
            case.path_parameters["calendar_id"] = store.calendar_id
        response = case.call(headers={"Authorization": f"Bearer {CLIENT_SECRET if key else store.token}"})
        documented = operation.definition.raw["responses"]
        assert str(response.status_code) in documented, f"{name} {case.body!r}: {response.status_code} {response.text}"
        assert response.status_code < 500, response.text
        if response.content:
            assert response.headers["content-type"] == ["application/json; charset=utf-8"]
            assert isinstance(response.json(), dict)

    ask()
