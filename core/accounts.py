"""Accounts: anything whose time can be queried, with its profile, calendars and tokens."""

import re
from dataclasses import dataclass
from enum import StrEnum

from .errors import Key, Problems
from .instants import HOUR
from .limits import NAME_LENGTH
from .texts import check_id, check_text
from .zones import check_zone

PROVIDER = "cronofy"
"""Provider name of the profiles and calendars on this server."""

# Only sending mail can tell whether an address works; this rejects text that is not an address at all.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

TOKEN_LIFETIME = HOUR
"""Lifetime of an access token in seconds."""


class AccountKind(StrEnum):
    """The kinds of account."""

    APPLICATION_CALENDAR = "application_calendar"
    USER = "user"
    RESOURCE = "resource"

    @property
    def prefix(self) -> str:
        """The prefix of the account's sub."""
        return {"application_calendar": "apc", "user": "acc", "resource": "res"}[self.value]


DEFAULT_ZONE = "Etc/UTC"
"""Time zone of an account for which none was given."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Properties of a user or a resource, as set by a client. Omitted ones stay unchanged.

    `Etc/UTC` means "not given", because GraphQL fills in the default; pass `UTC` to really set UTC.
    """

    name: str | None = None
    email: str | None = None
    tzid: str = DEFAULT_ZONE

    def check(self, problems: Problems) -> None:
        """Reports an empty name, an invalid email address and an unknown time zone."""
        if self.name is not None:
            check_id(self.name, ("name",), problems, longest=NAME_LENGTH)
        check_text(self.email, ("email",), problems, longest=NAME_LENGTH)
        is_read = self.email is not None and len(self.email) <= NAME_LENGTH
        if self.email is not None and is_read and _EMAIL.fullmatch(self.email) is None:
            problems.add(("email",), Key.INVALID, "must be an email address")
        check_zone(self.tzid, ("tzid",), problems)


EMPTY_PROFILE = Profile()


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a client. `key` is its primary key in the database, which clients never see."""

    key: int
    client_key: int
    kind: AccountKind
    #: the client's own id for it: the application_calendar_id or account_id
    external_id: str
    sub: str
    name: str | None
    email: str | None
    tzid: str
    profile_id: str
    #: all scopes that the account has granted to its client, over all authorizations
    scope: str

    @property
    def profile_name(self) -> str:
        return self.external_id


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar of an account. All calendars on this server are writable and live as long as their account."""

    calendar_id: str
    name: str
    primary: bool
    profile_id: str
    profile_name: str
    readonly: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Both tokens in clear text. They are shown once; only their digests are stored."""

    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """An account with a pair of tokens and their scope."""

    account: Account
    tokens: TokenPair
    scope: str
