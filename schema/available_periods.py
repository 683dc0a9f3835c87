"""Stored available periods: an account's one-off hours, in and out."""

from typing import Self

import strawberry
from strawberry import ID, field

from core.available_periods import StoredAvailablePeriod as CoreStoredAvailablePeriod

from .scalars import DateTime


@strawberry.input(description="Creates or replaces a stored available period.")
class UpsertAvailablePeriodInput:
    available_period_id: ID = field(description="Your own id for the period, ASCII, at most 64 characters.")
    start: DateTime = field(description="When it begins. It may lie in the past.")
    end: DateTime = field(description="When it is over: one minute to 35 days later.")

    def to_core(self) -> CoreStoredAvailablePeriod:
        return CoreStoredAvailablePeriod(self.available_period_id, self.start, self.end)


@strawberry.type(
    description="A one-off stretch in which an account is available, for queries with managedAvailability."
)
class StoredAvailablePeriod:
    available_period_id: ID = field(description="Your own id for the period.")
    start: DateTime = field(description="When it begins.")
    end: DateTime = field(description="When it is over.")

    @classmethod
    def of(cls, period: CoreStoredAvailablePeriod) -> Self:
        return cls(available_period_id=ID(period.available_period_id), start=period.start, end=period.end)


@strawberry.type(description="A period was upserted.")
class UpsertAvailablePeriodPayload:
    available_period: StoredAvailablePeriod = field(description="The period as it is now.")


@strawberry.input(description="Deletes a stored available period.")
class DeleteAvailablePeriodInput:
    available_period_id: ID = field(description="Your own id for the period.")


@strawberry.type(description="A period is gone.")
class DeleteAvailablePeriodPayload:
    deleted: bool = field(description="Whether there was one to delete.")


@strawberry.type(description="All stored periods of the account are gone.")
class DeleteAvailablePeriodsPayload:
    deleted: int = field(description="How many there were to delete.")
