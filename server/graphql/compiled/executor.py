"""The execution: Strawberry's, with a short cut wherever there is one."""

# graphql-core's types are generic, and left open where they refer to each other.
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

from . import results
from .results import Fields, GraphQLTypeLike, Read
from .variables import Coercion, NotCompilable, Variables

#: how many functions are kept of one document
_MOST = 64


class OperationPlan(NamedTuple):
    """What the execution of an operation begins with."""

    operation: OperationDefinitionNode
    definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    #: None when graphql-core has to coerce them
    variables: Variables | None
    #: the name in the answer of the only field that is asked for, if there is no more than that one, and the field
    only: tuple[str, Fields] | None


class Plans:
    """What was put together for one document; it goes when the document goes."""

    def __init__(self, document: DocumentNode, coercion: Coercion) -> None:
        self._document = document
        self._steering = _conditional_variables(document)
        self._reads: dict[object, Read | None] = {}
        self._coercion = coercion
        self._starts: dict[str | None, OperationPlan] = {}

    def start(self, operation_name: str | None) -> OperationPlan:
        """Of the operation of this name, which is there, or of the only one."""
        if operation_name not in self._starts:
            self._starts[operation_name] = self._start(operation_name)
        return self._starts[operation_name]

    def _start(self, operation_name: str | None) -> OperationPlan:
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
        return OperationPlan(operation, definitions, fragments, variables, _only(operation))

    def read(self, executor: "CompilingExecutor", kind: GraphQLTypeLike, fields: Fields) -> Read | None:
        """The function for values of this type, with these fields of the document; None when they are not plain."""
        given = executor.variable_values.coerced
        key = (kind, *(id(field.node) for field in fields), *(given.get(name) for name in self._steering))
        if key not in self._reads:
            if len(self._reads) == _MOST:
                self._reads.clear()
            self._reads[key] = None
            with suppress(NotCompilable):
                self._reads[key] = results.compile_value(executor, kind, fields, inside=False)
        return self._reads[key]


class CompilingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's execution, with a short cut wherever there is one."""

    def __init__(self, *args: Any, plans: Plans, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans = plans
        self._only: tuple[str, Fields] | None = None

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
        """As graphql-core has it, which does not look at the document and the variables when that is done already.

        What else could be told it is not told here: other resolvers by default, middleware, hooks.
        """
        how: dict[str, Any] = {
            "plans": plans,
            "hide_suggestions": hide_suggestions,
            "operation_extensions": operation_extensions,
        }
        start = plans.start(operation_name)
        values = start.variables.coerce(raw_variable_values or {}) if start.variables is not None else None
        if values is None:
            given = (schema, document, root_value, context_value, raw_variable_values, operation_name, *more)
            return cast("list[GraphQLError] | CompilingExecutor", super().build(*given, **how, **rest))
        executor = cls(
            schema,
            start.definitions,
            start.fragments,
            root_value,
            context_value,
            start.operation,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            **how,
        )
        executor._only = start.only
        return executor

    def execute_operation(self, serially: bool | None = None) -> Any:
        """As graphql-core has it, which does not have to find out each time that there is only one field."""
        if self._only is None:
            return super().execute_operation(serially)
        name, field = self._only
        root = cast("GraphQLObjectType", self.schema.get_root_type(self.operation.operation))
        try:
            value = self.execute_field(root, self.root_value, field, Path(None, name, root.name), None)
        except GraphQLError as error:
            return self._without_data(error)
        if self.is_awaitable(value):
            return self._when_known(name, cast("Awaitable[Any]", value))
        return self.build_response({name: value})

    async def _when_known(self, name: str, value: Awaitable[Any]) -> Any:
        try:
            return self.build_response({name: await value})
        except GraphQLError as error:
            return self._without_data(error)

    def _without_data(self, error: GraphQLError) -> Any:
        """The answer when the field may not be null."""
        self.collected_errors.add(error, None)
        return self.build_response(None)

    def complete_value(
        self, return_type: Any, field_details_list: Fields, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        if result is not None and field_details_list[0].node.selection_set is not None:
            read = self._plans.read(self, return_type, field_details_list)
            if read is not None:
                with suppress(Exception):  # whatever it was: graphql-core comes upon it again, and has the words for it
                    return read(result, {})
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)


def _only(operation: OperationDefinitionNode) -> tuple[str, Fields] | None:
    """The only field of a query or a mutation that asks for one, whatever variables say."""
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
    """The variables that decide which fields there are."""
    names: set[str] = set()

    class Steering(Visitor):
        def enter_directive(self, node: DirectiveNode, *_more: Any) -> None:
            values = [argument.value for argument in node.arguments or () if node.name.value in ("skip", "include")]
            names.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Steering())
    return sorted(names)
