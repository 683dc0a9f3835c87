"""What only this installation knows: a key, by which secrets are sealed that have to be read again.

Whatever is only compared is kept as a digest. A client's secret is kept sealed beside its digest, because callbacks are
signed with it; and the token in a link is worked out from the link's id, so that the address can be told again without
being kept. Whoever has the database and not the key can do neither.
"""

import base64
import hmac
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

SHORTEST_KEY = 32
"""Characters that a key has at least."""

_PREFIX = "sch_"
#: characters of a token that are the id, and bytes of the proof behind it: 144 bits, which nobody guesses
_SHOWN, _PROOF = 16, 18


class WrongKeyError(ValueError):
    """It was sealed with another key."""


class Encryption:
    """What follows from the installation's key."""

    def __init__(self, key: str) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
        # A key for each purpose: nothing that one of them gives away helps with another.
        self._links = _derived(key, "links")
        self._secrets = Fernet(base64.urlsafe_b64encode(_derived(key, "secrets")))

    def seal(self, secret: str) -> bytes:
        """The secret, to be read with this key alone."""
        return self._secrets.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret that was sealed. Raises OtherKeyError."""
        try:
            return self._secrets.decrypt(sealed).decode()
        except InvalidToken:
            raise WrongKeyError from None

    def link_token(self, scheduling_id: str) -> str:
        """The token in the address of a link: its id, and the proof that we have given it out."""
        id = bytes.fromhex(scheduling_id.removeprefix(_PREFIX))
        proof = hmac.digest(self._links, id, "sha256")[:_PROOF]
        return base64.urlsafe_b64encode(id + proof).decode()

    def read_link_token(self, token: str) -> str | None:
        """The id of the link with this token; None for one that we never gave out."""
        try:
            id = base64.urlsafe_b64decode(token[:_SHOWN].encode("ascii"))
        except ValueError:
            return None
        named = f"{_PREFIX}{id.hex()}"
        return named if token.isascii() and hmac.compare_digest(token, self.link_token(named)) else None


def _derived(key: str, purpose: str) -> bytes:
    return hmac.digest(key.encode(), f"openings {purpose}".encode(), sha256)
