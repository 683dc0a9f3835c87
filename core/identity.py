"""Ids that we give out, and what is kept of secrets.

An id of ours says by its first letters what it is. Whether a text has the shape of one is decided here, so that a text
without it never reaches the database: it is simply unknown.
"""

import hashlib
import hmac
import re

from .errors import Key, Path, Problems

_SUB = re.compile(r"(?:acc|res|apc)_[0-9a-f]{24}", re.ASCII)
_CALENDAR_ID = re.compile(r"cal_[A-Za-z0-9_-]{1,60}", re.ASCII)
_SCHEDULING_ID = re.compile(r"sch_[0-9a-f]{24}", re.ASCII)
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)

OWN_ID_LENGTH = 64
"""Characters of an availability_rule_id or available_period_id: the documented limit of the service that we follow."""


def is_sub(text: str) -> bool:
    """Whether this could be an account's sub."""
    return _SUB.fullmatch(text) is not None


def is_calendar_id(text: str) -> bool:
    """Whether this could be a calendar's id."""
    return _CALENDAR_ID.fullmatch(text) is not None


def is_scheduling_id(text: str) -> bool:
    """Whether this could be a link's id."""
    return _SCHEDULING_ID.fullmatch(text) is not None


def is_client_id(text: str) -> bool:
    """Whether this could be a client's id: printable ASCII without spaces, for an operator may choose it."""
    return _CLIENT_ID.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """What is stored in place of a secret or a token.

    SHA-256 and no slow password hash: our secrets are 256 random bits, which nobody guesses, and they are looked up on
    every request.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matches(secret: str, stored: bytes) -> bool:
    """Whether this is the secret whose digest is stored, in a time that does not tell how much of it was right."""
    return hmac.compare_digest(digest(secret), stored)


def check_own_id(text: str, path: Path, problems: Problems) -> None:
    """Reports an id of the caller's making that is empty, too long, or not printable ASCII."""
    if not text:
        problems.add(path, Key.REQUIRED, "must not be empty")
    if len(text) > OWN_ID_LENGTH:
        problems.add(path, Key.TOO_LONG, f"must be at most {OWN_ID_LENGTH} characters")
    if not (text.isascii() and text.isprintable()):
        problems.add(path, Key.INVALID, "must be printable ASCII")
