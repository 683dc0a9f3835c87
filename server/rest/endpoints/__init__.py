"""One file for each noun turns a request into the call of a resolver, and its result into a response.

This one lists all endpoints, and the paths of Cronofy's API that this server does not have.
"""

from ..openapi import document
from ..responses import Answer, not_implemented
from ..routing import Call, Endpoint, Router
from . import (
    accounts,
    availability,
    batch,
    channels,
    events,
    managed_availability,
    real_time_scheduling,
    sequenced_availability,
    tokens,
)


async def _missing(_call: Call) -> Answer:
    return not_implemented("This server does not have this part of the API.")


#: what SDKs have methods for; other paths do not exist
_MISSING = (
    *("GET /oauth/authorize", "GET /enterprise_connect/oauth/authorize"),
    *("GET /v1/smart_invites", "POST /v1/smart_invites"),
    *("POST /v1/real_time_sequencing", "GET /v1/real_time_sequencing"),
    *("GET /v1/real_time_sequencing/{id}", "POST /v1/real_time_sequencing/{id}/disable"),
    *("POST /v1/add_to_calendar", "POST /v1/link_tokens", "POST /v1/attachments"),
    *("POST /v1/calendars", "POST /v1/permissions", "GET /v1/resources", "GET /v1/accessible_calendars"),
    *("POST /v1/service_account_authorizations", "POST /v1/delegated_authorizations"),
    *("POST /v1/conferencing_service_authorizations", "GET /v1/conferencing_service_authorizations"),
    "POST /v1/calendars/{calendar_id}/events/{event_uid}/participation_status",
    *("GET /v1/bookable_events", "POST /v1/bookable_events", "GET /v1/bookable_events/{id}"),
    *("DELETE /v1/bookable_events/{id}", "POST /v1/bookable_events/{id}/registrations"),
    "DELETE /v1/bookable_events/{id}/registrations/{registration_id}",
    *("GET /v1/scheduling_conversations", "POST /v1/scheduling_conversations"),
    *("GET /v1/scheduling_conversations/{id}", "POST /v1/scheduling_conversations/{id}"),
)


async def _openapi(call: Call) -> Answer:
    return Answer(200, document(ENDPOINTS, call.public_url))


ENDPOINTS = (
    Endpoint("GET", "/v1/openapi.json", _openapi, bearer=False),
    *tokens.ENDPOINTS,
    *accounts.ENDPOINTS,
    *events.ENDPOINTS,
    *availability.ENDPOINTS,
    *sequenced_availability.ENDPOINTS,
    *managed_availability.ENDPOINTS,
    *batch.ENDPOINTS,
    *channels.ENDPOINTS,
    *real_time_scheduling.ENDPOINTS,
)


def _partition(name: str) -> tuple[str, str, str]:
    return name.partition(" ")


ROUTER = Router(
    [*ENDPOINTS, *(Endpoint(method, path, _missing, bearer=False) for method, _, path in map(_partition, _MISSING))]
)
