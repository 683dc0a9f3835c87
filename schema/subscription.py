"""What can be asked once and is answered again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, cast

import strawberry
from strawberry import Info, argument

from resolvers.availability_changed import availability_changed
from resolvers.context import LiveContext

from .availability import Availability, AvailabilityInput


@strawberry.type(
    description="What is answered at once, and again whenever the answer has changed; over WebSocket or as server-sent events."
)
class Subscription:
    @strawberry.subscription(
        description="The answer to `availability`, and again whenever a write changes it. It ends with the error that the "
        "query would get as soon as it would get one: when the first query period begins, or the token expires."
    )
    async def availability_changed(
        self,
        info: Info[LiveContext],
        input: Annotated[AvailabilityInput, argument(description="Who, how long, and where to look.")],
    ) -> AsyncGenerator[Availability | None, None]:
        query = input.to_core()
        async with aclosing(availability_changed(info.context, query)) as answers:
            try:
                async for openings in answers:
                    yield Availability.of(query, openings)
            except Exception as error:
                # An exception that is a field's value is a field's error, as it would be for a query: with path and code.
                yield cast("Any", error)
