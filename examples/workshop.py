"""A workshop's equipment: a milling machine that is hired out by the hour, with its operator.

The machine needs half an hour of cleaning between jobs. Its operator works in Berlin, from Monday to Friday.
A job is booked with an idempotency key of its own, so that the request can be sent again when the connection breaks; and
while the machine is repaired, it cannot be booked.
"""

import time
from datetime import timedelta
from typing import Any

from client import CALENDARS, ask, clock, next_monday, somebody, something, written

MONDAY = next_monday()
RUN = time.time_ns()

RULE = "mutation ($i: UpsertAvailabilityRuleInput!) { upsertAvailabilityRule(input: $i) { availabilityRule { tzid } } }"
UPSERT = "mutation ($i: UpsertEventInput!) { upsertEvent(input: $i) { created } }"
AVAILABILITY = "query ($i: AvailabilityInput!) { availability(input: $i) { availableSlots { start end } } }"
BOOK = """
mutation ($i: BookSlotInput!) {
  bookSlot(input: $i) {
    ... on Booked { start end events { eventUid } }
    ... on SlotTaken { nextSlots { start end } }
  }
}
"""

mill, operator = something(f"mill-{RUN}", "The milling machine"), somebody(f"operator-{RUN}")
week = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
hours = [{"day": day, "startTime": "08:00", "endTime": "16:00"} for day in week]
rule = {"availabilityRuleId": "work", "tzid": "Europe/Berlin", "weeklyPeriods": hours}
ask(RULE, operator["accessToken"], i=rule)
[calendar] = ask(CALENDARS, mill["accessToken"])["calendars"]


def job(minutes: int, start: timedelta = timedelta(0)) -> dict[str, Any]:
    """Builds the query for a job of this many minutes with machine and operator, on Monday from `start` on."""
    return {
        "participants": [
            {
                "required": "all",
                "members": [
                    {"sub": mill["sub"], "buffer": {"before": {"minutes": 30}, "after": {"minutes": 30}}},
                    {"sub": operator["sub"], "managedAvailability": True},
                ],
            }
        ],
        "requiredDuration": {"minutes": minutes},
        "startInterval": {"minutes": 30},
        "queryPeriods": [{"start": written(MONDAY + start), "end": written(MONDAY + timedelta(days=1))}],
        "responseFormat": "SLOTS",
    }


def show(title: str, slots: list[dict[str, str]]) -> None:
    print(f"{title}: " + (", ".join(f"{clock(slot['start'])}-{clock(slot['end'])}" for slot in slots) or "none"))


show("Free for two hours, in UTC", ask(AVAILABILITY, i=job(120))["availability"]["availableSlots"])

repair = {
    "eventId": "repair",
    "summary": "Repair",
    "start": written(MONDAY + timedelta(hours=9)),
    "end": written(MONDAY + timedelta(hours=10)),
}
ask(UPSERT, mill["accessToken"], i={"calendarId": calendar["calendarId"], "event": repair})
free = ask(AVAILABILITY, i=job(120))["availability"]["availableSlots"]
show("With the repair, and cleaning around it", free)

wanted = {
    "availability": job(120),
    "start": free[0]["start"],
    "event": {"eventId": f"job-{RUN}", "summary": "Gear wheels", "tzid": "Europe/Berlin"},
    "idempotencyKey": f"order-{RUN}",
}
first, again = (ask(BOOK, i=wanted)["bookSlot"] for _ in range(2))
show("Booked", [first])
print(f"Sent again, it is the same booking: {first == again}")

other = {**wanted, "event": {"eventId": f"other-{RUN}", "summary": "Hinges"}, "idempotencyKey": f"order-{RUN + 1}"}
show("Another job for the same two hours is offered", ask(BOOK, i=other)["bookSlot"]["nextSlots"])
