"""The application: builds its parts and the table of routes."""

import gc
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from core.calendar_sources import SyncStatus
from core.instants import Instant
from core.urls import is_public
from db.database import Database
from db.readiness import Readiness
from resolvers import real_time_scheduling
from resolvers.cache import VersionedCache
from schema import schema

from . import demo
from .booking_page import BookingPage
from .calendar_sources.download import Downloads
from .calendar_sources.fetches import SourceFetches
from .calendar_sources.statuses import SourceStatuses
from .callbacks.channels import ChannelWatch
from .callbacks.delivery import Deliveries
from .feeds import CalendarFeeds
from .graphiql import assets_route, off_page, page
from .graphiql.examples import examples
from .graphql.compiled import compiled_schema
from .graphql.connection_limits import ConnectionLimits
from .graphql.endpoint import GraphQLEndpoint
from .graphql.engine import GraphQLEngine
from .graphql.errors import format_http_error
from .graphql.http import respond
from .http.access_log import AccessLog
from .http.context import RequestGate
from .http.cors import CrossOrigin
from .http.credential_throttle import CredentialThrottle
from .http.origins import Origins, local_origins
from .http.rate_limits import RateLimits
from .http.requests import JSON, RequestError
from .mcp import PATH as MCP_PATH
from .observability import metrics
from .outgoing.http_client import HTTPClient, allow_all
from .process.http_protocol import HEADERS_OF_REFUSAL, HeadersOfRefusal
from .process.installation import database
from .process.purge import Purge
from .process.series_expansion import SeriesExpansion
from .process.signals import on_shutdown_signal
from .rest import PATHS, ElementsCrossOrigin, RestEndpoint
from .settings import Settings

if TYPE_CHECKING:
    from .mcp.endpoint import MCPEndpoint

log = logging.getLogger("openings")


def clock() -> Instant:
    """The present instant."""
    return int(time.time())


def create_app(settings: Settings, *, clock: Callable[[], Instant] = clock) -> Starlette:
    """Builds the application. The database of the settings must be migrated; tests pass their own `clock`."""
    db = database(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[dict[str, Any]]:
        with on_shutdown_signal(endpoint.stopping.set):
            serving = tools.running() if tools is not None else nullcontext()
            async with (
                deliveries.running(),
                channels.running(),
                sources.running(),
                purge.running(),
                expansion.running(),
                serving,
            ):
                # For what is refused before the application is asked.
                yield {HEADERS_OF_REFUSAL: _both(cross_origin.headers_of_refusal, elements.headers_of_refusal)}
        await db.close()

    deliveries = Deliveries(db, HTTPClient(allow_all if settings.private_callbacks else is_public), clock)
    channels = ChannelWatch(db, clock)
    allowed = allow_all if settings.private_sources else is_public
    sources = SourceFetches(db, Downloads(HTTPClient(allowed, setting="OPENINGS_PRIVATE_SOURCES")), clock)
    purge = Purge(
        db,
        clock,
        keep_days=settings.keep_days,
        keep_answers_days=settings.keep_answers_days,
        keep_links_days=settings.keep_links_days,
    )
    expansion = SeriesExpansion(db, clock)
    origins = Origins(
        lambda token, origin: db.encryption.is_for_origin(token, origin),
        settings.allowed_origins,
        settings.public_origin,
        local_origins(settings.host, settings.port),
    )
    gate = RequestGate(
        db,
        settings.limits,
        VersionedCache(settings.memory * 1024 * 1024, metrics.count_lookup),
        clock,
        origins,
        address=settings.address,
        private_callbacks=settings.private_callbacks,
        private_sources=settings.private_sources,
        fetch_sources=sources.fetch,
        rates=RateLimits(settings.rates, settings.workers),
        deadline=settings.deadline,
    )
    throttle = CredentialThrottle()
    statuses = SourceStatuses(db, clock)
    engine = _engine(settings, gate, throttle)
    endpoint = GraphQLEndpoint(engine, partial(_graphiql, db, settings, clock), max_body=settings.max_body)
    cross_origin = CrossOrigin(endpoint.asgi, "/graphql", origins)
    assets = assets_route() if settings.exposure.graphiql else None
    rest = RestEndpoint(gate, throttle, settings.address, settings.max_body, settings.max_values)
    elements = ElementsCrossOrigin(rest, origins)
    tools = _tools(gate, throttle, settings) if settings.mcp else None
    app = _Application(
        AccessLog(cross_origin),
        AccessLog(elements),
        routes=[
            Route("/", _home, methods=["GET"]),
            WebSocketRoute("/graphql", endpoint.on_websocket),
            Route("/healthz", _alive, methods=["GET"]),
            Route("/readyz", _ReadyCheck(db, statuses).respond, methods=["GET"]),
            *BookingPage(real_time_scheduling, gate).routes(),
            *([Route(MCP_PATH, tools)] if tools is not None else []),
            CalendarFeeds(gate).route(),
            *([assets] if assets is not None else []),
            *([Route("/metrics", partial(_metrics, statuses), methods=["GET"])] if settings.with_metrics else []),
        ],
        middleware=[Middleware(AccessLog)],
        exception_handlers={HTTPException: _on_http_exception},
        lifespan=lifespan,
    )
    # Starlette would redirect /graphql/ to a URL made of the Host header, and a proxy's https to http.
    app.router.redirect_slashes = False
    app.state.db = db
    app.state.engine = engine
    return app


def _engine(settings: Settings, gate: RequestGate, throttle: CredentialThrottle) -> GraphQLEngine:
    return GraphQLEngine(
        # graphql-core's schema, which Strawberry has in no public attribute
        compiled_schema() if settings.compiled else schema._schema,  # pyright: ignore[reportPrivateUsage]
        gate,
        ConnectionLimits(settings.max_subscriptions, settings.max_client_subscriptions),
        compiled=settings.compiled,
        exposure=settings.exposure,
        throttle=throttle,
        max_root_fields=settings.max_root_fields,
        max_values=settings.max_values,
        max_answer_values=settings.max_answer_values,
        max_answer=settings.max_answer,
    )


def _tools(gate: RequestGate, throttle: CredentialThrottle, settings: Settings) -> "MCPEndpoint":
    from .mcp.endpoint import MCPEndpoint  # of an extra, which need not be installed

    return MCPEndpoint(gate, throttle, settings.max_body)


class _Application(Starlette):
    """Starlette with fast paths: /graphql and the REST API, nearly all traffic, skip its middleware and routing."""

    def __init__(self, graphql: ASGIApp, rest: ASGIApp, **more: Any) -> None:
        super().__init__(**more)
        self._graphql = graphql
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(scope)(scope, receive, send)

    def _endpoint(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "http":
            return super().__call__
        if scope["path"] == "/graphql":
            return self._graphql
        return self._rest if scope["path"].startswith(PATHS) else super().__call__


def _both(one: HeadersOfRefusal, other: HeadersOfRefusal) -> HeadersOfRefusal:
    return lambda target, headers: [*one(target, headers), *other(target, headers)]


def from_environment() -> Starlette:
    """Builds the application in a worker process."""
    app = create_app(Settings.read(os.environ))
    # Modules, schema and routes live as long as the process. Unfrozen, each full garbage collection would scan them
    # again and stop requests for about 50 ms.
    gc.collect()
    gc.freeze()
    return app


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    """Formats an unknown path (404) or method (405) as every other error."""
    assert isinstance(error, HTTPException)
    response = respond(format_http_error(RequestError(error.status_code, f"{error.detail}.")), JSON, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _graphiql(db: Database, settings: Settings, clock: Callable[[], Instant], _request: Request) -> Response:
    if not settings.exposure.graphiql:
        return off_page()
    cast = await demo.cast(db) if settings.demo else demo.NOBODY
    return page(examples(cast, clock()))


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _alive(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


class _ReadyCheck:
    """Serves /readyz, and logs a line when the database becomes unusable and when it is usable again."""

    def __init__(self, db: Database, statuses: SourceStatuses) -> None:
        self._readiness = Readiness(db)
        self._statuses = statuses
        self._problem: str | None = None

    async def respond(self, _request: Request) -> Response:
        problem = await self._readiness.problem()
        if problem is not None and problem != self._problem:
            log.warning("not ready: %s", problem)
        elif problem is None and self._problem is not None:
            log.info("ready again")
        self._problem = problem
        if problem is not None:
            return JSONResponse({"status": problem}, 503)
        detail: dict[str, Any] = {"status": "ready", "tzdata": version("tzdata")}
        if sources := await self._statuses.count():  # whatever they are: a server is ready without them
            detail["calendar_sources"] = sources
        return JSONResponse(detail)


async def _metrics(statuses: SourceStatuses, request: Request) -> Response:
    counted = await statuses.count()
    metrics.show_sources({status.value: counted.get(status, 0) for status in SyncStatus})
    return await metrics.metrics(request)
