"""Verifies a callback in the application, as docs/callbacks.md describes it."""

import base64
import hmac


def is_from_openings(body: bytes, header: str, client_secret: str) -> bool:
    """Whether the Cronofy-HMAC-SHA256 header was made with the client's secret."""
    proof = base64.b64encode(hmac.digest(client_secret.encode(), body, "sha256"))
    return any(hmac.compare_digest(proof, given.strip().encode()) for given in header.split(","))
