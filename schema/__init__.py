"""What a GraphQL client sees: declarations. `of` makes a GraphQL type of a core value, `to_core` the way back."""

from typing import cast

import strawberry
from graphql import GraphQLObjectType
from strawberry.schema.config import StrawberryConfig

from .building import build_by_ourselves, call_by_ourselves
from .mutation import Mutation
from .query import Query
from .scalars import SCALARS, Date
from .subscription import Subscription


def as_strawberry_has_it() -> strawberry.Schema:
    """The schema before we put a hand to it, to compare with."""
    # Date stands in no field by itself: an EventTime is one or the other, and says so.
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=(Date,),
        config=StrawberryConfig(scalar_map=SCALARS),
    )


schema = as_strawberry_has_it()
build_by_ourselves((kept.definition for kept in schema.schema_converter.type_map.values()), SCALARS)
for kind in ("Query", "Mutation"):
    call_by_ourselves(cast("GraphQLObjectType", schema.schema_converter.type_map[kind].implementation), SCALARS)
