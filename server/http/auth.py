"""Authentication: from the Authorization header to the caller."""

from collections.abc import Callable

from core.access import NOBODY, Actor
from core.element_tokens import NOT_VALID_HERE, ElementTokenDigest, is_element_token
from core.identity import digest


def caller(authorization: str | None, is_of_page: Callable[[str], bool] = lambda _: False) -> Actor | bytes:
    """The digest of the bearer token; without a valid one, an Actor without rights and with the reason.

    `is_of_page` says whether an element token is for the page that sends it. The digest is resolved later, with the first
    database statement: an operation that needs no token works without it, and one that needs a token reports what is
    wrong with it.
    """
    if authorization is None:
        return NOBODY
    token = bearer_token(authorization)
    if token is None:
        return Actor(rejection="The Authorization header must be: Bearer <token>.")
    if is_element_token(token):
        return ElementTokenDigest(digest(token)) if is_of_page(token) else Actor(rejection=NOT_VALID_HERE)
    return digest(token)


def bearer_token(authorization: str) -> str | None:
    """The token of an Authorization header, if it has one."""
    scheme, _, bearer = authorization.partition(" ")
    return bearer.strip() or None if scheme.lower() == "bearer" else None


def element_token(authorization: str | None) -> str | None:
    """The element token of an Authorization header, if it has one."""
    token = bearer_token(authorization) if authorization is not None else None
    return token if token is not None and is_element_token(token) else None
