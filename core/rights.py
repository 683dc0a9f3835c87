"""Rights: what a caller may do with an account. Scopes and element permissions are names for sets of rights."""

from enum import StrEnum
from functools import lru_cache

from .scopes import Scope, granted


class Right(StrEnum):
    """Something that a caller may do with an account."""

    #: its sub, kind, name and time zone
    READ_PROFILE = "read_profile"
    READ_EMAIL = "read_email"
    #: the application's own id for it
    READ_ACCOUNT_ID = "read_account_id"
    READ_USER_INFO = "read_user_info"
    LIST_CALENDARS = "list_calendars"
    #: create and delete them
    MANAGE_CALENDARS = "manage_calendars"
    READ_EVENTS = "read_events"
    CREATE_EVENT = "create_event"
    DELETE_EVENT = "delete_event"
    READ_FREE_BUSY = "read_free_busy"
    #: make, list and end addresses at which others follow what the caller may read; they outlive its token
    MANAGE_FEEDS = "manage_feeds"
    #: be notified when its events change
    MANAGE_CHANNELS = "manage_channels"
    #: read and write its availability rules and stored periods
    MANAGE_AVAILABILITY = "manage_availability"
    #: name it as a member of an availability query
    QUERY_AVAILABILITY = "query_availability"


class ElementPermission(StrEnum):
    """A permission of an element token."""

    AGENDA = "agenda"
    AVAILABILITY = "availability"
    MANAGED_AVAILABILITY = "managed_availability"
    ACCOUNT_MANAGEMENT = "account_management"


NO_RIGHTS: frozenset[Right] = frozenset()
ALL_RIGHTS = frozenset(Right)

#: of every account's token over its account, whatever its scope
_OF_AN_ACCOUNT = frozenset({Right.READ_PROFILE, Right.READ_EMAIL, Right.READ_ACCOUNT_ID, Right.READ_USER_INFO})

_BY_SCOPE = {
    Scope.LIST_CALENDARS: frozenset({Right.LIST_CALENDARS}),
    Scope.CREATE_CALENDAR: frozenset({Right.MANAGE_CALENDARS}),
    Scope.READ_EVENTS: frozenset({Right.READ_EVENTS}),
    Scope.CREATE_EVENT: frozenset({Right.CREATE_EVENT}),
    Scope.DELETE_EVENT: frozenset({Right.DELETE_EVENT}),
    Scope.READ_FREE_BUSY: frozenset(
        {Right.READ_FREE_BUSY, Right.QUERY_AVAILABILITY, Right.MANAGE_FEEDS, Right.MANAGE_CHANNELS}
    ),
    Scope.MANAGED_AVAILABILITY: frozenset({Right.MANAGE_AVAILABILITY}),
}

#: of an element token over each of its accounts
_OVER_EACH = {ElementPermission.AVAILABILITY: frozenset({Right.QUERY_AVAILABILITY})}
#: of an element token over its first account only
_OVER_THE_FIRST = {
    ElementPermission.AGENDA: frozenset({Right.LIST_CALENDARS, Right.READ_EVENTS, Right.READ_FREE_BUSY}),
    ElementPermission.MANAGED_AVAILABILITY: frozenset(
        {Right.LIST_CALENDARS, Right.MANAGE_AVAILABILITY, Right.READ_USER_INFO}
    ),
    ElementPermission.ACCOUNT_MANAGEMENT: frozenset(
        {Right.LIST_CALENDARS, Right.READ_EMAIL, Right.READ_ACCOUNT_ID, Right.READ_USER_INFO}
    ),
}


@lru_cache(1000)
def rights_of_scope(scope: str) -> frozenset[Right]:
    """Returns the rights of an account's token with this scope over its account."""
    return _OF_AN_ACCOUNT.union(*(_BY_SCOPE[name] for name in granted(scope)))


@lru_cache(1000)
def rights_over_others(scope: str) -> frozenset[Right]:
    """Returns the rights of an account's token with this scope over the other accounts of its application."""
    return rights_of_scope(scope) & {Right.QUERY_AVAILABILITY}


@lru_cache(1000)
def rights_over_each(permissions: str) -> frozenset[Right]:
    """Returns the rights of an element token over each of its accounts. The permissions are separated by spaces."""
    return frozenset({Right.READ_PROFILE}).union(*(_OVER_EACH.get(each, NO_RIGHTS) for each in _named(permissions)))


@lru_cache(1000)
def rights_over_the_first(permissions: str) -> frozenset[Right]:
    """Returns the rights of an element token over its first account. The permissions are separated by spaces."""
    of_the_first = (_OVER_THE_FIRST.get(each, NO_RIGHTS) for each in _named(permissions))
    return rights_over_each(permissions).union(*of_the_first)


def _named(permissions: str) -> list[ElementPermission]:
    return [ElementPermission(name) for name in permissions.split()]


def scope_with(right: Right) -> Scope | None:
    """Returns the scope that grants the right; None if every account's token has it."""
    return next((scope for scope, rights in _BY_SCOPE.items() if right in rights), None)


def permissions_with(right: Right) -> list[ElementPermission]:
    """Returns the permissions that grant the right over an element token's first account; none for most rights."""
    return [each for each in ElementPermission if right in rights_over_the_first(each.value)]
