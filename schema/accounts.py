"""Accounts, their authorization and tokens, in and out."""

from typing import Any, Self

import strawberry
from strawberry import ID, UNSET, field

from core.accounts import DEFAULT_ZONE, PROVIDER, TOKEN_LIFETIME, Account, Authorization, Profile
from core.accounts import AccountKind as CoreAccountKind
from core.scopes import READ_WRITE
from resolvers.accounts import UserInfo as CoreUserInfo

from .calendars import Calendar
from .enums import AccountKind
from .optional import or_default, or_none


def scope_field() -> Any:
    return field(
        default=READ_WRITE,
        description="What the tokens may do, names with spaces between them: `read_write`, `read_only`, `write_only`, "
        "`free_busy`, `free_busy_write`, `list_calendars`, `read_events`, `create_event`, `delete_event`, `read_free_busy`, "
        "`managed_availability`.",
    )


@strawberry.input(description="Creates or gets an application calendar.")
class ApplicationCalendarInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    application_calendar_id: str = field(
        description="Your own id for the calendar, at most 255 characters: `store-42-manager`."
    )
    scope: str | None = scope_field()


@strawberry.input(description="Creates or gets a user or a resource, and brings it up to what is given.")
class AccountInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    kind: AccountKind = field(description="USER or RESOURCE.")
    account_id: str = field(description="Your own id for it, at most 255 characters.")
    name: str | None = field(
        default=UNSET, description="What it is called, at most 255 characters; left out, it stays as it is."
    )
    email: str | None = field(default=UNSET, description="Its email address; left out, it stays as it is.")
    tzid: str | None = field(
        default=DEFAULT_ZONE,
        description="Its IANA time zone; left out, it stays as it is. A new account begins with the default, and who means "
        "UTC for one that had another says `UTC`.",
    )
    scope: str | None = scope_field()

    def profile(self) -> Profile:
        return Profile(or_none(self.name), or_none(self.email), or_default(self.tzid, DEFAULT_ZONE))


@strawberry.input(description="Asks for a new access token.")
class RefreshTokenInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    refresh_token: str = field(description="The refresh token of the account.")


@strawberry.input(
    description="Ends every token of an account. Give one of its tokens or its sub; the token wins when both are given."
)
class RevokeAuthorizationInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    token: str | None = field(default=UNSET, description="An access or a refresh token of the account.")
    sub: ID | None = field(default=UNSET, description="The account's sub.")


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
    return account.external_id if account.kind is CoreAccountKind.APPLICATION_CALENDAR else None
