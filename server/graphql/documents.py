"""Cache of GraphQL documents: each is parsed, measured and validated once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from core.limits import Limits
from core.lru import LRU

from .answer_size import AnswerSize, answer_size
from .compiled import Coercion, Plans
from .complexity import MAX_ROOT_FIELDS, too_complex
from .variable_limit import variable_uses

DEFAULT_LIMITS = Limits()

MAX_TOKENS = 4_000
MAX_COMMENTS = 1_000
MAX_SOURCE_LENGTH = 200_000
MAX_ERRORS = 5
#: characters of the values that errors quote
MAX_QUOTED = 10_000
#: characters of all cached documents together: a parsed one takes about a hundred times its length in memory
MAX_KEPT_LENGTH = 250_000


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """graphql-core's rule with a limit on the values that its errors quote: each may be as long as the document."""

    _quoted = 0

    def report_error(self, error: GraphQLError) -> None:
        super().report_error(error)
        self._quoted += sum(node.loc.end - node.loc.start for node in error.nodes or () if node.loc is not None)
        if self._quoted > MAX_QUOTED:
            raise ValidationAbortedError(
                "Validation aborted: the errors quote too many characters to report all of them."
            )


_RULES = (
    *(ValuesOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class NoIntrospection(ASTValidationRule):
    """Refuses `__schema` and `__type`. `__typename` is allowed: clients need it to tell types apart."""

    def enter_field(self, node: FieldNode, *_args: object) -> None:
        if node.name.value in ("__schema", "__type"):
            words = f"{node.name.value} is not allowed: introspection is off. OPENINGS_INTROSPECTION=on turns it on."
            self.report_error(GraphQLError(words, node))


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """An operation of a document, with its names in the log and the metrics."""

    ast: OperationDefinitionNode
    #: its kind, and its name or its root fields; never arguments, which may be private
    log_name: str
    #: its only root field, or `several`: never a name that a client makes up
    metric_name: str
    #: what its answer may have at most
    answer_size: AnswerSize

    @classmethod
    def of(cls, node: OperationDefinitionNode, answer_size: AnswerSize) -> "OperationInfo":
        fields = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
        name = node.name.value[:64] if node.name is not None else f"{{{','.join(fields[:5])[:64]}}}"
        metric_name = fields[0] if len(set(fields)) == 1 else "several"
        return cls(node, f"{node.operation.value} {name}", metric_name, answer_size)

    @property
    def name(self) -> str | None:
        return self.ast.name.value if self.ast.name is not None else None

    @property
    def kind(self) -> OperationType:
        return self.ast.operation


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document and its errors. It can be executed if there are none."""

    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    operations: tuple[OperationInfo, ...] = ()
    #: the functions compiled for it
    plans: Plans | None = None
    #: how often each variable stands in it
    variable_uses: Mapping[str, int] = field(default_factory=dict[str, int])

    def operation(self, name: str | None) -> OperationInfo | GraphQLError:
        """The operation of this name, or without a name the only one; an error if there is none."""
        if name is None:
            if len(self.operations) == 1:
                return self.operations[0]
            several = "Several operations: name one in operationName."
            return GraphQLError(several if self.operations else "The document has no operation.")
        for operation in self.operations:
            if operation.name == name:
                return operation
        return GraphQLError(f"No operation is named {name[:64]!r}.")


class Documents:
    """LRU cache of documents by source, bounded in number and in total length.

    Without introspection no error suggests similar names: enough wrong guesses would reveal the schema.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        size: int = 1000,
        introspection: bool = True,
        max_root_fields: int = MAX_ROOT_FIELDS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._schema = schema
        self._coercion = Coercion(schema)
        self._introspection = introspection
        self._max_root_fields = max_root_fields
        self._limits = limits
        self._documents = LRU[str, Document](most=size, most_size=MAX_KEPT_LENGTH, size_of=_length)

    def get(self, source: str) -> Document:
        """The document with this source, from the cache or parsed now."""
        if (document := self._documents.get(source)) is not None:
            return document
        document = self._read(source)
        if len(source) <= MAX_SOURCE_LENGTH:  # a longer one is refused before it is parsed
            self._documents.put(source, document)
        return document

    def _read(self, source: str) -> Document:
        try:
            node = parse(
                source,
                allow_empty_selection_sets=False,  # the specification forbids them; graphql-core allows them by default
                max_lexical_tokens=MAX_TOKENS,
                max_comments=MAX_COMMENTS,
                max_source_length=MAX_SOURCE_LENGTH,
            )
        except GraphQLError as error:
            return Document(None, (error,))
        # Before validation, which compares every pair of fields and so is slow for a document that is too complex.
        if (refusal := too_complex(node, max_root_fields=self._max_root_fields)) is not None:
            return Document(None, (refusal,))
        hidden = not self._introspection
        rules = (NoIntrospection, *_RULES) if hidden else _RULES
        errors = tuple(validate(self._schema, node, rules, max_errors=MAX_ERRORS, hide_suggestions=hidden))
        if errors:
            return Document(node, errors)
        operations = (
            OperationInfo.of(found, answer_size(self._schema, node, found, self._limits))
            for found in node.definitions
            if isinstance(found, OperationDefinitionNode)
        )
        return Document(node, (), tuple(operations), Plans(node, self._coercion), variable_uses(node))


def _length(source: str, _document: Document) -> int:
    return len(source)
