"""The doorway: one HTTP request in, one response out, on the gate that all doorways share."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.access import NOBODY
from core.errors import Refusal, WrongCredentials
from resolvers.context import Context

from ..http import answer_cache
from ..http.answer_cache import CachedAnswer
from ..http.client_address import address_of
from ..http.context import RequestGate
from ..http.credential_throttle import CredentialThrottle
from ..http.deadlines import CLIENT_GONE, DeadlineError, run_eagerly, run_while_connected
from ..http.faults import log_refusal
from ..http.requests import FORM, JSON, RequestError, read_body, sent_as
from ..observability import metrics
from .elements import caller
from .endpoints import ROUTER
from .requests import has_body, read_values
from .responses import Answer, format_error, method_not_allowed, not_found, respond
from .routing import Call, Endpoint, Match

_CACHED = Answer(200)
"""The answer whose written body was stored."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A request whose body has been read, and the cached response to it if there is one."""

    media_type: str
    body: bytes
    cached: CachedAnswer | None = None


@dataclass(frozen=True, slots=True)
class RestEndpoint:
    """Serves all paths of the API, as an ASGI application."""

    gate: RequestGate
    #: shared with the other doorways
    throttle: CredentialThrottle
    #: the URL of this server, without a slash at its end
    public_url: str
    max_body: int
    #: maximum list items in a request
    max_items: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        found = ROUTER.find(method, _raw_path(request.scope))
        if not isinstance(found, Match):
            return _without_endpoint(found)
        began, endpoint = perf_counter(), found.endpoint
        request.scope.setdefault("state", {})["operation"] = endpoint.path
        try:
            answer, body = await self._answer(request, found)
        except ClientDisconnect:
            return CLIENT_GONE
        except Exception as error:
            answer = _format(error, endpoint)
            body = answer.written()
        metrics.count(endpoint.name, answer.code, perf_counter() - began)
        return respond(answer, body)

    async def _answer(self, request: Request, found: Match) -> tuple[Answer, bytes]:
        """Returns the answer with its written body. Raises what the request, a resolver or the database raises."""
        endpoint = found.endpoint
        context = self.gate.context(caller(self.gate, request.scope) if endpoint.bearer else NOBODY)
        arrived = await self._read_and_look_up(request, context, endpoint)
        if arrived.cached is not None:
            return _CACHED, arrived.cached.answer
        values = read_values(request, arrived.media_type, arrived.body)
        call = Call(context, found.path, values, self.public_url, self.max_items)
        work = self._execute(call, endpoint, address_of(request))
        answer = await run_while_connected(request, work, self.gate.deadline)
        body = answer.written()
        kind = endpoint.cached_as if arrived.media_type == JSON else None
        if kind is not None and answer.status == 200 and len(context.dependencies) == 1:
            stored = CachedAnswer(body, context.dependencies[0], endpoint.path, endpoint.name)
            answer_cache.put(context, kind, arrived.body, stored)
        return answer, body

    async def _read_and_look_up(self, request: Request, context: Context, endpoint: Endpoint) -> _Arrived:
        """Reads the body, counts the request against the rate limits, and looks up its cached response.

        Raises RequestError, also if the body does not arrive within the deadline, and DeadlineError if the rest is late.
        """
        read: list[_Arrived] = []  # has the request once it has arrived

        async def read_and_look_up() -> _Arrived:
            read.append(await self._read(request, context))
            if self.gate.rates:
                await self.gate.admit(context, address_of(request))
            if endpoint.cached_as is None or read[0].media_type != JSON:
                return read[0]
            return _Arrived(JSON, read[0].body, await answer_cache.get(context, endpoint.cached_as, read[0].body))

        try:
            return await run_eagerly(read_and_look_up(), self.gate.deadline)
        except TimeoutError:
            raise DeadlineError if read else RequestError(408, "The request did not arrive in time.") from None

    async def _read(self, request: Request, context: Context) -> _Arrived:
        if not has_body(request):
            return _Arrived("", b"")
        media_type = sent_as(request)
        # The body of a GET is not looked at.
        readable = media_type if media_type == FORM or request.method == "GET" else JSON
        return _Arrived(media_type, await read_body(request, readable, self.max_body, context.actor))

    async def _execute(self, call: Call, endpoint: Endpoint, address: str) -> Answer:
        """Runs the handler. Wrong credentials that are repeated are answered late."""
        try:
            return await endpoint.handler(call)
        except WrongCredentials as error:
            refusal = await self.throttle.delay_if_repeated([error], address)
            raise refusal or error from None


def _raw_path(scope: Scope) -> str:
    """The path as it was sent, with its escapes: an id may have a slash."""
    return scope["raw_path"].partition(b"?")[0].decode("latin-1")


def _format(error: Exception, endpoint: Endpoint) -> Answer:
    own = endpoint.refused(error) if isinstance(error, Refusal) else None
    if own is None:
        return format_error(error, endpoint.name)
    assert isinstance(error, Refusal)
    log_refusal(error, endpoint.name)
    return own


def _without_endpoint(methods: Sequence[str]) -> Response:
    """The response for a path without this method, or for one that does not exist."""
    answer = method_not_allowed(methods) if methods else not_found("There is nothing at this path.")
    return respond(answer, answer.written())
