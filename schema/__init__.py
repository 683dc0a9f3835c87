"""What a GraphQL client sees: declarations. `of` makes a GraphQL type of a core value, `to_core` the way back."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from .building import build_by_ourselves
from .mutation import Mutation
from .query import Query
from .scalars import SCALARS, Date
from .subscription import Subscription

# Date stands in no field by itself: an EventTime is one or the other, and says so.
schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=(Date,),
    config=StrawberryConfig(scalar_map=SCALARS),
)
build_by_ourselves((kept.definition for kept in schema.schema_converter.type_map.values()), SCALARS)
