"""Calendar sources for tests, through GraphQL."""

from typing import Any

from .api import Account, Api

SOURCE = "sourceId status syncedAt knownUntil problem unreadable calendar { calendarId calendarName calendarReadonly }"
UPSERT = f"""
mutation ($input: UpsertCalendarSourceInput!) {{
  upsertCalendarSource(input: $input) {{ calendarSource {{ {SOURCE} }} }}
}}
"""
SYNC = f"""
mutation ($sourceId: ID!) {{ syncCalendarSource(input: {{sourceId: $sourceId}}) {{ calendarSource {{ {SOURCE} }} }} }}
"""
DELETE = "mutation ($sourceId: ID!) { deleteCalendarSource(input: {sourceId: $sourceId}) { deleted } }"
LIST = f"{{ calendarSources {{ {SOURCE} }} }}"
BUSY = """
query ($ids: [ID!]) {
  freeBusy(input: {calendarIds: $ids}, first: 1000) { nodes { start end freeBusyStatus } }
}
"""
EVENTS = """
query ($ids: [ID!]) { events(input: {calendarIds: $ids}, first: 1000) { nodes { eventId eventUid start end summary } } }
"""


async def upsert(api: Api, whose: Account, url: str, source_id: str = "work", **more: Any) -> dict[str, Any]:
    """Creates or changes a source."""
    made = await api.data(UPSERT, whose.token, input={"sourceId": source_id, "url": url, **more})
    return made["upsertCalendarSource"]["calendarSource"]


async def sync(api: Api, whose: Account, source_id: str = "work") -> dict[str, Any]:
    """Fetches a source."""
    return (await api.data(SYNC, whose.token, sourceId=source_id))["syncCalendarSource"]["calendarSource"]


async def token_of(api: Api, name: str, **more: Any) -> str:
    """Returns a new access token of an application calendar."""
    making = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { accessToken } }"
    given = {**api.credentials, "applicationCalendarId": name, **more}
    return (await api.data(making, input=given))["applicationCalendar"]["accessToken"]


async def busy(api: Api, whose: Account) -> list[str]:
    """When the account is busy: `2027-01-19T09:00/10:00`."""
    nodes = (await api.data(BUSY, whose.token))["freeBusy"]["nodes"]
    return [f"{node['start'][:16]}/{node['end'][11:16]}" for node in nodes if node["freeBusyStatus"] == "BUSY"]
