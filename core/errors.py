"""Refusals: the errors that a caller can cause.

    Refusal                    the request is refused with a reason, and nothing was changed
    ├── Unauthenticated        no token, or an expired one
    │   └── WrongCredentials   a wrong token, client id or client secret
    ├── PaymentRequired        a known caller whose plan does not include this
    ├── Forbidden              a known caller who is not allowed to do this
    ├── NotFound               it does not exist, or is not the caller's: indistinguishable on purpose
    ├── RateLimited            too many requests in too short a time
    ├── TimedOut               it waited too long for other requests
    └── Unprocessable          understood, but cannot be done: every problem with its path

A class's docstring is its default message. `code` is for programs, and the same at every doorway; each
doorway maps it to an HTTP status. Any exception that is not a Refusal is a fault of ours.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""A place in the request: field names in snake_case, and indexes. `("participants", 0, "members", 1)`."""


class Key(StrEnum):
    """What is wrong with a value, in a form for programs."""

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
    #: a field that would change the result, of a request that is valid elsewhere
    UNSUPPORTED = "errors.unsupported"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request: its place, a key for programs, a description for people."""

    path: Path
    key: Key
    description: str


MAX_PROBLEMS = 100
"""Problems of one request that are reported. Looking for more of them ends there, whatever the request's size."""


class Problems(list[Problem]):
    """All problems of a request, collected before any of them is reported."""

    def add(self, path: Path, key: Key, description: str) -> None:
        """Adds a problem. Raises TooManyProblems at the first one beyond MAX_PROBLEMS."""
        if len(self) <= MAX_PROBLEMS:
            self.append(Problem(path, key, description))
        if len(self) > MAX_PROBLEMS:  # the one too many stays, and says that there are more
            raise TooManyProblems(problems=self)

    @contextmanager
    def until_full(self) -> Generator[None]:
        """A block that ends early, without an error, when there would be more than MAX_PROBLEMS problems.

        For checks that come before the caller's rights are known: then those are refused first.
        """
        with suppress(TooManyProblems):
            yield

    def prefixed(self, *steps: str | int) -> "Problems":
        """Returns the same problems with these steps prepended to every path."""
        return Problems(Problem((*steps, *each.path), each.key, each.description) for each in self)

    def raise_if_any(self) -> None:
        """Raises Unprocessable if there are any problems."""
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
        #: whether there are more problems than these
        self.more = len(problems) > MAX_PROBLEMS
        self.problems = tuple(problems[:MAX_PROBLEMS])
        #: further values for programs, such as the missing scope or the disabled feature
        self.details = details
        spelled = "; ".join(f"{spell(problem.path)}: {problem.description}" for problem in self.problems)
        spelled += "; and more" if self.more else ""
        super().__init__(message or spelled or type(self).__doc__)


class Unauthenticated(Refusal):
    """This needs a bearer token: send the header `Authorization: Bearer <token>`."""

    code = "UNAUTHENTICATED"


class WrongCredentials(Unauthenticated):
    """The bearer token, the client id or the client secret is wrong."""

    def __init__(self, message: str | None = None, *, client_id: str = "") -> None:
        super().__init__(message)
        #: the client id that was given, if any
        self.client_id = client_id


class PaymentRequired(Refusal):
    """The plan of this application does not include this."""

    code = "PAYMENT_REQUIRED"


class Forbidden(Refusal):
    """This token does not permit this request."""

    code = "FORBIDDEN"


class NotFound(Refusal):
    """Not found, or not accessible to you."""

    code = "NOT_FOUND"


class RateLimited(Refusal):
    """Too many requests in too short a time."""

    code = "RATE_LIMITED"


class TimedOut(Refusal):
    """This waited too long for other requests and was not carried out. The same request can be sent again."""

    code = "TIMEOUT"

    def __init__(self, message: str | None = None, *, waited_for: str = "lock") -> None:
        super().__init__(message, details={"retry": True})
        #: what it waited for: `lock`, `connection`, or `another process`
        self.waited_for = waited_for


class Unprocessable(Refusal):
    """The request cannot be processed."""

    code = "UNPROCESSABLE"

    @classmethod
    def of(cls, path: Path, key: Key, description: str) -> "Unprocessable":
        """Returns the refusal of a request with this single problem."""
        return cls(problems=[Problem(path, key, description)])


class TooManyProblems(Unprocessable):
    """The request has more problems than are reported."""


def spell(path: Path) -> str:
    """Returns the path as text: `participants[0].members[1].sub`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
