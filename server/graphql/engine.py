"""The GraphQL engine: executes operations. One result for a query or mutation, a stream for a subscription."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeAlias, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    subscribe,  # pyright: ignore[reportUnknownVariableType]
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.access import Actor
from core.errors import RateLimited
from resolvers.context import Context

from ..http.context import RequestGate
from ..http.credential_throttle import CredentialThrottle
from ..http.deadlines import DeadlineError, run_with_deadline
from ..observability import metrics
from .answer_size import MAX_ANSWER, MAX_ANSWER_VALUES, check_answer_values, is_too_large, too_large
from .compiled import CompilingExecutor
from .complexity import MAX_ROOT_FIELDS
from .connection_limits import ConnectionLimits, LimitReached
from .documents import MAX_ERRORS, Document, Documents, OperationInfo
from .errors import (
    TIMEOUT,
    format_internal_error,
    format_request_errors,
    format_result,
    format_timeout,
    replace_wrong_credentials,
    wrong_credentials,
)
from .exposure import OPEN, Exposure
from .http import Operation
from .persisted_queries import PersistedQueries
from .variable_limit import MAX_VALUES, too_many_values

Body: TypeAlias = dict[str, Any]


@dataclass
class GraphQLEngine:
    """Executes operations from HTTP, server-sent events and WebSocket."""

    schema: GraphQLSchema
    gate: RequestGate
    connection_limits: ConnectionLimits
    #: whether variables and plain results go through functions compiled for the document
    compiled: bool = True
    exposure: Exposure = OPEN
    throttle: CredentialThrottle = field(default_factory=CredentialThrottle)
    max_root_fields: int = MAX_ROOT_FIELDS
    max_values: int = MAX_VALUES
    max_answer_values: int = MAX_ANSWER_VALUES
    max_answer: int = MAX_ANSWER
    documents: Documents = field(init=False)
    persisted: PersistedQueries = field(init=False)

    def __post_init__(self) -> None:
        self.documents = Documents(
            self.schema,
            introspection=self.exposure.introspection,
            max_root_fields=self.max_root_fields,
            limits=self.gate.limits,
        )
        self.persisted = PersistedQueries(self.documents)

    def select_operation(self, operation: Operation) -> tuple[Document, OperationInfo | tuple[GraphQLError, ...]]:
        """Returns the document, and the operation to execute or the errors that prevent it."""
        document = self.persisted.get(operation)
        too_many = too_many_values(operation.variables, document.variable_uses, self.max_values)
        selected = document.errors or too_many or document.operation(operation.name)
        if isinstance(selected, OperationInfo):
            selected = check_answer_values(selected.answer_size, self.max_answer_values) or selected
        return document, (selected,) if isinstance(selected, GraphQLError) else selected

    def reject(self, errors: tuple[GraphQLError, ...]) -> Body:
        """The response to a request that is not executed."""
        body = format_request_errors(*errors)
        metrics.count("none", _code(body), 0)
        return body

    async def execute(
        self,
        document: Document,
        info: OperationInfo,
        operation: Operation,
        context: Context,
        address: str,
    ) -> Body:
        """The response to a query or a mutation."""
        began = perf_counter()
        result = await self._execute(document, info, operation, context)
        result = await self._throttled(result, address) if result.errors else result
        body = self._bounded(info, format_result(result))
        metrics.count(info.metric_name, _code(body), perf_counter() - began)
        metrics.CONNECTIONS.set(self.gate.db.connections_in_use)
        metrics.show_waiting(self.gate.db.waiting)
        return body

    def timed_out(self, metric_name: str) -> Body:
        """The response to an operation that exceeded the deadline."""
        metrics.count(metric_name, TIMEOUT, self.gate.deadline)
        return format_timeout(self.gate.deadline)

    async def stream(self, operation: Operation, caller: Actor | bytes, address: str) -> AsyncGenerator[Body]:
        """Yields the responses to any operation, in the format of HTTP responses; a fault is the last one."""
        try:
            document, info = self.select_operation(operation)
            if isinstance(info, tuple):
                yield self.reject(info)
            elif info.kind is not OperationType.SUBSCRIPTION:
                context = self.gate.context(caller)
                work = self.execute(document, info, operation, context, address)
                try:
                    yield await run_with_deadline(work, self.gate.deadline)
                except DeadlineError:
                    yield self.timed_out(info.metric_name)
            else:
                bodies = self._stream_subscription(document, info, operation, caller, address)
                async with aclosing(bodies):
                    async for body in bodies:
                        yield body
        except Exception as error:
            yield format_internal_error(error)

    async def _stream_subscription(
        self,
        document: Document,
        info: OperationInfo,
        operation: Operation,
        caller: Actor | bytes,
        address: str,
    ) -> AsyncGenerator[Body]:
        began = perf_counter()  # 0.0 once the first response is counted
        previous: ExecutionResult | None = None
        context = self.gate.live_context(caller)
        try:
            with self.connection_limits.subscription((await context.actor()).client_key):
                async with aclosing(self._subscribe(document, info, operation, context)) as results:
                    async for result in results:
                        if context.every_change:  # which may have changed nothing of what is selected
                            if result == previous:
                                continue
                            previous = result
                        body = self._bounded(info, format_result(await self._throttled(result, address)))
                        if began:
                            metrics.count(info.metric_name, _code(body), perf_counter() - began)
                            began = 0.0
                        metrics.PUSHES.inc()
                        yield body
        except LimitReached as full:
            metrics.count(info.metric_name, RateLimited.code, perf_counter() - began)
            yield {"errors": [{"message": str(full), "extensions": {"code": RateLimited.code}}]}

    def _bounded(self, info: OperationInfo, body: Body) -> Body:
        """The body, or the error in place of one that is too large to be written."""
        is_large = is_too_large(body.get("data"), info.answer_size, self.max_answer)
        return too_large(self.max_answer) if is_large else body

    async def _throttled(self, result: ExecutionResult, address: str) -> ExecutionResult:
        """Returns the result, delayed or refused if its wrong credentials are repeated."""
        wrong = wrong_credentials(result)
        refusal = await self.throttle.delay_if_repeated(wrong, address) if wrong else None
        return result if refusal is None else replace_wrong_credentials(result, refusal)

    async def _execute(
        self, document: Document, info: OperationInfo, operation: Operation, context: Context
    ) -> ExecutionResult:
        """As graphql-core's `execute`, without its check on every call whether the schema has @defer."""
        arguments = self._arguments(document, info, operation, context)
        build = arguments.pop("executor_class").build
        executor = build(raw_variable_values=arguments.pop("variable_values"), **arguments)
        if isinstance(executor, list):
            return ExecutionResult(None, errors=cast("list[GraphQLError]", executor))
        result = executor.execute_operation()
        return await result if isawaitable(result) else result

    async def _subscribe(
        self, document: Document, info: OperationInfo, operation: Operation, context: Context
    ) -> AsyncGenerator[ExecutionResult]:
        stream = subscribe(**self._arguments(document, info, operation, context))
        found: Any = await stream if isawaitable(stream) else stream
        if isinstance(found, ExecutionResult):
            yield found
            return
        async with aclosing(found) as results:
            async for result in results:
                yield result

    def _arguments(
        self, document: Document, info: OperationInfo, operation: Operation, context: Context
    ) -> dict[str, Any]:
        """The arguments for graphql-core."""
        assert document.ast is not None
        assert document.plans is not None
        how = {"executor_class": CompilingExecutor, "plans": document.plans} if self.compiled else STOCK
        return {
            "schema": self.schema,
            "document": document.ast,
            "context_value": context,
            "variable_values": operation.variables,
            "operation_name": info.name,
            "operation_extensions": operation.extensions,
            "max_coercion_errors": MAX_ERRORS,
            "hide_suggestions": not self.exposure.introspection,
            **how,
        }


#: Strawberry's own execution
STOCK: dict[str, Any] = {"executor_class": StrawberryGraphQLCoreExecutionContext}


def _code(body: Body) -> str:
    return body["errors"][0]["extensions"]["code"] if "errors" in body else "OK"
