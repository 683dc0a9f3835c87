"""Endpoints: a method and a path, and the function that answers. Matches the path of a request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from core.errors import Refusal
from resolvers.context import Context

from .fields import Fields
from .requests import Values
from .responses import Answer


@dataclass(frozen=True)
class Call:
    """A request to an endpoint."""

    ctx: Context
    #: the parts of the path that the endpoint names
    path: Mapping[str, str]
    values: Values
    #: the URL of this server, without a slash at its end
    public_url: str
    #: maximum list items in the request
    max_items: int

    def fields(self) -> Fields:
        """Returns the fields of the request."""
        return self.fields_of(self.values)

    def fields_of(self, values: Mapping[str, Any]) -> Fields:
        """Returns these values as fields: those of a list, when a page of it is requested."""
        return Fields(values, self.max_items)


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path, in which `{name}` is any one part."""

    method: str
    path: str
    handler: Handler
    #: the status of a success
    status: int = 200
    #: whether the bearer token counts; otherwise the credentials are in the body
    bearer: bool = True
    #: formats a refusal that has another form here than elsewhere; None for all others
    refused: Callable[[Refusal], Answer | None] = lambda _: None
    #: whether a request in a batch may go here
    in_batches: bool = False
    #: what stored responses are called; they are stored, under the request's JSON body, until what they depend on
    #: changes. None: they are not stored
    cached_as: str | None = None

    @property
    def name(self) -> str:
        """The name in logs and metrics."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Match:
    """The endpoint of a request, and the parts of its path that the endpoint names."""

    endpoint: Endpoint
    path: Mapping[str, str]


class Router:
    """Finds endpoints. A slash at the end of a path makes no difference, and a named part may have encoded slashes."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        #: by path, of those that name no parts, and then by method: most requests end here
        self._plain: dict[str, dict[str, Match]] = {}
        self._by_length: dict[int, list[tuple[list[str], Endpoint]]] = {}
        for endpoint in endpoints:
            parts = endpoint.path.split("/")
            if "{" in endpoint.path:
                self._by_length.setdefault(len(parts), []).append((parts, endpoint))
            else:
                self._plain.setdefault(endpoint.path, {})[endpoint.method] = Match(endpoint, {})

    def find(self, method: str, raw_path: str) -> Match | Sequence[str]:
        """Returns the match of the request; if there is none, the methods that the path has."""
        path = raw_path.rstrip("/")
        plain = self._plain.get(path, {})
        if method in plain:
            return plain[method]
        parts, methods = path.split("/"), [*plain]
        for template, endpoint in self._by_length.get(len(parts), ()):
            if all(named == part or named.startswith("{") for named, part in zip(template, parts, strict=True)):
                if endpoint.method == method:
                    return Match(endpoint, _named(template, parts))
                methods.append(endpoint.method)
        return methods


def _named(template: Sequence[str], parts: Sequence[str]) -> dict[str, str]:
    return {named[1:-1]: unquote(part) for named, part in zip(template, parts, strict=True) if named.startswith("{")}
