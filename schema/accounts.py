"""GraphQL types for accounts, authorizations and tokens."""

from typing import Annotated, Any, Self

import strawberry
from strawberry import ID, UNSET, Info, Private, argument, field

from core.accounts import DEFAULT_ZONE, PROVIDER, TOKEN_LIFETIME, Authorization, Profile
from core.accounts import Account as CoreAccount
from core.accounts import AccountKind as CoreAccountKind
from core.rights import Right
from core.scopes import READ_WRITE
from resolvers.accounts import UserInfo as CoreUserInfo
from resolvers.accounts import ViewedAccount
from resolvers.context import Context

from .availability_rules import AvailabilityRule
from .available_periods import From, StoredAvailablePeriod, To
from .calendars import Calendar
from .connections import After, Connection, First
from .enums import AccountKind, AccountType
from .events import Event, EventsInput
from .nodes import Batch, Node
from .optional import or_default, or_none

CALENDARS, EVENTS, RULES, PERIODS = Batch(), Batch(), Batch(), Batch()


def scope_field() -> Any:
    return field(
        default=READ_WRITE,
        description="What the tokens may do: names separated by spaces, out of `read_write`, `read_only`, "
        "`write_only`, `free_busy`, `free_busy_write`, `list_calendars`, `create_calendar`, `read_events`, "
        "`create_event`, `delete_event`, `read_free_busy`, `managed_availability`.",
    )


def capacity_field() -> Any:
    return field(
        default=UNSET,
        description="How many meetings the account can be in at once, 1 to 10000, such as 3 for a workshop with three "
        "benches. If omitted, it stays unchanged. New accounts have 1.",
    )


@strawberry.input(description="Creates an application calendar, or returns the existing one.")
class ApplicationCalendarInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    application_calendar_id: str = field(
        description="Your own id for the calendar, at most 255 characters, such as `store-42-manager`."
    )
    scope: str | None = scope_field()
    capacity: int | None = capacity_field()

    def profile(self) -> Profile:
        return Profile(capacity=or_none(self.capacity))


@strawberry.input(description="Creates a user or a resource, or updates the existing one.")
class AccountInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    kind: AccountKind = field(description="USER or RESOURCE.")
    account_id: str = field(description="Your own id for the account, at most 255 characters.")
    name: str | None = field(
        default=UNSET, description="The account's name, at most 255 characters. If omitted, it stays unchanged."
    )
    email: str | None = field(default=UNSET, description="The account's email address. If omitted, it stays unchanged.")
    tzid: str | None = field(
        default=DEFAULT_ZONE,
        description="The account's IANA time zone. If omitted, it stays unchanged. New accounts default to UTC. To "
        "change an existing account to UTC, send `UTC`.",
    )
    scope: str | None = scope_field()
    capacity: int | None = capacity_field()

    def profile(self) -> Profile:
        return Profile(
            or_none(self.name), or_none(self.email), or_default(self.tzid, DEFAULT_ZONE), or_none(self.capacity)
        )


@strawberry.input(description="Requests a new access token.")
class RefreshTokenInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    refresh_token: str = field(description="The refresh token of the account.")


@strawberry.input(
    description="Revokes all tokens of an account. Give one of its tokens or its sub. If both are given, the token is "
    "used."
)
class RevokeAuthorizationInput:
    client_id: str = field(description="The id of your application.")
    client_secret: str = field(description="The secret of your application.")
    token: str | None = field(
        default=UNSET,
        description="An access or a refresh token of the account; or an element token, which then ends and revokes "
        "no account.",
    )
    sub: ID | None = field(default=UNSET, description="The account's sub.")


@strawberry.type(
    description="An account: anything whose time can be queried. What the caller may not see is null: an account's token "
    "sees its own account within its scopes, and the application's key everything."
)
class Account(Node):
    viewed: Private[ViewedAccount]
    sub: ID = field(description="The account's id in queries: `apc_…`, `acc_…` or `res_…`.")
    kind: AccountType = field(description="The kind of account.")
    account_id: str | None = field(description="Your own id for the account.")
    name: str | None = field(description="The name of a user or a resource.")
    email: str | None = field(description="The email address of a user or a resource.")
    tzid: str = field(description="The account's IANA time zone.")
    capacity: int = field(
        description="How many meetings the account can be in at once. It is busy where so many events overlap."
    )
    revoked: bool = field(description="Whether the account was revoked, and not requested again since.")

    @field(description="The account's calendars, the primary one first.", metadata=CALENDARS.metadata)
    async def calendars(self, info: Info[Context]) -> list[Calendar] | None:
        return await CALENDARS.of(info, self)

    @field(
        description="The account's events that start before `to` and end after `from`, soonest first.",
        metadata=EVENTS.metadata,
    )
    async def events(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events to list.")],
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[Event] | None:
        return await EVENTS.of(info, self, input=input, first=first, after=after)

    @field(description="The account's availability rules, in the order of their ids.", metadata=RULES.metadata)
    async def availability_rules(self, info: Info[Context]) -> list[AvailabilityRule] | None:
        return await RULES.of(info, self)

    @field(
        description="The account's stored available periods that start before `to` and end after `from`, soonest first.",
        metadata=PERIODS.metadata,
    )
    async def available_periods(
        self,
        info: Info[Context],
        from_: From = UNSET,
        to: To = UNSET,
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[StoredAvailablePeriod] | None:
        return await PERIODS.of(info, self, from_=from_, to=to, first=first, after=after)

    @classmethod
    def of(cls, viewed: ViewedAccount) -> Self:
        account, rights = viewed
        return cls(
            id=ID(account.sub),
            viewed=viewed,
            sub=ID(account.sub),
            kind=AccountType(account.kind),
            account_id=account.external_id if Right.READ_ACCOUNT_ID in rights else None,
            name=account.name,
            email=account.email if Right.READ_EMAIL in rights else None,
            tzid=account.tzid,
            capacity=account.capacity,
            revoked=account.revoked,
        )


@strawberry.type(description="The profile that an account's calendars belong to.")
class LinkingProfile:
    provider_name: str = field(description="`cronofy` for profiles on this server.")
    profile_id: ID = field(description="The profile's id: `pro_…`.")
    profile_name: str = field(description="The profile's name, which is your own id for the account.")

    @classmethod
    def of(cls, account: CoreAccount) -> Self:
        return cls(provider_name=PROVIDER, profile_id=ID(account.profile_id), profile_name=account.profile_name)


@strawberry.type(description="An account and its tokens.")
class AccountAuthorization:
    token_type: str = field(description="`bearer`.")
    access_token: str = field(description="Send it in the header `Authorization: Bearer …`. Returned only once.")
    expires_in: int = field(description="Lifetime of the access token in seconds.")
    refresh_token: str = field(description="Gets a new access token when this one has expired. Returned only once.")
    scope: str = field(description="What the tokens may do. `read_write` allows everything.")
    sub: ID = field(
        description="The account's id in queries: `apc_…` (application calendar), `acc_…` (user) or `res_…` (resource)."
    )
    application_calendar_id: str | None = field(
        description="Your own id for an application calendar; null for other accounts."
    )
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


@strawberry.type(description="The result of revokeAuthorization.")
class RevokeAuthorizationPayload:
    revoked: bool = field(description="Always true, even if there was nothing to revoke.")


@strawberry.input(description="Erases an account.")
class DeleteAccountInput:
    sub: ID = field(description="The account's sub.")


@strawberry.type(description="The result of deleteAccount.")
class DeleteAccountPayload:
    deleted: bool = field(description="Whether there was an account to erase.")


@strawberry.type(description="The account that an access token belongs to.")
class UserInfo:
    sub: ID = field(description="The account's id in queries.")
    kind: str = field(description="`application_calendar`, `user` or `resource`.")
    name: str | None = field(description="The name of a user or a resource.")
    email: str | None = field(description="The email address of a user or a resource.")
    zoneinfo: str | None = field(description="The account's IANA time zone.")
    application_calendar_id: str | None = field(
        description="Your own id for an application calendar; null for other accounts."
    )
    scope: str = field(description="What the token may do.")
    calendars: list[Calendar] = field(description="The account's calendars, the primary one first.")

    @classmethod
    def of(cls, info: CoreUserInfo) -> Self:
        account, scope, calendars, rights = info
        return cls(
            sub=ID(account.sub),
            kind=account.kind.value,
            name=account.name,
            email=account.email if Right.READ_EMAIL in rights else None,
            zoneinfo=account.tzid,
            application_calendar_id=_application_calendar_id(account) if Right.READ_ACCOUNT_ID in rights else None,
            scope=scope,
            calendars=[Calendar.of(calendar) for calendar in calendars],
        )


def _application_calendar_id(account: CoreAccount) -> str | None:
    return account.external_id if account.kind is CoreAccountKind.APPLICATION_CALENDAR else None
