"""Formats of the ids that the server generates, and digests of secrets.

The first letters of an id say what it identifies. Formats are checked here, so that text of another format
never reaches the database: it is simply unknown.
"""

import hashlib
import hmac
import re

from .errors import Key, Path, Problems

_SUB = re.compile(r"(?:acc|res|apc)_[0-9a-f]{24}", re.ASCII)
_CALENDAR_ID = re.compile(r"cal_[A-Za-z0-9_-]{1,60}", re.ASCII)
_EVENT_UID = re.compile(r"evt_[0-9a-f]{24}", re.ASCII)
_BOOKING_ID = re.compile(r"bkg_[0-9a-f]{24}", re.ASCII)
_SCHEDULING_ID = re.compile(r"sch_[0-9a-f]{24}", re.ASCII)
_FEED_ID = re.compile(r"fee_[0-9a-f]{24}", re.ASCII)
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)

OWN_ID_LENGTH = 64
"""Maximum length of an availability_rule_id or available_period_id, as documented by the service that we follow."""


def is_sub(text: str) -> bool:
    """Whether the text has the format of an account's sub."""
    return _SUB.fullmatch(text) is not None


def is_calendar_id(text: str) -> bool:
    """Whether the text has the format of a calendar's id."""
    return _CALENDAR_ID.fullmatch(text) is not None


def is_event_uid(text: str) -> bool:
    """Whether the text has the format of an event's uid."""
    return _EVENT_UID.fullmatch(text) is not None


def is_booking_id(text: str) -> bool:
    """Whether the text has the format of a booking's id."""
    return _BOOKING_ID.fullmatch(text) is not None


def is_scheduling_id(text: str) -> bool:
    """Whether the text has the format of a link's id."""
    return _SCHEDULING_ID.fullmatch(text) is not None


def is_feed_id(text: str) -> bool:
    """Whether the text has the format of a calendar feed's id."""
    return _FEED_ID.fullmatch(text) is not None


def is_client_id(text: str) -> bool:
    """Whether the text has the format of a client's id. Operators may choose any printable ASCII without spaces."""
    return _CLIENT_ID.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """Returns the digest that is stored in place of a secret or a token.

    SHA-256 instead of a slow password hash: our secrets are 256 random bits, which cannot be guessed, and
    they are looked up on every request.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matches(secret: str, stored: bytes) -> bool:
    """Whether the secret has the stored digest, compared in constant time."""
    return hmac.compare_digest(digest(secret), stored)


def check_own_id(text: str, path: Path, problems: Problems) -> None:
    """Reports an id chosen by the caller that is empty, too long, or not printable ASCII."""
    if not text:
        problems.add(path, Key.REQUIRED, "must not be empty")
    if len(text) > OWN_ID_LENGTH:
        problems.add(path, Key.TOO_LONG, f"must be at most {OWN_ID_LENGTH} characters")
    read = text[:OWN_ID_LENGTH]
    if not (read.isascii() and read.isprintable()):
        problems.add(path, Key.INVALID, "must be printable ASCII")
