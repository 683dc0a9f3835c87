"""Shared by the examples: a minimal GraphQL client, and the dates that they use."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

URL = os.environ.get("OPENINGS_URL", "http://127.0.0.1:8000/graphql")
CLIENT_ID = os.environ.get("OPENINGS_CLIENT_ID", "demo")
CLIENT_SECRET = os.environ.get("OPENINGS_CLIENT_SECRET", "")

if not CLIENT_SECRET:
    sys.exit("Set OPENINGS_CLIENT_SECRET to the client secret that `make serve` has printed.")

APPLICATION_CALENDAR = """
mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub accessToken } }
"""
RESOURCE = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken } }"
CALENDARS = "{ calendars { calendarId } }"


def ask(query: str, token: str | None = CLIENT_SECRET, **variables: Any) -> dict[str, Any]:
    """Sends a request and returns its data. Exits with the error messages if it is refused."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(URL, body, headers)) as response:
        answer = json.load(response)
    if "errors" in answer:
        sys.exit("\n".join(error["message"] for error in answer["errors"]))
    return answer["data"]


def somebody(id: str) -> dict[str, str]:
    """Creates or gets the application calendar with this id. Returns its sub and a token."""
    given = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": id}
    return ask(APPLICATION_CALENDAR, None, input=given)["applicationCalendar"]


def something(id: str, name: str) -> dict[str, str]:
    """Creates or gets a resource: a room, a table, a machine. Returns its sub and a token."""
    given = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "kind": "RESOURCE", "accountId": id, "name": name}
    return ask(RESOURCE, None, input=given)["account"]


def next_monday() -> datetime:
    """Returns the start of next Monday, in UTC."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday())


def written(moment: datetime) -> str:
    """Formats a time for a request."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(instant: str) -> str:
    """Returns the time of day of an instant, as hours and minutes."""
    return instant[11:16]
