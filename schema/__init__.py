"""The GraphQL schema: type declarations. `of` makes a GraphQL type of a core value, `to_core` is the inverse."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from .connections import ConnectionNames
from .mutation import Mutation
from .query import Query
from .scalars import SCALARS, Date
from .subscription import Subscription


def stock_schema() -> strawberry.Schema:
    """Returns a new schema, executed by Strawberry itself."""
    # No field has the type Date, so it must be listed: the description of EventTime refers to it.
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=(Date,),
        config=StrawberryConfig(name_converter=ConnectionNames(), scalar_map=SCALARS),
    )


schema = stock_schema()
