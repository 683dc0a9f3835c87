"""Answers under idempotency keys: a repeated request gets the answer of the first, even if it has problems by now."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from core.errors import Key, Refusal, Unprocessable
from core.request_identity import request_digest
from db import idempotency
from db.database import Session
from db.idempotency import Answer

from .context import Context

T = TypeVar("T", bound=Answer)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The idempotency key of a request, None for a request without one, and the digest of what it says."""

    key: str | None
    digest: bytes

    @classmethod
    def of(cls, key: str | None, *request: object) -> "RequestKey":
        return cls(key, request_digest(request[0] if len(request) == 1 else request) if key is not None else b"")

    async def answer(self, ctx: Context, session: Session, client_key: int, decide: Callable[[], Awaitable[T]]) -> T:
        """Returns the stored answer to this request, or decides and stores it, in the same transaction.

        Raises Unprocessable if the key was used for another request.
        """
        if self.key is None:
            return await decide()
        with _conflicts_reported():
            stored = await idempotency.claim(session, client_key, self.key, self.digest, ctx.now)
        if stored is not None:
            return cast("T", stored)
        answer = await decide()
        await idempotency.store(session, client_key, self.key, answer)
        return answer

    async def answer_first(self, ctx: Context, client_key: int, answer: T) -> T:
        """Stores an answer that was decided without a transaction, and returns it; or the one that is stored already.

        Raises Unprocessable if the key was used for another request.
        """
        if self.key is None:
            return answer
        while not await idempotency.store_first(ctx.db, client_key, self.key, self.digest, answer, ctx.now):
            if (stored := await self.stored(ctx, client_key)) is not None:  # else it was purged between the two
                return cast("T", stored)
        return answer

    async def stored(self, ctx: Context, client_key: int) -> Answer | None:
        """Returns the answer that is stored for the request by now, or None. At most one statement.

        Raises Unprocessable if the key was used for another request.
        """
        if self.key is None:
            return None
        with _conflicts_reported():
            statements = ctx.db.driver.for_client(client_key)
            return await idempotency.stored(statements, client_key, self.key, self.digest)

    async def stored_or(self, ctx: Context, client_key: int, refusal: Refusal) -> Any:
        """Returns the answer that is stored for the request, which is of its kind. Raises the refusal if there is none."""
        try:
            stored = await self.stored(ctx, client_key)
        except Unprocessable:  # the key was used for another request
            raise refusal from None
        if stored is None:
            raise refusal
        return stored

    def row(self, ctx: Context, client_key: int, answer: Answer) -> Sequence[Any] | None:
        """Returns the answer as it is stored, None without a key."""
        return idempotency.row(client_key, self.key, self.digest, answer, ctx.now) if self.key is not None else None


@contextmanager
def _conflicts_reported() -> Generator[None]:
    """Raises Unprocessable in place of IdempotencyConflict."""
    try:
        yield
    except idempotency.IdempotencyConflict:
        words = "was used with another request before"
        raise Unprocessable.of(("idempotency_key",), Key.CONFLICT, words) from None
