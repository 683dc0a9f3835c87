"""Interviews in stores: a link on which a candidate chooses a time with whichever manager is free.

The managers have no calendars, so the application creates one for each and adds their deliveries as events. The interview
needs one of three managers for an hour next week, and is booked at least a day ahead.
"""

import sys
import time
from datetime import timedelta

from client import CALENDARS, ask, clock, next_monday, somebody, written

MONDAY = next_monday()
STORES = ("store-42-manager", "store-43-manager", "store-44-manager")

UPSERT = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }"
LINK = """
mutation ($input: RealTimeSchedulingInput!) {
  realTimeScheduling(input: $input) { realTimeScheduling { realTimeSchedulingId url } }
}
"""
STATUS = """
query ($id: ID!) {
  realTimeScheduling(realTimeSchedulingId: $id) { status displayMessage event { start end } participants { sub } }
}
"""

managers = {name: somebody(name) for name in STORES}
for number, manager in enumerate(managers.values()):
    [calendar] = ask(CALENDARS, manager["accessToken"])["calendars"]
    deliveries = [
        {
            "eventId": f"delivery-{day:%Y-%m-%d}",
            "summary": "Delivery",
            "start": written(day + timedelta(hours=9 + number)),
            "end": written(day + timedelta(hours=11 + number)),
        }
        for day in (MONDAY + timedelta(days=n) for n in range(5))
    ]
    ask(UPSERT, manager["accessToken"], input={"calendarId": calendar["calendarId"], "events": deliveries})

days = [MONDAY + timedelta(days=n) for n in range(5)]
link = ask(
    LINK,
    input={
        "availability": {
            "participants": [{"required": 1, "members": [{"sub": manager["sub"]} for manager in managers.values()]}],
            "requiredDuration": {"minutes": 60},
            "startInterval": {"minutes": 30},
            "queryPeriods": [
                {"start": written(day + timedelta(hours=9)), "end": written(day + timedelta(hours=17))} for day in days
            ],
        },
        "event": {
            "eventId": f"interview-{time.time_ns()}",
            "summary": "Interview at the store",
            "description": "Bring your papers. We look forward to meeting you.",
            "tzid": "Europe/London",
        },
        "minimumNotice": {"hours": 24},
    },
)["realTimeScheduling"]["realTimeScheduling"]

print(f"Send the candidate this link, or open it yourself:\n\n  {link['url']}\n", flush=True)
print("Waiting until a time is chosen. Ctrl-C stops waiting; the link stays open.", flush=True)
try:
    while (found := ask(STATUS, id=link["realTimeSchedulingId"])["realTimeScheduling"])["status"] == "OPEN":
        time.sleep(1)
except KeyboardInterrupt:
    sys.exit(0)
if found["status"] == "DISABLED":
    sys.exit(f"The link was disabled: {found['displayMessage']}")
[chosen] = [name for name, manager in managers.items() if manager["sub"] == found["participants"][0]["sub"]]
start, end = found["event"]["start"], found["event"]["end"]
print(f"Booked: {chosen}, on {start[:10]} from {clock(start)} to {clock(end)} UTC.")
