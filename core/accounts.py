"""Accounts: anything whose time can be asked about, with its profile, its calendars and its tokens."""

import re
from dataclasses import dataclass
from enum import StrEnum

from .errors import Key, Problems
from .instants import HOUR
from .limits import NAME_LENGTH
from .texts import check_id, check_text
from .zones import check_zone

PROVIDER = "cronofy"
"""The provider name of profiles and calendars that are kept here."""

# Whether mail arrives there only sending it can tell; this keeps out what is not an address at all.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

TOKEN_LIFETIME = HOUR
"""How long an access token lives, in seconds."""


class AccountKind(StrEnum):
    """What an account stands for."""

    APPLICATION_CALENDAR = "application_calendar"
    USER = "user"
    RESOURCE = "resource"

    @property
    def prefix(self) -> str:
        """How the account's sub begins."""
        return {"application_calendar": "apc", "user": "acc", "resource": "res"}[self.value]


DEFAULT_ZONE = "Etc/UTC"
"""The zone of an account that none was given for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client tells of a user or a resource. What it leaves out stays as it is.

    A zone is left out by the name of the default one, for the outward shape fills that in; who means UTC says UTC.
    """

    name: str | None = None
    email: str | None = None
    tzid: str = DEFAULT_ZONE

    def check(self, problems: Problems) -> None:
        """Reports a name that is empty, an email address that is none, an unknown time zone."""
        if self.name is not None:
            check_id(self.name, ("name",), problems, longest=NAME_LENGTH)
        check_text(self.email, ("email",), problems, longest=NAME_LENGTH)
        if self.email is not None and _EMAIL.fullmatch(self.email) is None:
            problems.add(("email",), Key.INVALID, "must be an email address")
        check_zone(self.tzid, ("tzid",), problems)


EMPTY_PROFILE = Profile()


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
    #: what the account has granted to its client, in all of its authorizations together
    scope: str

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
    scope: str
