"""The executor: Strawberry's, with compiled functions where the document allows."""

# graphql-core's types are generic, with unknown parameters where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    default_field_resolver,  # pyright: ignore[reportUnknownVariableType]
    default_type_resolver,  # pyright: ignore[reportUnknownVariableType]
    get_operation_ast,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.language import DirectiveNode
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from . import loads, results
from .loads import Step
from .results import Fields, GraphQLTypeLike, Read
from .variables import Coercion, NotCompilable, Variables

#: maximum compiled functions of one document
_MOST = 64


class OperationPlan(NamedTuple):
    """What is known about an operation before it is executed."""

    operation: OperationDefinitionNode
    definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    #: None if graphql-core must coerce them
    variables: Variables | None
    #: the response name of the operation's only field, and the field; None if there are more
    only: tuple[str, Fields] | None


class Reader(NamedTuple):
    """The function that reads a value, and what has to be loaded before it runs."""

    read: Read
    steps: Sequence[Step]


class Plans:
    """The functions compiled for one document, cached with it."""

    def __init__(self, document: DocumentNode, coercion: Coercion) -> None:
        self._document = document
        self._conditional = _conditional_variables(document)
        self._readers: dict[object, Reader | None] = {}
        self._coercion = coercion
        self._operations: dict[str | None, OperationPlan] = {}

    def operation_plan(self, operation_name: str | None) -> OperationPlan:
        """The plan of the operation with this name, which must exist, or of the only one."""
        if operation_name not in self._operations:
            self._operations[operation_name] = self._make_plan(operation_name)
        return self._operations[operation_name]

    def _make_plan(self, operation_name: str | None) -> OperationPlan:
        operation = get_operation_ast(self._document, operation_name)
        assert operation is not None
        fragments = {
            node.name.value: FragmentDetails(node)
            for node in self._document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        with_variables = any(fragment.definition.variable_definitions for fragment in fragments.values())
        variables = None if with_variables else self._coercion.variables(operation)
        definitions = {name: fragment.definition for name, fragment in fragments.items()}
        return OperationPlan(operation, definitions, fragments, variables, _only_field(operation))

    def reader(self, executor: "CompilingExecutor", kind: GraphQLTypeLike, fields: Fields) -> Reader | None:
        """The reader of these fields of values of this type; None if they are not all plain."""
        given = executor.variable_values.coerced
        key = (kind, *(id(field.node) for field in fields), *(given.get(name) for name in self._conditional))
        if key not in self._readers:
            if len(self._readers) == _MOST:
                self._readers.clear()
            self._readers[key] = None
            with suppress(NotCompilable):
                steps: list[Step] = []
                read = results.compile_value(executor, kind, fields, steps, inside=False)
                self._readers[key] = Reader(read, steps)
        return self._readers[key]


class CompilingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, with compiled functions where the document allows."""

    def __init__(self, *args: Any, plans: Plans, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans = plans
        self._only: tuple[str, Fields] | None = None
        #: whether a load has failed: fields are then loaded by their resolvers, whose errors have paths
        self._has_failed = False

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        *more: Any,
        plans: Plans,
        hide_suggestions: bool = False,
        operation_extensions: dict[str, Any] | None = None,
        **rest: Any,
    ) -> "list[GraphQLError] | CompilingExecutor":
        """As graphql-core's `build`, with the cached plan instead of another pass over the document and the variables.

        graphql-core's other options (default resolvers, middleware, hooks) are not supported.
        """
        how: dict[str, Any] = {
            "plans": plans,
            "hide_suggestions": hide_suggestions,
            "operation_extensions": operation_extensions,
        }
        plan = plans.operation_plan(operation_name)
        values = plan.variables.coerce(raw_variable_values or {}) if plan.variables is not None else None
        if values is None:
            given = (schema, document, root_value, context_value, raw_variable_values, operation_name, *more)
            return cast("list[GraphQLError] | CompilingExecutor", super().build(*given, **how, **rest))
        executor = cls(
            schema,
            plan.definitions,
            plan.fragments,
            root_value,
            context_value,
            plan.operation,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            **how,
        )
        executor._only = plan.only
        return executor

    def execute_operation(self, serially: bool | None = None) -> Any:
        """As graphql-core's, with a direct path for an operation with a single field."""
        if self._only is None:
            return super().execute_operation(serially)
        name, field = self._only
        root = cast("GraphQLObjectType", self.schema.get_root_type(self.operation.operation))
        try:
            value = self.execute_field(root, self.root_value, field, Path(None, name, root.name), None)
        except GraphQLError as error:
            return self._without_data(error)
        if self.is_awaitable(value):
            return self._respond_when_done(name, cast("Awaitable[Any]", value))
        return self.build_response({name: value})

    async def _respond_when_done(self, name: str, value: Awaitable[Any]) -> Any:
        try:
            return self.build_response({name: await value})
        except GraphQLError as error:
            return self._without_data(error)

    def _without_data(self, error: GraphQLError) -> Any:
        """The response with `data: null`, after an error in a non-null field."""
        self.collected_errors.add(error, None)
        return self.build_response(None)

    def complete_value(
        self, return_type: Any, field_details_list: Fields, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        if result is not None and field_details_list[0].node.selection_set is not None:
            reader = self._plans.reader(self, return_type, field_details_list)
            if reader is not None and not reader.steps:
                with suppress(Exception):  # graphql-core repeats the step below and reports the error
                    return reader.read(result, {})
            elif reader is not None and not self._has_failed and not _is_in_list(path):
                return self._load_and_read(
                    reader, return_type, field_details_list, info, path, result, position_context
                )
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    async def _load_and_read(
        self,
        reader: Reader,
        return_type: Any,
        field_details_list: Fields,
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Loads what the reader needs, and reads. graphql-core does it again from the start if that fails."""
        with suppress(Exception):
            shared: dict[Any, Any] = {}
            kept: list[Any] = []
            await loads.load(reader.steps, result, self, shared, kept)
            return reader.read(result, shared)
        self._has_failed = True
        completed = cast(
            "Any", super().complete_value(return_type, field_details_list, info, path, result, position_context)
        )
        return await cast("Any", completed) if self.is_awaitable(completed) else completed


def _is_in_list(path: Path | None) -> bool:
    """Whether the path leads through a list: then each item would be loaded by itself."""
    while path is not None:
        if isinstance(path.key, int):
            return True
        path = path.prev
    return False


def _only_field(operation: OperationDefinitionNode) -> tuple[str, Fields] | None:
    """The field of a query or mutation that has one field, unconditionally; else None."""
    field, *more = operation.selection_set.selections
    if (
        more
        or not isinstance(field, FieldNode)
        or field.directives
        or operation.operation is OperationType.SUBSCRIPTION
    ):
        return None
    return (field.alias or field.name).value, [FieldDetails(field, None)]


def _conditional_variables(document: DocumentNode) -> Sequence[str]:
    """The variables in @skip and @include, which decide which fields are selected."""
    names: set[str] = set()

    class Collector(Visitor):
        def enter_directive(self, node: DirectiveNode, *_more: Any) -> None:
            values = [argument.value for argument in node.arguments or () if node.name.value in ("skip", "include")]
            names.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Collector())
    return sorted(names)
