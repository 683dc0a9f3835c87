"""GraphQL documents that several test modules send."""

APPLICATION_CALENDAR = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub } }"
REFRESH_TOKEN = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { accessToken refreshToken sub } }"
REVOKE_AUTHORIZATION = """
mutation ($input: RevokeAuthorizationInput!) { revokeAuthorization(input: $input) { revoked } }
"""
ACCOUNT_TOKENS = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken refreshToken } }"
ELEMENT_TOKEN = """
mutation ($input: ElementTokenInput!) {
  elementToken(input: $input) { elementToken { token permissions subs origin expiresIn } }
}
"""
CALENDARS = "{ calendars { calendarId } }"

# --- availability --------------------------------------------------------------------------------------------------

AVAILABILITY_PERIOD_STARTS = """
query ($input: AvailabilityInput!) { availability(input: $input) { availablePeriods { start } } }
"""
AVAILABILITY_PERIODS = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availablePeriods { start end participants { sub } } }
}
"""
AVAILABILITY_SLOT_STARTS = """
query ($input: AvailabilityInput!) { availability(input: $input) { availableSlots { start } } }
"""
AVAILABILITY_PERIODS_AND_SLOTS = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    availablePeriods { start end participants { sub } }
    availableSlots { start end participants { sub } }
  }
}
"""
AVAILABILITY_CHANGED = """
subscription ($input: AvailabilityInput!) {
  availabilityChanged(input: $input) { availablePeriods { start end } }
}
"""
UPSERT_AVAILABILITY_RULE = """
mutation ($input: UpsertAvailabilityRuleInput!) {
  upsertAvailabilityRule(input: $input) { availabilityRule { tzid } }
}
"""
DELETE_AVAILABILITY_RULE = """
mutation ($input: DeleteAvailabilityRuleInput!) { deleteAvailabilityRule(input: $input) { deleted } }
"""

# --- events --------------------------------------------------------------------------------------------------------

UPSERT_EVENT = "mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created } }"
UPSERT_EVENT_WITH_ALL_FIELDS = """
mutation ($input: UpsertEventInput!) {
  upsertEvent(input: $input) {
    created
    event {
      calendarId eventId eventUid summary description start end tzid url transparency status deleted created updated
      location { description lat long }
    }
  }
}
"""
UPSERT_EVENTS = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created updated } }"
DELETE_EVENT = "mutation ($input: DeleteEventInput!) { deleteEvent(input: $input) { deleted } }"
DELETE_EVENTS = "mutation ($input: DeleteEventsInput!) { deleteEvents(input: $input) { deleted } }"
DELETE_ALL_EVENTS = "mutation { deleteEvents(input: {deleteAll: true}) { deleted } }"

# --- bookings ------------------------------------------------------------------------------------------------------

BOOK_SLOT = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    __typename
    ... on Booked {
      start end participants { sub }
      events { calendarId eventId eventUid summary description start end tzid url location { lat } status transparency created }
    }
    ... on SlotTaken { nextSlots { start end participants { sub } } }
  }
}
"""
BOOK_SLOT_TYPENAME = "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { __typename } }"

_LINK = """
realTimeSchedulingId url status displayMessage event { eventId summary description tzid start end } participants { sub }
"""
CREATE_LINK = f"""
mutation ($input: RealTimeSchedulingInput!) {{
  realTimeScheduling(input: $input) {{ realTimeScheduling {{ {_LINK} }} }}
}}
"""
GET_LINK = f"""
query ($id: ID, $part: String) {{ realTimeScheduling(realTimeSchedulingId: $id, token: $part) {{ {_LINK} }} }}
"""
DISABLE_LINK = f"""
mutation ($input: DisableRealTimeSchedulingInput!) {{
  disableRealTimeScheduling(input: $input) {{ realTimeScheduling {{ {_LINK} }} }}
}}
"""
