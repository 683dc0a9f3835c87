"""How large an answer may be: its values are counted before execution, its bytes before it is written.

Before execution a document is multiplied out: each field below a list counts as often as the list may be long, which the
`first` of a connection and the bounds of the schema say. After execution the bytes are added up, because a text may be long
and asked for under many aliases; an answer that is too large is never put together.
"""

# graphql-core's types are generic, and left open where they refer to each other.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
)

from core import picture
from core.accounts import MAX_CALENDARS
from core.booking_life import LABEL_KEY_LENGTH, LABEL_VALUE_LENGTH, MAX_ANSWERS, MAX_LABELS
from core.bookings import NEXT_SLOTS
from core.calendar_sources import MAX_SOURCES
from core.channels import MAX_CHANNELS
from core.explanation import max_places, max_relaxations
from core.limits import DESCRIPTION_LENGTH, EXTERNAL_ID_LENGTH, NAME_LENGTH, Limits
from core.sequence_bookings import NEXT_SEQUENCES
from core.sequenced_availability import MAX_STEPS
from resolvers.explanation import MAX_BLOCKED, MAX_EVENTS

from .complexity import MANY, QUERY_TOO_COMPLEX

MAX_ANSWER_VALUES = 500_000
"""Values of one answer: 50 availability queries with 512 results of ten people each are some 330,000."""

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer."""

ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
"""The code of an answer that has more bytes than that."""

#: items of a list for which neither an argument nor a limit says how long it may be
_USUAL_LENGTH = 100
#: bytes that one character takes in JSON at most: a control character is written as \\u0001
_LONGEST_CHARACTER = 6
#: bytes of the longest text and of the longest id that an answer can hold, and of any other value
_BYTES = {"String": DESCRIPTION_LENGTH * _LONGEST_CHARACTER, "ID": EXTERNAL_ID_LENGTH * _LONGEST_CHARACTER}
_OTHER_BYTES = 32
#: the largest `first` of fields that take less than a page
_MOST_FIRST = {("BlockedTime", "events"): MAX_EVENTS, ("MemberExplanation", "blocked"): MAX_BLOCKED}
#: bytes of texts that may be longer, and of those that there are many of, which are shorter
_OWN_BYTES = {
    ("Explanation", "picture"): picture.LENGTH * _LONGEST_CHARACTER,
    ("Participant", "sub"): _OTHER_BYTES,
    ("Metadatum", "key"): LABEL_KEY_LENGTH * _LONGEST_CHARACTER,
    ("Metadatum", "value"): LABEL_VALUE_LENGTH * _LONGEST_CHARACTER,
    ("Account", "name"): NAME_LENGTH * _LONGEST_CHARACTER,
    ("Account", "accountId"): EXTERNAL_ID_LENGTH * _LONGEST_CHARACTER,
}
#: bytes around a name and its value: quotes, colon, comma, and the brackets of an object
_AROUND = 6


class AnswerSize(NamedTuple):
    """The values and the bytes that an answer may have at most. Values are counted up to MANY."""

    values: int = 0
    bytes: int = 0

    def plus(self, other: "AnswerSize") -> "AnswerSize":
        """Both together."""
        return AnswerSize(min(self.values + other.values, MANY), self.bytes + other.bytes)

    def times(self, count: int) -> "AnswerSize":
        """So many of them."""
        return AnswerSize(min(self.values * count, MANY), self.bytes * count)


_OTHER = AnswerSize(0, _OTHER_BYTES)


def answer_size(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, limits: Limits
) -> AnswerSize:
    """The size that the answer to a valid operation may have at most."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    return _Count(schema, fragments, limits).of(operation.selection_set, root, limits.max_page)


def check_answer_values(size: AnswerSize, most: int) -> GraphQLError | None:
    """The refusal of an operation whose answer may have too many values."""
    found = size.values
    if found <= most:
        return None
    words = (
        f"The answer could have {found if found < MANY else f'{MANY} or more'} values, and may have {most}: ask for "
        "fewer items at a time (first), fewer fields, or fewer queries in one request. OPENINGS_MAX_ANSWER_VALUES "
        "allows more."
    )
    extensions = {"code": QUERY_TOO_COMPLEX, "limit": "answer_values", "found": found, "most": most}
    return GraphQLError(words, extensions=extensions)


def is_too_large(data: Any, size: AnswerSize, most: int) -> bool:
    """Whether the JSON of this data has more bytes than that. `size` is what it may have: often that is little enough."""
    return size.bytes > most and _bytes(data, most) > most


def too_large(most: int) -> dict[str, Any]:
    """The body of the answer in place of one that is too large."""
    words = (
        f"The answer would have more than {most} bytes: ask for fewer items at a time (first), fewer fields, or fewer "
        "aliases. OPENINGS_MAX_ANSWER allows more."
    )
    return {"errors": [{"message": words, "extensions": {"code": ANSWER_TOO_LARGE, "most": most}}]}


def _bytes(data: Any, most: int) -> int:
    """The bytes of the JSON, counted until there are more than `most`."""
    found = 0
    walk: list[Any] = [data]
    while walk and found <= most:
        value = walk.pop()
        if isinstance(value, str):
            found += len(value) + 3 if value.isalnum() and value.isascii() else len(orjson.dumps(value)) + 1
        elif isinstance(value, dict):
            inside = cast("dict[str, Any]", value)
            found += sum(map(len, inside)) + 4 * len(inside) + 2
            walk += inside.values()
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            found += len(items) + 2
            walk += items
        else:
            found += len(orjson.dumps(value)) + 1
    return found


class _Count:
    """Adds up the size below the fields of a document, each fragment once for each type and page size that it meets."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], limits: Limits) -> None:
        self._schema = schema
        self._fragments = fragments
        self._bounds = {
            ("Availability", "availablePeriods"): limits.max_results,
            ("Availability", "availableSlots"): limits.max_results,
            ("Availability", "memberStatuses"): limits.max_accounts,
            ("AvailableTime", "participants"): limits.max_accounts,
            ("SequencedAvailability", "sequences"): limits.max_results,
            ("AvailableSequence", "sequence"): MAX_STEPS,
            ("AvailableStep", "participants"): limits.max_accounts,
            ("Booked", "participants"): limits.max_accounts,
            ("Booking", "participants"): limits.max_accounts,
            ("BookedSequence", "bookings"): MAX_STEPS,
            ("SequenceTaken", "nextSequences"): NEXT_SEQUENCES,
            ("Booking", "metadata"): MAX_LABELS,
            ("Visitor", "answers"): MAX_ANSWERS,
            ("RealTimeScheduling", "participants"): limits.max_accounts,
            ("SlotTaken", "nextSlots"): NEXT_SLOTS,
            ("CalendarNotKnown", "memberStatuses"): limits.max_accounts,
            ("Explanation", "members"): max_places(limits),
            ("Explanation", "relaxations"): max_relaxations(limits),
            ("Query", "calendars"): MAX_CALENDARS + MAX_SOURCES,
            ("Query", "calendarSources"): MAX_SOURCES,
            ("Query", "channels"): MAX_CHANNELS,
            ("Channel", "calendarIds"): MAX_CALENDARS,
            ("UserInfo", "calendars"): MAX_CALENDARS + MAX_SOURCES,
            ("Account", "calendars"): MAX_CALENDARS + MAX_SOURCES,
        }
        self._known: dict[tuple[str, int], AnswerSize] = {}

    def of(self, selection_set: SelectionSetNode, parent: Any, page: int) -> AnswerSize:
        """The size of one object. `page` is how many items a connection above it gives at a time."""
        found = AnswerSize()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                found = found.plus(self._field(node, parent, page))
            elif isinstance(node, InlineFragmentNode):
                inner = node.type_condition
                kind = self._schema.get_type(inner.name.value) if inner is not None else parent
                found = found.plus(self.of(node.selection_set, kind, page))
            elif isinstance(node, FragmentSpreadNode):
                found = found.plus(self._fragment(node.name.value, page))
        return found

    def _fragment(self, name: str, page: int) -> AnswerSize:
        if (name, page) not in self._known:
            fragment = self._fragments[name]
            kind = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name, page] = self.of(fragment.selection_set, kind, page)
        return self._known[name, page]

    def _field(self, node: FieldNode, parent: Any, page: int) -> AnswerSize:
        name = node.name.value
        own = AnswerSize(1, len((node.alias or node.name).value) + _AROUND)
        if name.startswith("__") or not isinstance(parent, GraphQLObjectType):
            return own.plus(_OTHER)  # questions about the schema itself have bounds of their own
        field = parent.fields[name]
        if "first" in field.args:
            page = self._page(node, field, _MOST_FIRST.get((parent.name, name), page))
        kind = cast("Any", get_named_type(field.type))
        if node.selection_set is not None:
            one = self.of(node.selection_set, kind, page)
        else:
            one = AnswerSize(0, _OWN_BYTES.get((parent.name, name)) or _BYTES.get(str(kind), _OTHER_BYTES))
        return own.plus(one).times(self._length(parent.name, name, field, page))

    def _page(self, node: FieldNode, field: GraphQLField, most: int) -> int:
        """How many items a field with `first` gives at most; a variable may be anything that is allowed."""
        for argument in node.arguments or ():
            if argument.name.value == "first":
                return max(0, int(argument.value.value)) if isinstance(argument.value, IntValueNode) else most
        default = field.args["first"].default_value
        return default if isinstance(default, int) else most

    def _length(self, parent: str, name: str, field: GraphQLField, page: int) -> int:
        """How many items a list may have; 1 for what is no list."""
        kind: Any = get_nullable_type(field.type)
        if not isinstance(kind, GraphQLList):
            return 1
        if parent.endswith("Connection") or "first" in field.args:
            return page
        return self._bounds.get((parent, name), _USUAL_LENGTH)
