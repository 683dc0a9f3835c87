"""Who asks, and what they may."""

from dataclasses import dataclass

from .errors import Forbidden, PaymentRequired, Unauthenticated, WrongCredentials
from .features import Feature
from .instants import Instant
from .scopes import Scope, granted


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a request comes from: an application by its key, one of its accounts by a token, or nobody."""

    #: the client that asks, or whose account asks
    client_key: int | None = None
    #: the account that asks
    account_key: int | None = None
    #: the scope of the account's token
    scope: str = ""
    #: what the client's plan leaves out
    disabled_features: frozenset[Feature] = frozenset()
    #: when the account's token expires
    expires_at: Instant | None = None
    #: why the credentials that came with the request do not count
    rejection: str | None = None
    #: whether that is because nobody has such a token
    token_is_unknown: bool = False


NOBODY = Actor()


def require_client(actor: Actor) -> int:
    """The key of the client that asks, by itself or through one of its accounts. Raises Unauthenticated for nobody."""
    if actor.client_key is None:
        raise (WrongCredentials if actor.token_is_unknown else Unauthenticated)(actor.rejection)
    return actor.client_key


def require_application(actor: Actor) -> int:
    """The key of the client that asks by its own key. Raises Unauthenticated for nobody, Forbidden for an account."""
    client_key = require_client(actor)
    if actor.account_key is not None:
        raise Forbidden("This needs the application's own key; an account's token speaks for that account alone.")
    return client_key


def require_account(actor: Actor, scope: Scope | None = None) -> int:
    """The key of the account that asks with this scope.

    Raises Unauthenticated for nobody, Forbidden for an application's key and for a token without the scope.
    """
    require_client(actor)
    if actor.account_key is None:
        raise Forbidden("This needs the access token of an account; the application's own key belongs to none.")
    require_scope(actor, scope)
    return actor.account_key


def require_scope(actor: Actor, scope: Scope | None) -> None:
    """Raises Forbidden for an account's token without the scope. An application's own key needs none."""
    if scope is not None and actor.account_key is not None and scope not in granted(actor.scope):
        raise missing(scope, f"This token lacks the scope {scope}: ask for the account again with it.")


def missing(scope: Scope, words: str) -> Forbidden:
    """The refusal for want of a scope."""
    return Forbidden(words, details={"scope": scope.value})


def require_feature(without: frozenset[Feature], feature: Feature) -> None:
    """Raises PaymentRequired when the plan leaves the feature out."""
    if feature in without:
        words = f"The plan of this application does not include {feature}: its operator can switch it on."
        raise PaymentRequired(words, details={"feature": feature.value})


def require_availability(actor: Actor, *, managed: bool) -> None:
    """Raises PaymentRequired when the plan leaves availability queries out, or those that ask for managed hours."""
    require_feature(actor.disabled_features, Feature.AVAILABILITY)
    if managed:
        require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)


def require_managed_availability(actor: Actor) -> int:
    """The key of the account that asks about its own rules and stored periods.

    Raises Unauthenticated, PaymentRequired when the plan leaves them out, and Forbidden.
    """
    require_feature(actor.disabled_features, Feature.MANAGED_AVAILABILITY)
    return require_account(actor, Scope.MANAGED_AVAILABILITY)
