"""GraphQL documents: parsed and validated once each, however often they are sent."""

from dataclasses import dataclass

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

from core.lru import LRU

from .compiled import Coercion, Plans
from .complexity import MAX_ROOT_FIELDS, too_complex

MAX_TOKENS = 4_000
MAX_COMMENTS = 1_000
MAX_SOURCE_LENGTH = 200_000
MAX_ERRORS = 5
#: characters of the values that errors quote
MAX_QUOTED = 10_000
#: characters of all stored documents together: parsed, each takes some hundred times its length
MAX_KEPT_LENGTH = 250_000


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """graphql-core's rule, with a limit on the wrong values that its errors quote: each may be as long as the document."""

    _quoted = 0

    def report_error(self, error: GraphQLError) -> None:
        super().report_error(error)
        self._quoted += sum(node.loc.end - node.loc.start for node in error.nodes or () if node.loc is not None)
        if self._quoted > MAX_QUOTED:
            raise ValidationAbortedError("Validation aborted: what is wrong is too long for all of it to be told.")


_RULES = (
    *(ValuesOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class NoIntrospection(ASTValidationRule):
    """Refuses the questions about the schema itself. `__typename` is none: clients need it to tell types apart."""

    def enter_field(self, node: FieldNode, *_args: object) -> None:
        if node.name.value in ("__schema", "__type"):
            words = (
                f"{node.name.value} cannot be asked here: introspection is off. OPENINGS_INTROSPECTION=on turns it on."
            )
            self.report_error(GraphQLError(words, node))


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """An operation of a document, and what the log and the metrics call it."""

    ast: OperationDefinitionNode
    #: its kind, and its name or the fields that it asks for: no arguments, so no contents
    log_name: str
    #: the one root field that it asks for, or `several`: a name that a client cannot make up
    metric_name: str

    @classmethod
    def of(cls, node: OperationDefinitionNode) -> "OperationInfo":
        fields = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
        name = node.name.value[:64] if node.name is not None else f"{{{','.join(fields[:5])[:64]}}}"
        return cls(node, f"{node.operation.value} {name}", fields[0] if len(set(fields)) == 1 else "several")

    @property
    def name(self) -> str | None:
        return self.ast.name.value if self.ast.name is not None else None

    @property
    def kind(self) -> OperationType:
        return self.ast.operation


@dataclass(frozen=True, slots=True)
class Document:
    """A document with what is wrong with it; it can be executed when nothing is."""

    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    operations: tuple[OperationInfo, ...] = ()
    #: what was compiled of it
    plans: Plans | None = None

    def operation(self, name: str | None) -> OperationInfo | GraphQLError:
        """The operation that is to be executed: the one of that name, or the only one."""
        if name is None:
            if len(self.operations) == 1:
                return self.operations[0]
            several = "Several operations: say in operationName which one is meant."
            return GraphQLError(several if self.operations else "No operation.")
        for asked in self.operations:
            if asked.name == name:
                return asked
        return GraphQLError(f"No operation is named {name[:64]!r}.")


class Documents:
    """A cache of documents by their source, bounded in number and in length.

    Without introspection no error suggests a name that would have been right: enough wrong ones would give the schema
    away.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        size: int = 1000,
        introspection: bool = True,
        max_root_fields: int = MAX_ROOT_FIELDS,
    ) -> None:
        self._schema = schema
        self._coercion = Coercion(schema)
        self._introspection = introspection
        self._max_root_fields = max_root_fields
        self._documents = LRU[str, Document](most=size, most_size=MAX_KEPT_LENGTH, size_of=_length)

    def get(self, source: str) -> Document:
        """The document of this source."""
        if (document := self._documents.get(source)) is not None:
            return document
        document = self._read(source)
        if len(source) <= MAX_SOURCE_LENGTH:  # a longer one was refused unread
            self._documents.put(source, document)
        return document

    def _read(self, source: str) -> Document:
        try:
            node = parse(
                source,
                allow_empty_selection_sets=False,  # as the specification has it; graphql-core would let them through
                max_lexical_tokens=MAX_TOKENS,
                max_comments=MAX_COMMENTS,
                max_source_length=MAX_SOURCE_LENGTH,
            )
        except GraphQLError as error:
            return Document(None, (error,))
        # Before validation, which takes long over what is too complex: it compares fields each with each.
        if (refusal := too_complex(node, max_root_fields=self._max_root_fields)) is not None:
            return Document(None, (refusal,))
        hidden = not self._introspection
        rules = (NoIntrospection, *_RULES) if hidden else _RULES
        errors = tuple(validate(self._schema, node, rules, max_errors=MAX_ERRORS, hide_suggestions=hidden))
        if errors:
            return Document(node, errors)
        operations = (
            OperationInfo.of(found) for found in node.definitions if isinstance(found, OperationDefinitionNode)
        )
        return Document(node, (), tuple(operations), Plans(node, self._coercion))


def _length(source: str, _document: Document) -> int:
    return len(source)
