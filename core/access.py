"""The caller of a request, and checks of what it may do."""

from dataclasses import dataclass

from .errors import Forbidden, PaymentRequired, Unauthenticated, WrongCredentials
from .features import Feature
from .instants import Instant
from .scopes import Scope, granted


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request: an application by its key, one of its accounts by a token, or nobody."""

    #: the calling client, or the client of the calling account
    client_key: int | None = None
    #: the calling account
    account_key: int | None = None
    #: the scope of the account's token
    scope: str = ""
    #: features that the client's plan does not include
    disabled_features: frozenset[Feature] = frozenset()
    #: when the account's token expires
    expires_at: Instant | None = None
    #: why the credentials of the request were rejected
    rejection: str | None = None
    #: whether they were rejected because the token is unknown
    token_is_unknown: bool = False


NOBODY = Actor()


def require_client(actor: Actor) -> int:
    """Returns the key of the calling client, or of the calling account's client.

    Raises Unauthenticated for a caller without valid credentials.
    """
    if actor.client_key is None:
        raise (WrongCredentials if actor.token_is_unknown else Unauthenticated)(actor.rejection)
    return actor.client_key


def require_application(actor: Actor) -> int:
    """Returns the key of the calling client, which must use its own key.

    Raises Unauthenticated for a caller without valid credentials, Forbidden for an account.
    """
    client_key = require_client(actor)
    if actor.account_key is not None:
        raise Forbidden("This needs the application's own key. An account's token gives access to that account only.")
    return client_key


def require_account(actor: Actor, scope: Scope | None = None) -> int:
    """Returns the key of the calling account, whose token must have the scope.

    Raises Unauthenticated for a caller without valid credentials, Forbidden for an application's key
    and for a token without the scope.
    """
    require_client(actor)
    if actor.account_key is None:
        raise Forbidden("This needs the access token of an account. The application's own key belongs to no account.")
    require_scope(actor, scope)
    return actor.account_key


def require_scope(actor: Actor, scope: Scope | None) -> None:
    """Raises Forbidden for an account's token without the scope. An application's own key needs none."""
    if scope is not None and actor.account_key is not None and scope not in granted(actor.scope):
        raise missing(scope, f"This token lacks the scope {scope}: ask for the account again with it.")


def missing(scope: Scope, words: str) -> Forbidden:
    """Returns the refusal for a missing scope."""
    return Forbidden(words, details={"scope": scope.value})


def require_feature(without: frozenset[Feature], feature: Feature) -> None:
    """Raises PaymentRequired if the plan does not include the feature."""
    if feature in without:
        words = f"The plan of this application does not include {feature}: ask the operator to enable it."
        raise PaymentRequired(words, details={"feature": feature.value})


def require_availability(actor: Actor, *, managed: bool) -> None:
    """Raises PaymentRequired if the plan does not include availability queries, or managed ones if `managed`."""
    require_feature(actor.disabled_features, Feature.AVAILABILITY)
    if managed:
        require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)


def require_managed_availability(actor: Actor) -> int:
    """Returns the key of the calling account, which may manage its own rules and stored periods.

    Raises PaymentRequired if the plan does not include them, Unauthenticated, and Forbidden.
    """
    require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)
    return require_account(actor, Scope.MANAGED_AVAILABILITY)
