"""The applications to compare with, which uvicorn loads by name; all except `stock` are hand-written."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.identity import digest

from .drivers import reading, url

#: the folder with the expected answers, in files named after the questions
ANSWER = ".json"
WHO = "SELECT key FROM clients WHERE secret_digest = $1"


def application(**endpoints: Callable[[Request], Awaitable[Response]]) -> Starlette:
    """An application with a route for each endpoint, by name."""
    return Starlette(routes=[Route(f"/{name}", endpoint, methods=["POST"]) for name, endpoint in endpoints.items()])


def answers() -> dict[str, bytes]:
    folder = Path(os.environ["BENCHMARKS_FOLDER"])
    return {path.stem: path.read_bytes() for path in sorted(folder.glob(f"*{ANSWER}"))}


def floor() -> Starlette:
    """Routes with constant answers: the cost of the web framework."""

    def endpoint(body: bytes) -> Any:
        async def known(_request: Request) -> Response:
            return Response(body, media_type="application/json")

        return known

    return application(**{name: endpoint(body) for name, body in answers().items()})


def asking_who() -> Starlette:
    """The same, after looking up the caller in the database: one statement, by the driver."""
    read = reading()

    def endpoint(body: bytes) -> Any:
        async def known(request: Request) -> Response:
            if not await read(WHO, digest(bearer(request))):
                return Response(status_code=401)
            return Response(body, media_type="application/json")

        return known

    return application(**{name: endpoint(body) for name, body in answers().items()})


def bearer(request: Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def stock() -> Starlette:
    """Our schema and resolvers behind Strawberry's own view, as its documentation recommends; nothing is cached.

    Strawberry also calls the resolvers and builds the results.
    """
    from strawberry.asgi import GraphQL
    from strawberry.types.base import StrawberryObjectDefinition

    from core.limits import Limits
    from db.database import Database
    from resolvers.cache import VersionedCache
    from resolvers.context import Context
    from schema import stock_schema
    from server.app import clock
    from server.http import auth

    db, schema = Database(url()), stock_schema()
    for kept in schema.schema_converter.type_map.values():
        if isinstance(kept.definition, StrawberryObjectDefinition):
            kept.definition.from_input = None

    class View(GraphQL[Context, None]):
        async def get_context(self, request: Any, response: Any) -> Context:
            return Context(db, auth.caller(request.headers.get("authorization")), clock(), Limits(), VersionedCache(0))

    return Starlette(routes=[Route("/graphql", View(schema), methods=["POST"])])
