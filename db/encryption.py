"""The installation's secret key: encrypts stored secrets, and signs booking-link and element tokens.

Secrets that are only compared are stored as digests. A client's secret is stored encrypted as well,
because callbacks are signed with it. The token of a booking link is computed from the link's id, so
that its address can be shown again without being stored. An element token contains a proof of its
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

_PREFIX = "sch_"
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
        id = bytes.fromhex(scheduling_id.removeprefix(_PREFIX))
        proof = hmac.digest(self._links, id, "sha256")[:_PROOF]
        return base64.urlsafe_b64encode(id + proof).decode()

    def read_link_token(self, token: str) -> str | None:
        """Returns the id of the link with this token, or None if we did not issue it."""
        try:
            id = base64.urlsafe_b64decode(token[:_SHOWN].encode("ascii"))
        except ValueError:
            return None
        scheduling_id = f"{_PREFIX}{id.hex()}"
        return scheduling_id if token.isascii() and hmac.compare_digest(token, self.link_token(scheduling_id)) else None

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


def _derived(key: str, purpose: str) -> bytes:
    return hmac.digest(key.encode(), f"openings {purpose}".encode(), sha256)
