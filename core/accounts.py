"""Accounts: anything whose time can be queried, with its profile, calendars and tokens."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from unicodedata import normalize

from .errors import Key, Path, Problem, Problems
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


MAX_CALENDARS = 20
"""Maximum calendars of an account (ours)."""

MAX_CAPACITY = 10_000
"""Maximum meetings that an account can be in at once (ours)."""

DEFAULT_ZONE = "Etc/UTC"
"""Time zone of an account for which none was given."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Properties of an account, as set by a client. Omitted ones stay unchanged.

    `Etc/UTC` means "not given", because GraphQL fills in the default; pass `UTC` to really set UTC.
    """

    name: str | None = None
    email: str | None = None
    tzid: str = DEFAULT_ZONE
    #: how many meetings it can be in at once
    capacity: int | None = None

    def check(self, problems: Problems) -> None:
        """Reports an empty name, an invalid email address, an unknown time zone and a capacity out of bounds."""
        if self.name is not None:
            check_id(self.name, ("name",), problems, longest=NAME_LENGTH)
        check_text(self.email, ("email",), problems, longest=NAME_LENGTH)
        is_read = self.email is not None and len(self.email) <= NAME_LENGTH
        if self.email is not None and is_read and _EMAIL.fullmatch(self.email) is None:
            problems.add(("email",), Key.INVALID, "must be an email address")
        check_zone(self.tzid, ("tzid",), problems)
        if self.capacity is not None and self.capacity < 1:
            problems.add(("capacity",), Key.TOO_FEW, "must be at least 1")
        elif self.capacity is not None and self.capacity > MAX_CAPACITY:
            problems.add(("capacity",), Key.TOO_MANY, f"must be at most {MAX_CAPACITY}")


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
    #: how many meetings it can be in at once
    capacity: int = 1
    #: whether its tokens were revoked, and it was not requested again since
    revoked: bool = False

    @property
    def profile_name(self) -> str:
        return self.external_id


class AccountReference(NamedTuple):
    """Which account something belongs to."""

    key: int
    client_key: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar of an account. Keys are primary keys in the database, which clients never see."""

    key: int
    account: AccountReference
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


@dataclass(frozen=True, slots=True)
class AccountKey:
    """How an application names one of its accounts: by its sub, or by its own id and the kind of account."""

    sub: str | None = None
    external_id: str | None = None
    kind: AccountKind | None = None

    def check(self, problems: Problems) -> None:
        """Reports a name that is incomplete, and one that is given both ways."""
        own: dict[str, object] = {"account_id": self.external_id, "kind": self.kind}
        if self.sub is not None:
            for name in (name for name, given in own.items() if given is not None):
                problems.add((name,), Key.CONFLICT, "give either a sub, or an account id and its kind")
        elif not any(own.values()):
            problems.add(("sub",), Key.REQUIRED, "give a sub, or an account id and its kind")
        else:
            for name in (name for name, given in own.items() if given is None):
                problems.add((name,), Key.REQUIRED, "an account id and its kind belong together")

    @property
    def unknown(self) -> Problem:
        """The problem of an account that does not exist."""
        path: Path = ("sub",) if self.sub is not None else ("account_id",)
        return Problem(path, Key.UNKNOWN, "is not an account of this application")


def searchable(*texts: str | None) -> str:
    """Returns texts as they are compared in a search: without regard to case, or to how a character is composed."""
    return "\n".join(normalize("NFKC", normalize("NFKC", text).casefold()) for text in texts if text is not None)
