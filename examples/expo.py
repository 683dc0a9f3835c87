"""Meetings at an expo: twenty visitors book at once, with three people at a stand, two tables and one afternoon.

A meeting takes half an hour, one person and one table. A visitor whose time is already taken is offered others, and takes
the first of them. No person and no table is ever booked twice at the same time.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from client import ask, clock, next_monday, somebody, something, written

OPENS = next_monday() + timedelta(hours=13)
CLOSES = OPENS + timedelta(hours=4)
RUN = time.time_ns()

BOOK = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    ... on Booked { start participants { sub } }
    ... on SlotTaken { nextSlots { start } }
  }
}
"""

people = {somebody(f"expo-{RUN}-{name}")["sub"]: name for name in ("Ada", "Ben", "Cem")}
tables = {something(f"expo-{RUN}-{name}", name)["sub"]: name for name in ("the red table", "the blue table")}
QUERY = {
    "participants": [
        {"required": 1, "members": [{"sub": sub} for sub in people]},
        {"required": 1, "members": [{"sub": sub} for sub in tables]},
    ],
    "requiredDuration": {"minutes": 30},
    "startInterval": {"minutes": 15},
    "queryPeriods": [{"start": written(OPENS), "end": written(CLOSES)}],
}


def visit(number: int) -> dict[str, Any] | None:
    """Books one visitor at three o'clock or the next free time. Returns the meeting, or None if the stand is full."""
    start, event = written(OPENS + timedelta(hours=2)), {"eventId": f"visit-{number}", "summary": f"Visitor {number}"}
    asked = {"availability": QUERY, "event": event, "assignment": "LEAST_BUSY"}
    while True:
        answer = ask(BOOK, input={**asked, "start": start})["bookSlot"]
        if "start" in answer:
            return answer
        if not answer["nextSlots"]:
            return None
        start = answer["nextSlots"][0]["start"]


with ThreadPoolExecutor(20) as visitors:
    booked = list(visitors.map(visit, range(1, 21)))

for number, meeting in sorted(enumerate(booked, 1), key=lambda each: each[1]["start"] if each[1] else "~"):
    if meeting is None:
        print(f"visitor {number:2}: the stand is full")
    else:
        who, where = (participant["sub"] for participant in meeting["participants"])
        print(f"visitor {number:2}: {clock(meeting['start'])} with {people[who]} at {tables[where]}")
meetings = [meeting for meeting in booked if meeting is not None]
each = Counter(people[meeting["participants"][0]["sub"]] for meeting in meetings)
print(f"{len(meetings)} meetings; " + ", ".join(f"{name} has {count}" for name, count in sorted(each.items())))
