"""What can be sent for the types of a schema, drawn at random."""

from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull
from hypothesis import settings
from hypothesis import strategies as st

#: for what is looked at for every type: there are dozens of them
FOR_EACH_TYPE = settings(max_examples=settings().max_examples // 4)

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
    """What can be sent for a type, with and without what may be left out."""
    if isinstance(kind, GraphQLNonNull):
        return some(kind.of_type)
    return st.none() | some(kind)


def some(kind: Any) -> st.SearchStrategy[Any]:
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
