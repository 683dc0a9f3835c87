"""The OpenAPI document of the API, made of what the endpoints read.

An endpoint declares its fields by reading them: `fields.required("summary")`. So each handler runs once with fields that
note what it asks for, up to the point at which it would report problems or call a resolver. What it then has noted is the
schema of its requests, and cannot differ from what it reads.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, NoReturn, TypeVar, cast

from core.durations import Duration
from core.errors import Key, Problems
from core.limits import Limits
from resolvers.context import Context

from .fields import MISSING, Fields
from .routing import Call, Endpoint

E = TypeVar("E", bound=StrEnum)

_TEXT = {"type": ["string", "number", "null"]}
_TIME = {
    "anyOf": [
        {"type": ["string", "null"]},
        {"type": "object", "properties": {"time": {"type": "string"}, "tzid": {"type": "string"}}},
    ]
}
_NUMBER = {"type": ["integer", "string", "null"]}
_FLAG = {"type": ["boolean", "string", "null"]}

_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error"],
}
_PROBLEM = {
    "type": "object",
    "properties": {"key": {"type": "string"}, "description": {"type": "string"}},
    "required": ["key", "description"],
}
_PROBLEMS = {
    "type": "object",
    "properties": {
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": _PROBLEM}},
        "more": {"type": "boolean"},
    },
    "required": ["errors"],
}

#: the responses that any request may get, by status
_REFUSALS = {
    401: "The token is missing, wrong, expired or revoked.",
    402: "The application's plan does not include it.",
    403: "The token is valid but not sufficient.",
    404: "It does not exist, or is not yours.",
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    415: "The body has another media type.",
    422: "Every problem of the request, by its place.",
    429: "Too many requests, or too many wrong credentials.",
    500: "The server failed. Its log has the details under the id.",
    503: "The deadline passed, or the database did not answer. Send it again.",
}


class _Noted(Exception):
    """A handler has read all of its fields."""


class _NotedFields(Fields):
    """The fields of an object, which are missing; notes what is read of them."""

    def __init__(self) -> None:
        super().__init__({}, 1 << 30)
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the object."""
        properties = {name: _resolved(found) for name, found in self._properties.items()}
        found: dict[str, Any] = {"type": "object", "properties": properties}
        return found | ({"required": sorted(set(self._required))} if self._required else {})

    def _note(self, name: str, schema: Any, *, required: bool = False) -> None:
        self._properties[name] = schema
        if required:
            self._required.append(name)

    def _child(self, name: str, *, of_list: bool, required: bool = False) -> "_NotedFields":
        child = _NotedFields()
        self._note(name, {"type": "array", "items": child} if of_list else child, required=required)
        return child

    def has_any(self, name: str) -> bool:
        return True  # so that what is read only then is read, too

    def report(self, name: str, key: Key, description: str) -> None:
        """Reports nothing."""

    def raise_if_any(self, check: Callable[[], Problems] = Problems) -> NoReturn:
        raise _Noted

    def text(self, name: str) -> None:
        self._note(name, _TEXT)

    def required(self, name: str) -> str:
        self._note(name, {"type": ["string", "number"]}, required=True)
        return ""

    def zone(self, name: str) -> None:
        self._note(name, _TEXT)

    def required_zone(self, name: str) -> str:
        return self.required(name)

    def texts(self, name: str) -> None:
        self._note(name, {"type": ["array", "null"], "items": {"type": ["string", "number"]}})

    def required_texts(self, name: str) -> list[str]:
        self._note(name, {"type": "array", "items": {"type": ["string", "number"]}}, required=True)
        return []

    def flag(self, name: str) -> bool:
        self._note(name, _FLAG)
        return False

    def number(self, name: str) -> None:
        self._note(name, _NUMBER)

    def optional_choice(self, name: str, choices: type[E]) -> None:
        self._note(name, {"enum": [*choices, None]})

    def required_choice(self, name: str, choices: type[E]) -> E:
        self._note(name, {"enum": [*choices]}, required=True)
        return next(iter(choices))

    def required_choices(self, name: str, choices: type[E]) -> list[E]:
        self._note(name, {"type": "array", "items": {"enum": [*choices]}}, required=True)
        return []

    def object(self, name: str) -> Fields:
        return self._child(name, of_list=False)

    def required_object(self, name: str) -> Fields:
        return self._child(name, of_list=False, required=True)

    def objects(self, name: str) -> list[Fields]:
        return [self._child(name, of_list=True)]

    def required_objects(self, name: str) -> list[Fields]:
        return [self._child(name, of_list=True, required=True)]

    def raw_items(self, name: str) -> list[Any]:
        self._required.append(name)
        return [{}]

    def inner(self, value: Any, *at: str | int) -> Fields:
        return self._child(str(at[0]), of_list=True)

    def required_time_text(self, name: str) -> None:
        self._note(name, _TIME, required=True)

    def instant(self, name: str) -> None:
        self._note(name, _TIME)

    def required_instant(self, name: str) -> Any:
        self._note(name, _TIME, required=True)
        return MISSING

    def event_time(self, name: str) -> Any:
        self._note(name, _TIME, required=True)
        return MISSING, None

    def bound(self, name: str, tzid: str) -> None:
        self._note(name, {"type": ["string", "null"]})

    def duration(self, name: str) -> None:
        cast("_NotedFields", self.object(name)).as_duration()

    def as_duration(self) -> Duration | None:
        for name in ("hours", "minutes"):
            self._note(name, _NUMBER)
        self._note("minimum", {"type": "object", "properties": {"hours": _NUMBER, "minutes": _NUMBER}})
        return None


def _resolved(schema: Any) -> Any:
    """The schema with noted fields replaced by theirs."""
    if isinstance(schema, _NotedFields):
        return schema.schema()
    items = cast("dict[str, Any]", schema).get("items")
    return {**schema, "items": items.schema()} if isinstance(items, _NotedFields) else schema


class _NotedCall(Call):
    """A request whose fields are noted."""

    def fields(self) -> Fields:
        return self.noted()

    def fields_of(self, values: Mapping[str, Any]) -> Fields:
        return self.noted()

    def noted(self) -> _NotedFields:
        return cast("_NotedFields", self.values["noted"])


def _request_schema(endpoint: Endpoint) -> dict[str, Any]:
    """The schema of the fields that the endpoint reads."""
    noted = _NotedFields()
    ctx = cast("Context", SimpleNamespace(limits=Limits(), now=0, private_callbacks=False))
    path = dict.fromkeys(_names(endpoint.path), "")
    reading = endpoint.handler(_NotedCall(ctx, path, {"noted": noted}, "", 1))
    with suppress(Exception):  # it has read all, or would call a resolver
        cast("Any", reading).send(None)
    cast("Any", reading).close()
    return noted.schema()


def document(endpoints: Sequence[Endpoint], public_url: str) -> dict[str, Any]:
    """Returns the OpenAPI document of these endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Openings", "version": "1", "description": "The REST API of Cronofy's clients."},
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _ERROR, "Problems": _PROBLEMS},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    schema = _request_schema(endpoint)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _names(endpoint.path)
    ]
    found: dict[str, Any] = {"operationId": endpoint.name, "responses": _responses(endpoint)}
    if endpoint.bearer:
        found["security"] = [{"bearer": []}]
    if endpoint.method == "GET":
        parameters += [_parameter(name, each, schema) for name, each in schema["properties"].items()]
    elif schema["properties"]:
        found["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return found | ({"parameters": parameters} if parameters else {})


def _parameter(name: str, schema: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter of a query, where there is no null and a list has its name with brackets."""
    is_list = "array" in schema.get("type", ())
    plain = {"type": "array", "items": {"type": "string"}} if is_list else {"type": "string"}
    required = name in of.get("required", ())
    return {"name": f"{name}[]" if is_list else name, "in": "query", "required": required, "schema": plain}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {str(endpoint.status): {"description": "Done."}}
    if endpoint.status != 202:
        found[str(endpoint.status)]["content"] = _json({"type": "object"})
    if endpoint.path.startswith("/oauth/"):
        found["400"] = {"description": "As RFC 6749 says.", "content": _json({"$ref": "#/components/schemas/Error"})}
    for status, words in _REFUSALS.items():
        errors = [{"$ref": "#/components/schemas/Error"}, {"$ref": "#/components/schemas/Problems"}]
        found[str(status)] = {"description": words, "content": _json({"anyOf": errors})}
    return found


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
