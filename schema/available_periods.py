"""GraphQL types for stored available periods: an account's one-off hours."""

from typing import Annotated, Self

import strawberry
from strawberry import ID, argument, field

from core.available_periods import StoredAvailablePeriod as CoreStoredAvailablePeriod

from .scalars import DateTime

From = Annotated[DateTime | None, argument(name="from", description="Only periods that end after this instant.")]
To = Annotated[DateTime | None, argument(description="Only periods that start before this instant.")]


@strawberry.input(description="Creates or replaces a stored available period.")
class UpsertAvailablePeriodInput:
    available_period_id: ID = field(description="Your own id for the period: ASCII, at most 64 characters.")
    start: DateTime = field(description="When the period begins. May be in the past.")
    end: DateTime = field(description="When the period ends: one minute to 35 days after its start.")

    def to_core(self) -> CoreStoredAvailablePeriod:
        return CoreStoredAvailablePeriod(self.available_period_id, self.start, self.end)


@strawberry.type(
    description="A one-off period in which an account is available, applied by queries with managedAvailability."
)
class StoredAvailablePeriod:
    available_period_id: ID = field(description="Your own id for the period.")
    start: DateTime = field(description="When the period begins.")
    end: DateTime = field(description="When the period ends.")

    @classmethod
    def of(cls, period: CoreStoredAvailablePeriod) -> Self:
        return cls(available_period_id=ID(period.available_period_id), start=period.start, end=period.end)


@strawberry.type(description="The result of upsertAvailablePeriod.")
class UpsertAvailablePeriodPayload:
    available_period: StoredAvailablePeriod = field(description="The period after the change.")


@strawberry.input(description="Deletes a stored available period.")
class DeleteAvailablePeriodInput:
    available_period_id: ID = field(description="Your own id for the period.")


@strawberry.type(description="The result of deleteAvailablePeriod.")
class DeleteAvailablePeriodPayload:
    deleted: bool = field(description="Whether there was a period to delete.")


@strawberry.type(description="The result of deleteAvailablePeriods.")
class DeleteAvailablePeriodsPayload:
    deleted: int = field(description="How many periods were deleted.")
