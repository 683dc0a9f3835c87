"""Who is asking: from the Authorization header to an Actor."""

from core.access import NOBODY, Actor
from core.instants import Instant
from db import tokens
from db.database import Database
from db.failures import retried


@retried
async def actor(db: Database, authorization: str | None, now: Instant) -> Actor:
    """The account or the application whose bearer token this is.

    A token that does not count makes an Actor that is nobody and knows why: what needs no token still works, and what
    needs one can say what is wrong with this one.
    """
    if authorization is None:
        return NOBODY
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        return Actor(refused="The Authorization header must be: Bearer <token>.")
    async with db.read() as session:
        return await tokens.actor(session, bearer.strip(), now)
