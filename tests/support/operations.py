"""The operations of the schema, and the scope that each of them requires."""

from graphql import GraphQLSchema

from core.scopes import Scope
from schema import schema

from .graphql_queries import CALENDARS

#: graphql-core's view of the schema, which Strawberry does not publish
GRAPHQL_SCHEMA: GraphQLSchema = schema._schema

AVAILABILITY = """
query availability($availability: AvailabilityInput!) {
  availability(input: $availability) { availablePeriods { start } }
}
"""

SEQUENCED_AVAILABILITY = """
query sequencedAvailability($sequence: SequencedAvailabilityInput!) {
  sequencedAvailability(input: $sequence) { sequences { start } }
}
"""

#: a document for each field that requires a scope, and the scope
OPERATIONS = {
    CALENDARS: Scope.LIST_CALENDARS,
    "{ events(input: {}) { nodes { eventId } } }": Scope.READ_EVENTS,
    "{ freeBusy(input: {}) { nodes { start } } }": Scope.READ_FREE_BUSY,
    AVAILABILITY: Scope.READ_FREE_BUSY,
    SEQUENCED_AVAILABILITY: Scope.READ_FREE_BUSY,
    "{ calendarSources { sourceId } }": Scope.LIST_CALENDARS,
    """
    mutation {
      upsertCalendarSource(input: {sourceId: "work", url: "https://example.com/a.ics"}) { calendarSource { status } }
    }
    """: Scope.CREATE_CALENDAR,
    'mutation { syncCalendarSource(input: {sourceId: "work"}) { calendarSource { status } } }': Scope.CREATE_CALENDAR,
    'mutation { deleteCalendarSource(input: {sourceId: "work"}) { deleted } }': Scope.CREATE_CALENDAR,
    "{ channels { channelId } }": Scope.READ_FREE_BUSY,
    'mutation { upsertChannel(input: {callbackUrl: "https://app.example.com/changes"}) { channel { status } } }': (
        Scope.READ_FREE_BUSY
    ),
    'mutation { closeChannel(input: {channelId: "chn_none"}) { closed } }': Scope.READ_FREE_BUSY,
    "{ availabilityRules { availabilityRuleId } }": Scope.MANAGED_AVAILABILITY,
    '{ availabilityRule(availabilityRuleId: "kept") { tzid } }': Scope.MANAGED_AVAILABILITY,
    "{ availablePeriods { nodes { start } } }": Scope.MANAGED_AVAILABILITY,
    """
    mutation ($calendarId: ID!, $event: EventInput!) {
      upsertEvent(input: {calendarId: $calendarId, event: $event}) { created }
    }
    """: Scope.CREATE_EVENT,
    """
    mutation ($calendarId: ID!, $event: EventInput!) {
      upsertEvents(input: {calendarId: $calendarId, events: [$event]}) { created }
    }
    """: Scope.CREATE_EVENT,
    """
    mutation ($calendarId: ID!) {
      deleteEvent(input: {calendarId: $calendarId, eventId: "e1"}) { deleted }
    }
    """: Scope.DELETE_EVENT,
    """
    mutation ($calendarName: String!) { createCalendar(input: {name: $calendarName}) { calendar { id } } }
    """: Scope.CREATE_CALENDAR,
    'mutation { deleteCalendar(input: {calendarId: "cal_none"}) { deleted } }': Scope.CREATE_CALENDAR,
    "mutation { deleteEvents(input: {deleteAll: true}) { deleted } }": Scope.DELETE_EVENT,
    """
    mutation {
      upsertAvailabilityRule(input: {availabilityRuleId: "kept", tzid: "UTC", weeklyPeriods: []}) {
        availabilityRule { tzid }
      }
    }
    """: Scope.MANAGED_AVAILABILITY,
    """
    mutation { deleteAvailabilityRule(input: {availabilityRuleId: "other"}) { deleted } }
    """: Scope.MANAGED_AVAILABILITY,
    """
    mutation ($period: UpsertAvailablePeriodInput!) {
      upsertAvailablePeriod(input: $period) { availablePeriod { start } }
    }
    """: Scope.MANAGED_AVAILABILITY,
    'mutation { deleteAvailablePeriod(input: {availablePeriodId: "p1"}) { deleted } }': Scope.MANAGED_AVAILABILITY,
    "mutation { deleteAvailablePeriods { deleted } }": Scope.MANAGED_AVAILABILITY,
    "{ calendarFeeds { feedId } }": Scope.READ_FREE_BUSY,
    "mutation { calendarFeed(input: {details: false}) { url } }": Scope.READ_FREE_BUSY,
    'mutation { revokeCalendarFeed(input: {feedId: "fee_none"}) { revoked } }': Scope.READ_FREE_BUSY,
}

#: fields that require no scope
NEED_NO_SCOPE = {"userInfo", "node", "account", "applicationCalendar", "refreshToken", "revokeAuthorization"}
#: fields that require the client secret instead of an account's token, and so have no scope
APPLICATION_ONLY = {
    "accounts",
    "deleteAccount",
    "booking",
    "bookings",
    "realTimeSchedulings",
    "bookSlot",
    "holdSlot",
    "confirmBooking",
    "rescheduleBooking",
    "cancelBooking",
    "bookSequence",
    "realTimeScheduling",
    "disableRealTimeScheduling",
    "elementToken",
}


def root_field(operation: str) -> str:
    """The name of the root field that an operation selects."""
    return operation.split("{", 1)[1].split("(")[0].split("{")[0].strip()
