"""Reads the fields of a request: from its query, and from a body that is JSON or a form."""

from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from core.errors import Key, Unprocessable

from ..http.requests import FORM, header

Values: TypeAlias = dict[str, Any]
"""The fields of a request by name, as they were sent."""

MAX_PARAMETERS = 2_000
"""Maximum parameters of a query or form; any more are an error."""


def has_body(request: Request) -> bool:
    """Whether the request has a body. Some clients send a Content-Type without one."""
    length = header(request.scope, b"content-length")
    return length not in (None, "0") or header(request.scope, b"transfer-encoding") is not None


def read_values(request: Request, media_type: str, body: bytes) -> Values:
    """Returns the fields of a request. Raises Unprocessable if they cannot be read.

    A GET has its fields in its query; its body, which some clients send, is ignored. A DELETE may have them in either.
    """
    if request.method in ("GET", "HEAD"):
        return _parameters(request.scope["query_string"], "query")
    if request.method == "DELETE":
        return {**_parameters(request.scope["query_string"], "query"), **_body_values(media_type, body)}
    return _body_values(media_type, body)


def _body_values(media_type: str, body: bytes) -> Values:
    if not body:
        return {}
    return _parameters(body, "body") if media_type == FORM else _object(body)


def _object(body: bytes) -> Values:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unprocessable.of(("body",), Key.INVALID, f"is not JSON: {error}") from None
    if values == []:  # how PHP writes an empty object
        return {}
    if not isinstance(values, dict):
        raise Unprocessable.of(("body",), Key.INVALID, "must be a JSON object")
    return values  # pyright: ignore[reportUnknownVariableType]: any JSON object


def _parameters(text: bytes, where: str) -> Values:
    """Parses parameters; `name[]=a&name[]=b` is a list. Of a plain name given twice, the last value counts."""
    try:
        found = parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        words = f"takes at most {MAX_PARAMETERS} parameters"
        raise Unprocessable.of((where,), Key.TOO_MANY, words) from None
    values: Values = {}
    for name, value in found:
        if name.endswith("[]"):
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return {name.removesuffix("[]"): value for name, value in values.items()}
