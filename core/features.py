"""Features that a client's plan can exclude. By default it excludes none."""

from enum import StrEnum
from functools import lru_cache


class Feature(StrEnum):
    """A part of the service that an operator can disable for a client."""

    APPLICATION_CALENDARS = "application_calendars"
    #: users and resources
    ACCOUNTS = "accounts"
    AVAILABILITY = "availability"
    #: rules and stored periods, and queries that use them
    MANAGED_AVAILABILITY = "managed_availability"


@lru_cache(1000)
def named(text: str) -> frozenset[Feature]:
    """Parses feature names separated by spaces. Raises ValueError for an unknown name."""
    return frozenset(Feature(name) for name in text.split())
