"""Hypothesis strategies for the input values of GraphQL types."""

from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull
from hypothesis import settings
from hypothesis import strategies as st

#: for tests that run once for each type, of which there are dozens
FEWER_EXAMPLES = settings(max_examples=settings().max_examples // 4)

LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3),
    "Int": st.integers(-5, 5),
    "Boolean": st.booleans(),
    "DateTime": st.sampled_from(["2027-01-19T09:00:00Z", "soon"]),
    "EventTime": st.sampled_from(["2027-01-19T09:00:00Z", "2027-01-19", "soon"]),
    "Required": st.sampled_from(["all", 2, "some"]),
}


def values(kind: GraphQLInputType) -> st.SearchStrategy[Any]:
    """Values of a type, with and without its optional fields."""
    if isinstance(kind, GraphQLNonNull):
        return non_null_values(kind.of_type)
    return st.none() | non_null_values(kind)


def non_null_values(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type), max_size=2)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(sorted(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        required = {name: values(field.type) for name, field in kind.fields.items() if field.type != _nullable(field)}
        rest = {name: values(field.type) for name, field in kind.fields.items() if name not in required}
        return st.deferred(lambda: st.fixed_dictionaries(required, optional=rest))
    return LEAVES[kind.name]


def _nullable(field: Any) -> Any:
    return field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
