"""The account of a token: what it is, its profile, and its calendars."""

from collections.abc import Sequence
from typing import Any

from core.accounts import PROVIDER, Account, AccountKind, Calendar
from core.errors import Forbidden
from core.rights import Right
from resolvers import accounts, calendars
from resolvers.accounts import UserInfo

from ..responses import Answer
from ..routing import Call, Endpoint

_TYPES = {
    AccountKind.APPLICATION_CALENDAR: "application_calendar",
    AccountKind.USER: "account",
    AccountKind.RESOURCE: "resource",
}


async def _user_info(call: Call) -> Answer:
    return Answer(200, user_info(await accounts.user_info(call.ctx)))


async def _account(call: Call) -> Answer:
    account, scope, _, rights = await accounts.user_info(call.ctx)
    body = {
        "account_id": account.sub,
        "email": account.email if Right.READ_EMAIL in rights else None,
        "name": account.name,
        "scope": scope,
        "default_tzid": account.tzid,
    }
    return Answer(200, {"account": body})


async def _profiles(call: Call) -> Answer:
    account = (await accounts.user_info(call.ctx)).account
    return Answer(200, {"profiles": [_profile(account)]})


async def _calendars(call: Call) -> Answer:
    found = await calendars.list_calendars(call.ctx)
    account = (await accounts.user_info(call.ctx, Right.READ_PROFILE)).account
    body = [
        {
            "provider_name": PROVIDER,
            "profile_id": each.profile_id,
            "profile_name": each.profile_name,
            **_calendar(each),
        }
        for each in found
    ]
    return Answer(200, {"sub": account.sub, "calendars": body})


async def _revoke_profile(call: Call) -> Answer:
    await accounts.user_info(call.ctx)
    raise Forbidden(
        "The profile of an account cannot be taken away from it. Revoke the account with /oauth/token/revoke."
    )


def user_info(found: UserInfo) -> dict[str, Any]:
    """Returns the object that describes an account, with its calendars by profile, as far as the caller may see it."""
    account, scope, own, rights = found
    data: dict[str, Any] = {
        "authorization": {"scope": scope, "status": "active"},
        "profiles": [{**_profile(account), "profile_calendars": _calendars_of(account, own)}],
    }
    more: dict[str, Any] = {}
    if account.kind is not AccountKind.APPLICATION_CALENDAR:
        email = account.email if Right.READ_EMAIL in rights else None
        more = {"email": email, "name": account.name, "zoneinfo": account.tzid}
    elif Right.READ_ACCOUNT_ID in rights:
        more = {"application_calendar_id": account.external_id}
        data["application_calendar"] = dict(more)
    return {"sub": account.sub, "cronofy.type": _TYPES[account.kind], "cronofy.data": data, **more}


def _profile(account: Account) -> dict[str, Any]:
    return {
        "provider_name": PROVIDER,
        "provider_service": PROVIDER,
        "profile_id": account.profile_id,
        "profile_name": account.profile_name,
        "profile_connected": True,
        "profile_initial_sync_required": False,
    }


def _calendars_of(account: Account, own: Sequence[Calendar]) -> list[dict[str, Any]]:
    return [_calendar(each) for each in own if each.profile_id == account.profile_id]


def _calendar(calendar: Calendar) -> dict[str, Any]:
    return {
        "calendar_id": calendar.calendar_id,
        "calendar_name": calendar.name,
        "calendar_readonly": calendar.readonly,
        "calendar_deleted": calendar.deleted,
        "calendar_primary": bool(calendar.primary),  # SQLite has numbers
        "calendar_integrated_conferencing_available": False,
        "calendar_attachments_available": False,
        "permission_level": "unrestricted",
    }


ENDPOINTS = [
    Endpoint("GET", "/v1/userinfo", _user_info),
    Endpoint("GET", "/v1/account", _account),
    Endpoint("GET", "/v1/profiles", _profiles),
    Endpoint("POST", "/v1/profiles/{profile_id}/revoke", _revoke_profile),
    Endpoint("GET", "/v1/calendars", _calendars),
]
