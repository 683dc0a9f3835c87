"""Authentication: from the Authorization header to the caller."""

from core.access import NOBODY, Actor
from core.identity import digest


def caller(authorization: str | None) -> Actor | bytes:
    """The digest of the bearer token; without a valid one, an Actor without rights and with the reason.

    The digest is resolved later, with the first database statement: an operation that needs no token works without it,
    and one that needs a token reports what is wrong with it.
    """
    if authorization is None:
        return NOBODY
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        return Actor(rejection="The Authorization header must be: Bearer <token>.")
    return digest(bearer.strip())
