"""What can be refused, and why.

    Refusal                    the request is answered with a reason, and nothing was changed
    ├── Unauthenticated        no token, or one that is expired
    │   └── WrongCredentials   a wrong token, client id or client secret
    ├── PaymentRequired        a known caller, whose plan leaves this out
    ├── Forbidden              a known caller, who is not allowed to do this
    ├── NotFound               no such thing, or not the caller's: the two look alike on purpose
    ├── RateLimited            too much of it in too short a time
    └── Unprocessable          the request is understood and cannot be done: every problem with its path

A class's docstring is its message when no better one is given. `code` is for programs, and the same at every doorway;
which HTTP status belongs to it is the doorway's business. Anything that is not a Refusal is a fault of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where in the request: field names as this package spells them, and indexes. `("participants", 0, "members", 1)`."""


class Key(StrEnum):
    """What is wrong with a value, for programs."""

    REQUIRED = "errors.required"
    INVALID = "errors.invalid"
    IN_PAST = "errors.in_past"
    TOO_LONG = "errors.too_long"
    TOO_SHORT = "errors.too_short"
    TOO_MANY = "errors.too_many"
    TOO_FEW = "errors.too_few"
    INCLUSION = "errors.inclusion"
    UNKNOWN = "errors.unknown"
    DUPLICATE = "errors.duplicate"
    CONFLICT = "errors.conflict"
    FORBIDDEN = "errors.forbidden"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request: where, what for programs, and what for people."""

    path: Path
    key: Key
    description: str


class Problems(list[Problem]):
    """Everything that is wrong with a request, collected before any of it is reported."""

    def add(self, path: Path, key: Key, description: str) -> None:
        self.append(Problem(path, key, description))

    def prefixed(self, *steps: str | int) -> "Problems":
        """The same, of what is a part of something larger, in which it is found by these steps."""
        return Problems(Problem((*steps, *each.path), each.key, each.description) for each in self)

    def raise_if_any(self) -> None:
        """Raises Unprocessable if there is a problem."""
        if self:
            raise Unprocessable(problems=self)


NO_DETAILS: Mapping[str, str | int] = {}


class Refusal(Exception):
    """The request was refused."""

    code: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        problems: Sequence[Problem] = (),
        details: Mapping[str, str | int] = NO_DETAILS,
    ) -> None:
        self.problems = tuple(problems)
        #: what else a program may want to know: the scope that is missing, the feature that is off
        self.details = details
        spelled = "; ".join(f"{spell(problem.path)}: {problem.description}" for problem in self.problems)
        super().__init__(message or spelled or type(self).__doc__)


class Unauthenticated(Refusal):
    """This needs a bearer token: send the header `Authorization: Bearer <token>`."""

    code = "UNAUTHENTICATED"


class WrongCredentials(Unauthenticated):
    """The bearer token, the client id or the client secret is wrong."""

    def __init__(self, message: str | None = None, *, client_id: str = "") -> None:
        super().__init__(message)
        #: whose credentials they were meant to be, where that was said
        self.client_id = client_id


class PaymentRequired(Refusal):
    """The plan of this application does not include that."""

    code = "PAYMENT_REQUIRED"


class Forbidden(Refusal):
    """This token may not do that."""

    code = "FORBIDDEN"


class NotFound(Refusal):
    """There is no such thing, or it is not yours."""

    code = "NOT_FOUND"


class RateLimited(Refusal):
    """There was too much of this in too short a time."""

    code = "RATE_LIMITED"


class Unprocessable(Refusal):
    """The request cannot be done as it stands."""

    code = "UNPROCESSABLE"

    @classmethod
    def of(cls, path: Path, key: Key, description: str) -> "Unprocessable":
        """The refusal of a request that has this one problem."""
        return cls(problems=[Problem(path, key, description)])


def spell(path: Path) -> str:
    """The path as text: `participants[0].members[1].sub`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
