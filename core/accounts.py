"""Accounts: anything whose time can be asked about, with its profile, its calendars and its tokens."""

from dataclasses import dataclass
from enum import StrEnum

from .instants import HOUR

PROVIDER = "cronofy"
"""The provider name of profiles and calendars that are kept here."""

TOKEN_LIFETIME = HOUR
"""How long an access token lives, in seconds."""

READ_WRITE = "read_write"
"""The scope that grants everything."""


class AccountKind(StrEnum):
    """What an account stands for; the value is the prefix of its sub."""

    APPLICATION_CALENDAR = "apc"
    USER = "acc"
    RESOURCE = "res"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a client. `key` is its place in the database, and means nothing outside."""

    key: int
    client_key: int
    kind: AccountKind
    #: the id that the client calls it by: the application_calendar_id or account_id
    external_id: str
    sub: str
    name: str | None
    email: str | None
    tzid: str
    profile_id: str
    revoked: bool

    @property
    def profile_name(self) -> str:
        return self.external_id


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar of an account. Those that are kept here can all be written to, and live as long as it does."""

    calendar_id: str
    name: str
    primary: bool
    profile_id: str
    profile_name: str
    readonly: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Both tokens in clear: they are shown once, and only their digests are kept."""

    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """An account, and tokens that speak for it."""

    account: Account
    tokens: TokenPair
    scope: str = READ_WRITE
