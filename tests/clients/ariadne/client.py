"""A program with the client that ariadne-codegen writes: every input and every answer has a type."""

import json
import sys
from datetime import UTC, datetime

from openings_client import (  # pyright: ignore[reportMissingImports]: a test generates it
    AvailabilityInput,
    Client,
    DurationInput,
    EventInput,
    GraphQLClientGraphQLMultiError,
    MemberInput,
    ParticipantGroupInput,
    PeriodInput,
    ResponseFormat,
    UpsertEventInput,
)

url, token, sub, calendar_id = sys.argv[1:]


def at(hour: int) -> datetime:
    return datetime(2040, 5, 14, hour, tzinfo=UTC)


def when(minutes: int) -> AvailabilityInput:
    return AvailabilityInput(
        participants=[ParticipantGroupInput(required="all", members=[MemberInput(sub=sub)])],
        required_duration=DurationInput(minutes=minutes),
        query_periods=[PeriodInput(start=at(9), end=at(12))],
        response_format=ResponseFormat.SLOTS,
    )


with Client(url=url, headers={"Authorization": f"Bearer {token}"}) as client:
    event = EventInput(event_id="i1", summary="Interview", start=at(10).isoformat(), end=at(11).isoformat())
    made = client.put_event(UpsertEventInput(calendar_id=calendar_id, event=event))
    free = client.openings(when(60))
    try:
        client.openings(when(0))
        refusal = None
    except GraphQLClientGraphQLMultiError as error:
        refusal = error.errors[0].extensions
    try:
        client.overview("default")
        partial = None
    except GraphQLClientGraphQLMultiError as error:
        partial = error.data

assert made.upsert_event is not None
assert free.availability is not None
print(
    json.dumps(
        {
            "created": made.upsert_event.created,
            "starts": [slot.start.isoformat() for slot in free.availability.available_slots or []],
            "refusal": refusal,
            "partial": partial,
        }
    )
)
