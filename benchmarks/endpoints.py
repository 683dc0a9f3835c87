"""What ours is measured against, each an application that uvicorn is given by name; all but `stock` are written by hand."""

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

#: where the answers lie that are known beforehand: the name of a question and this
ANSWER = ".json"
WHO = "SELECT key FROM clients WHERE secret_digest = $1"


def application(**endpoints: Callable[[Request], Awaitable[Response]]) -> Starlette:
    """A route for each of these endpoints, by its name."""
    return Starlette(routes=[Route(f"/{name}", endpoint, methods=["POST"]) for name, endpoint in endpoints.items()])


def answers() -> dict[str, bytes]:
    folder = Path(os.environ["BENCHMARKS_FOLDER"])
    return {path.stem: path.read_bytes() for path in sorted(folder.glob(f"*{ANSWER}"))}


def floor() -> Starlette:
    """Routes that know their answers: what the web framework costs."""

    def endpoint(body: bytes) -> Any:
        async def known(_request: Request) -> Response:
            return Response(body, media_type="application/json")

        return known

    return application(**{name: endpoint(body) for name, body in answers().items()})


def asking_who() -> Starlette:
    """The same, after it has asked the database who it is that asks: one statement, straight to the driver."""
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
    """Our schema and resolvers behind Strawberry's own view, as its documentation sets it up; nothing is remembered.

    What is sent is built, and resolvers are called, by Strawberry, too.
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
