"""Who asks, and what they may."""

from dataclasses import dataclass

from .errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a request comes from: an application by its key, one of its accounts by a token, or nobody."""

    #: the client that asks, or whose account asks
    client_key: int | None = None
    #: the account that asks
    account_key: int | None = None
    #: why the credentials that came with the request do not count
    refused: str | None = None


NOBODY = Actor()


def require_client(actor: Actor) -> int:
    """The key of the client that asks, by itself or through one of its accounts. Raises Unauthenticated for nobody."""
    if actor.client_key is None:
        raise Unauthenticated(actor.refused)
    return actor.client_key


def require_account(actor: Actor) -> int:
    """The key of the account that asks. Raises Unauthenticated for nobody, Forbidden for an application's key."""
    require_client(actor)
    if actor.account_key is None:
        raise Forbidden("This needs the access token of an account; the application's own key belongs to none.")
    return actor.account_key
