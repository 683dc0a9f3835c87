"""Accounts with names, their events, and the queries that tests have explained through GraphQL."""

from typing import Any

from .api import Account, Api
from .graphql_queries import CALENDARS, UPSERT_EVENTS

USER = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken refreshToken } }"
MORNING = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T12:00:00Z"}


def at(clock: str) -> str:
    return f"2027-01-19T{clock}:00Z"


async def user(api: Api, account_id: str, name: str | None, scope: str = "read_write") -> Account:
    given = {**api.credentials, "kind": "USER", "accountId": account_id, "name": name, "scope": scope}
    made = (await api.data(USER, input=given))["account"]
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def block(api: Api, whose: Account, start: str, end: str, **more: Any) -> None:
    event = {"eventId": f"{start}-{end}", "summary": "Secret", "start": at(start), "end": at(end), **more}
    await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": [event]})


def query(*groups: tuple[str | int, list[Any]], **more: Any) -> dict[str, Any]:
    members = [[member if isinstance(member, dict) else {"sub": member.sub} for member in group] for _, group in groups]
    return {
        "participants": [
            {"required": required, "members": given} for (required, _), given in zip(groups, members, strict=True)
        ],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [MORNING],
        "responseFormat": "SLOTS",
        **more,
    }
