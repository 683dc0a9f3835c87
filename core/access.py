"""The caller of a request, and checks of what it may do.

An application, an account's token and an element token are one thing here: an `Actor`, which has rights over accounts. A
resolver names the right that it needs; only this file knows what kind of credentials it came with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .errors import Forbidden, PaymentRequired, Unauthenticated, WrongCredentials
from .features import Feature
from .instants import Instant
from .rights import (
    ALL_RIGHTS,
    NO_RIGHTS,
    Right,
    permissions_with,
    rights_of_scope,
    rights_over_each,
    rights_over_others,
    rights_over_the_first,
    scope_with,
)


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request: an application by its key, an account by its token, an element token, or nobody."""

    #: the calling client, or the client of the calling account
    client_key: int | None = None
    #: the account that it acts for: the calling one, or the first of an element token unless that is revoked
    account_key: int | None = None
    #: what it may do: scopes, or the permissions of an element token, separated by spaces
    scope: str = ""
    #: features that the client's plan does not include
    disabled_features: frozenset[Feature] = frozenset()
    #: when the token expires
    expires_at: Instant | None = None
    #: why the credentials of the request were rejected
    rejection: str | None = None
    #: whether they were rejected because the token is unknown
    token_is_unknown: bool = False
    #: the accounts of an element token that are not revoked, from sub to key; None for other callers
    subs: Mapping[str, int] | None = None


NOBODY = Actor()

_NOT_THIS_ACCOUNT = "This token gives no access to this account."


class AccountIdentity(Protocol):
    """An account that a caller may have rights over."""

    @property
    def key(self) -> int: ...
    @property
    def client_key(self) -> int: ...


def rights_over(actor: Actor, account: AccountIdentity) -> frozenset[Right]:
    """Returns the caller's rights over an account; none over another application's."""
    if actor.client_key is None or account.client_key != actor.client_key:
        return NO_RIGHTS
    if actor.account_key == account.key:
        return _own_rights(actor)
    if actor.subs is not None:
        return rights_over_each(actor.scope) if account.key in actor.subs.values() else NO_RIGHTS
    return ALL_RIGHTS if actor.account_key is None else rights_over_others(actor.scope)


def may(actor: Actor, right: Right, account: AccountIdentity) -> bool:
    """Whether the caller has the right over the account."""
    return right in rights_over(actor, account)


def require(actor: Actor, right: Right, account: AccountIdentity) -> int:
    """Returns the account's key. Raises Unauthenticated, and Forbidden for a caller without the right over it."""
    require_client(actor)
    if right not in rights_over(actor, account):
        raise _lacking(actor, right) if actor.account_key == account.key else Forbidden(_NOT_THIS_ACCOUNT)
    return account.key


def require_client(actor: Actor) -> int:
    """Returns the key of the caller's client.

    Raises Unauthenticated for a caller without valid credentials.
    """
    if actor.client_key is None:
        raise (WrongCredentials if actor.token_is_unknown else Unauthenticated)(actor.rejection)
    return actor.client_key


def is_application(actor: Actor) -> bool:
    """Whether the caller uses the client's key, and so has every right over all of the client's accounts."""
    return actor.client_key is not None and actor.account_key is None and actor.subs is None


def require_application(actor: Actor) -> int:
    """Returns the key of the caller's client, over which the caller must have every right: it uses the client's key.

    Raises Unauthenticated for a caller without valid credentials, Forbidden for any other.
    """
    client_key = require_client(actor)
    if actor.subs is not None:
        raise Forbidden("This needs the application's own key. No element token permits it.")
    if actor.account_key is not None:
        raise Forbidden("This needs the application's own key. An account's token gives access to that account only.")
    return client_key


def require_own(actor: Actor, right: Right) -> int:
    """Returns the key of the account that the caller acts for, over which it must have the right.

    Raises Unauthenticated for a caller without valid credentials and for one whose account was revoked, Forbidden for
    an application's key and for a caller without the right.
    """
    require_client(actor)
    if actor.account_key is None:
        if actor.subs is not None:
            raise Unauthenticated("The first account of this element token was revoked: ask for a new one.")
        raise Forbidden("This needs the access token of an account. The application's own key belongs to no account.")
    if right not in _own_rights(actor):
        raise _lacking(actor, right)
    return actor.account_key


def require_feature(without: frozenset[Feature], feature: Feature) -> None:
    """Raises PaymentRequired if the plan does not include the feature."""
    if feature in without:
        words = f"The plan of this application does not include {feature}: ask the operator to enable it."
        raise PaymentRequired(words, details={"feature": feature.value})


def require_availability(actor: Actor, *, managed: bool) -> None:
    """Checks that the caller may query availability. Of which accounts is left to `queryable`.

    Raises Unauthenticated, Forbidden, and PaymentRequired if the plan does not include availability queries, or managed
    ones if `managed`.
    """
    require_client(actor)
    if Right.QUERY_AVAILABILITY not in _rights_over_any(actor):
        raise _lacking(actor, Right.QUERY_AVAILABILITY)
    require_feature(actor.disabled_features, Feature.AVAILABILITY)
    if managed:
        require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)


def queryable(actor: Actor, subs: Sequence[str]) -> Sequence[str]:
    """Returns those of the subs that may be accounts whose availability the caller may query, in their order."""
    return subs if actor.subs is None else [sub for sub in subs if sub in actor.subs]


def require_managed_availability(actor: Actor) -> int:
    """Returns the key of the account that the caller acts for, whose rules and stored periods it may manage.

    Raises PaymentRequired if the plan does not include them, Unauthenticated, and Forbidden.
    """
    require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)
    return require_own(actor, Right.MANAGE_AVAILABILITY)


def _own_rights(actor: Actor) -> frozenset[Right]:
    """Returns the caller's rights over the account that it acts for."""
    return rights_of_scope(actor.scope) if actor.subs is None else rights_over_the_first(actor.scope)


def _rights_over_any(actor: Actor) -> frozenset[Right]:
    """Returns the caller's rights over any account, which may be another than the one that it acts for."""
    if actor.subs is not None:
        return rights_over_each(actor.scope)
    return ALL_RIGHTS if actor.account_key is None else rights_over_others(actor.scope)


def _lacking(actor: Actor, right: Right) -> Forbidden:
    """Returns the refusal of a caller without the right, which names what would grant it."""
    if actor.subs is None:
        scope = scope_with(right)
        if scope is None:
            return Forbidden(_NOT_THIS_ACCOUNT)
        words = f"This token lacks the scope {scope}: ask for the account again with it."
        return Forbidden(words, details={"scope": scope.value})
    permissions = [each.name for each in permissions_with(right)]
    if not permissions:
        return Forbidden("No element token permits this: it needs the access token of an account.")
    words = f"This element token lacks the permission {' or '.join(permissions)}: ask for a new one with it."
    return Forbidden(words, details={"permission": permissions[0]})
