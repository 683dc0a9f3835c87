"""What a client's plan may leave out. By default it leaves out nothing."""

from enum import StrEnum
from functools import lru_cache


class Feature(StrEnum):
    """A part of the service that an operator can switch off for a client."""

    APPLICATION_CALENDARS = "application_calendars"
    #: users and resources
    ACCOUNTS = "accounts"
    AVAILABILITY = "availability"
    #: rules and stored periods, and queries that use them
    MANAGED_AVAILABILITY = "managed_availability"


@lru_cache(1000)
def named(text: str) -> frozenset[Feature]:
    """The features that a text names, with spaces between them. Raises ValueError for a name that is none."""
    return frozenset(Feature(name) for name in text.split())
