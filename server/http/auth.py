"""Who is asking: from the Authorization header to whoever it stands for."""

from core.access import NOBODY, Actor
from core.identity import digest


def caller(authorization: str | None) -> Actor | bytes:
    """The digest of the bearer token; nobody, who knows why, when there is none.

    Whose token it is, the database says when it is asked for something: what needs no token works without that, and what
    needs one can say what is wrong with this one.
    """
    if authorization is None:
        return NOBODY
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        return Actor(rejection="The Authorization header must be: Bearer <token>.")
    return digest(bearer.strip())
