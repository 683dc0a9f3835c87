"""Output types of accounts and calendars, each made of a core value by `of`."""

from typing import Self

import strawberry
from strawberry import ID, field

from core.accounts import PROVIDER, TOKEN_LIFETIME, Account, AccountKind, Authorization
from core.accounts import Calendar as CoreCalendar
from resolvers.accounts import UserInfo as CoreUserInfo


@strawberry.type(description="The profile that an account's calendars belong to.")
class LinkingProfile:
    provider_name: str = field(description="`cronofy` for profiles that are kept here.")
    profile_id: ID = field(description="The profile's id: `pro_…`.")
    profile_name: str = field(description="The profile's name: your own id of the account.")

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(provider_name=PROVIDER, profile_id=ID(account.profile_id), profile_name=account.profile_name)


@strawberry.type(description="An account, and tokens that speak for it.")
class AccountAuthorization:
    token_type: str = field(description="`bearer`.")
    access_token: str = field(description="Goes into the header `Authorization: Bearer …`. It is told only here.")
    expires_in: int = field(description="How long the access token lives, in seconds.")
    refresh_token: str = field(description="Gets a new access token when this one has expired. It is told only here.")
    scope: str = field(description="What the tokens allow: `read_write` is everything.")
    sub: ID = field(
        description="The account's id in queries: `apc_…` application calendar, `acc_…` user, `res_…` resource."
    )
    application_calendar_id: str | None = field(description="Your own id, for an application calendar.")
    linking_profile: LinkingProfile = field(description="The account's profile.")

    @classmethod
    def of(cls, authorization: Authorization) -> Self:
        account = authorization.account
        return cls(
            token_type="bearer",
            access_token=authorization.tokens.access_token,
            expires_in=TOKEN_LIFETIME,
            refresh_token=authorization.tokens.refresh_token,
            scope=authorization.scope,
            sub=ID(account.sub),
            application_calendar_id=_application_calendar_id(account),
            linking_profile=LinkingProfile.of(account),
        )


@strawberry.type(description="A revocation is done.")
class RevokeAuthorizationPayload:
    revoked: bool = field(description="True, also when there was nothing left to revoke.")


@strawberry.type(description="A calendar of an account.")
class Calendar:
    provider_name: str = field(description="`cronofy` for calendars that are kept here.")
    profile_id: ID = field(description="The profile it belongs to.")
    profile_name: str = field(description="The name of that profile.")
    calendar_id: ID = field(description="The calendar's id: `cal_…`.")
    calendar_name: str = field(description="The calendar's name.")
    calendar_readonly: bool = field(description="Whether no events can be put on it.")
    calendar_deleted: bool = field(description="Whether it was deleted.")
    calendar_primary: bool = field(description="Whether it is the account's main calendar.")

    @classmethod
    def of(cls, calendar: CoreCalendar) -> Self:
        return cls(
            provider_name=PROVIDER,
            profile_id=ID(calendar.profile_id),
            profile_name=calendar.profile_name,
            calendar_id=ID(calendar.calendar_id),
            calendar_name=calendar.name,
            calendar_readonly=calendar.readonly,
            calendar_deleted=calendar.deleted,
            calendar_primary=calendar.primary,
        )


@strawberry.type(description="Who an access token is.")
class UserInfo:
    sub: ID = field(description="The account's id in queries.")
    kind: str = field(description="`application_calendar`, `user` or `resource`.")
    name: str | None = field(description="What a user or a resource is called.")
    email: str | None = field(description="The email address of a user or a resource.")
    zoneinfo: str | None = field(description="The account's IANA time zone.")
    application_calendar_id: str | None = field(description="Your own id, for an application calendar.")
    scope: str = field(description="What the token allows.")
    calendars: list[Calendar] = field(description="The account's calendars, the primary one first.")

    @classmethod
    def of(cls, info: CoreUserInfo) -> Self:
        account, scope, calendars = info
        return cls(
            sub=ID(account.sub),
            kind=account.kind.value,
            name=account.name,
            email=account.email,
            zoneinfo=account.tzid,
            application_calendar_id=_application_calendar_id(account),
            scope=scope,
            calendars=[Calendar.of(calendar) for calendar in calendars],
        )


def _application_calendar_id(account: Account) -> str | None:
    return account.external_id if account.kind is AccountKind.APPLICATION_CALENDAR else None
