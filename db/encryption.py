"""The installation's secret key: encrypts stored secrets, and signs the tokens of links, feeds and elements.

Secrets that are only compared are stored as digests. A client's secret is stored encrypted as well,
because callbacks are signed with it. The tokens of booking links and calendar feeds are computed from
their ids, so that their addresses can be shown again without being stored. An element token contains a proof of its
origin, so that whether it fits the page that sends it is known without asking the database. Someone
with the database but not the key can neither read a secret nor compute a token.
"""

import base64
import hmac
import secrets
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

SHORTEST_KEY = 32
"""Minimum number of characters in a key."""

_LINK_PREFIX, _FEED_PREFIX = "sch_", "fee_"
#: characters of a token that encode the id; bytes of the proof after it: 144 bits, infeasible to guess
_SHOWN, _PROOF = 16, 18


class WrongKeyError(ValueError):
    """The secret was encrypted with another key."""


class Encryption:
    """Encryption, link tokens and the origins of element tokens, under the installation's key."""

    def __init__(self, key: str) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
        # A derived key for each purpose, so that a leak of one does not affect the other.
        self._links = _derived(key, "links")
        self._feeds = _derived(key, "feeds")
        self._elements = _derived(key, "elements")
        #: identifies the key without revealing it
        self.fingerprint = _derived(key, "fingerprint")
        self._secrets = Fernet(base64.urlsafe_b64encode(_derived(key, "secrets")))

    def seal(self, secret: str) -> bytes:
        """Encrypts a secret."""
        return self._secrets.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypts a secret. Raises WrongKeyError."""
        try:
            return self._secrets.decrypt(sealed).decode()
        except InvalidToken:
            raise WrongKeyError from None

    def link_token(self, scheduling_id: str) -> str:
        """Returns the token in the address of a link: its id, and an HMAC as proof that we issued it."""
        return _signed(self._links, scheduling_id.removeprefix(_LINK_PREFIX))

    def read_link_token(self, token: str) -> str | None:
        """Returns the id of the link with this token, or None if we did not issue it."""
        id = _read_signed(self._links, token)
        return f"{_LINK_PREFIX}{id}" if id is not None else None

    def feed_token(self, feed_id: str) -> str:
        """Returns the token in the address of a calendar feed, made as that of a link."""
        return _signed(self._feeds, feed_id.removeprefix(_FEED_PREFIX))

    def read_feed_token(self, token: str) -> str | None:
        """Returns the id of the feed with this token, or None if we did not issue it."""
        id = _read_signed(self._feeds, token)
        return f"{_FEED_PREFIX}{id}" if id is not None else None

    def element_token(self, origin: str) -> str:
        """Returns a new element token for pages of this origin."""
        secret = f"elt_{secrets.token_urlsafe(32)}"
        return f"{secret}.{self._origin_proof(secret, origin)}"

    def is_for_origin(self, element_token: str, origin: str) -> bool:
        """Whether we issued the element token, which has the right format, for pages of this origin."""
        secret, _, proof = element_token.rpartition(".")
        return hmac.compare_digest(proof.encode(), self._origin_proof(secret, origin).encode())

    def _origin_proof(self, secret: str, origin: str) -> str:
        proof = hmac.digest(self._elements, f"{secret} {origin}".encode(), "sha256")[:_PROOF]
        return base64.urlsafe_b64encode(proof).decode()


def _signed(key: bytes, id: str) -> str:
    """Returns an id, which is hexadecimal, with an HMAC."""
    shown = bytes.fromhex(id)
    return base64.urlsafe_b64encode(shown + hmac.digest(key, shown, "sha256")[:_PROOF]).decode()


def _read_signed(key: bytes, token: str) -> str | None:
    """Returns the id in a token, or None if its HMAC is not ours."""
    try:
        id = base64.urlsafe_b64decode(token[:_SHOWN].encode("ascii")).hex()
    except ValueError:
        return None
    return id if token.isascii() and hmac.compare_digest(token, _signed(key, id)) else None


def _derived(key: str, purpose: str) -> bytes:
    return hmac.digest(key.encode(), f"openings {purpose}".encode(), sha256)
