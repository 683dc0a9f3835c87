"""What a GraphQL client sees: declarations. `of` makes a GraphQL type of a core value, `to_core` the way back."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from .connections import ConnectionNames
from .mutation import Mutation
from .query import Query
from .scalars import SCALARS, Date
from .subscription import Subscription


def stock_schema() -> strawberry.Schema:
    """A new schema, executed as Strawberry does."""
    # Date stands in no field by itself: an EventTime is one or the other, and says so.
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=(Date,),
        config=StrawberryConfig(name_converter=ConnectionNames(), scalar_map=SCALARS),
    )


schema = stock_schema()
