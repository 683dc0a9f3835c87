"""Limits on what a caller may ask for.

Every default is a documented limit of the service whose behaviour we follow, unless its comment says
otherwise. An operator may raise any of `Limits`; no algorithm relies on their being small.
"""

from dataclasses import dataclass

from .instants import DAY, MINUTE

# Text lengths are part of the data model and not a matter of capacity, so they are the same everywhere.
SUMMARY_LENGTH = 1024
DESCRIPTION_LENGTH = 4096
# Ours: no documented limit. An id must fit an index and a URL must fit a browser.
EXTERNAL_ID_LENGTH = 255
NAME_LENGTH = 255
LOCATION_LENGTH = 1024
URL_LENGTH = 2048
# Of an event that recurs; a line is no longer than a description, which the size of answers is bounded by.
RECURRENCE_LINE_LENGTH = 4096
MAX_RECURRENCE_LINES = 100
MAX_RECURRENCE_DATES = 10_000
#: characters of all recurrence lines of one request, which are read before anything else is known of it
MAX_REQUEST_RECURRENCE = 1_000_000

SHORTEST_PERIOD = MINUTE
START_INTERVALS = (5, 10, 15, 30, 60)
"""Minutes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that an operator may raise."""

    #: different accounts in all groups of an availability query
    max_accounts: int = 10
    #: query periods, or query slots, of an availability query
    max_query_periods: int = 50
    #: own available periods of a member in a query
    max_member_periods: int = 50
    #: length of a query period or of a member's own period, in seconds
    max_period: int = 35 * DAY
    #: results of an availability query
    max_results: int = 512
    #: items on a page of a connection (ours)
    max_page: int = 1000
    #: events in one upsertEvents (ours)
    max_batch: int = 1000
