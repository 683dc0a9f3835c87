"""The GraphQL type `Subscription`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, cast

import strawberry
from strawberry import Info, argument

from core.query import AvailabilityQuery
from resolvers.availability_changed import availability_changed, detailed_availability_changed
from resolvers.context import LiveContext

from .availability import Availability, AvailabilityInput
from .selection import details, leads_on


@strawberry.type(
    description="Answers, sent at once and again whenever they change, over WebSocket or as server-sent events."
)
class Subscription:
    @strawberry.subscription(
        description="The answer to `availability`, sent again whenever a write changes it. The subscription ends with "
        "the query's error as soon as the query would fail: when the first query period begins, or the token expires."
    )
    async def availability_changed(
        self,
        info: Info[LiveContext],
        input: Annotated[
            AvailabilityInput, argument(description="Who meets, for how long, and the periods to search.")
        ],
    ) -> AsyncGenerator[Availability | None, None]:
        async with aclosing(_answers(info, input.to_core())) as answers:
            try:
                async for answer in answers:
                    yield answer
            except Exception as error:
                # An exception as the field's value becomes a field error with path and code, as in a query.
                yield cast("Any", error)


async def _answers(info: Info[LiveContext], query: AvailabilityQuery) -> AsyncGenerator[Availability]:
    # What accounts lead on to is loaded below, and may have changed where the openings have not.
    if every_change := leads_on(info, "account"):
        info.context.every_change.append(True)
    if (selected := details(info)) is not None:
        found = detailed_availability_changed(info.context, query, selected, every_change=every_change)
        async with aclosing(found) as detailed:
            async for answer in detailed:
                yield Availability.detailed(query, answer)
        return
    async with aclosing(availability_changed(info.context, query, every_change=every_change)) as plain:
        async for openings in plain:
            yield Availability.of(query, openings)
