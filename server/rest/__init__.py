"""The REST API of Cronofy's clients: its SDKs and UI Elements work here with another address.

`endpoints/` has the nouns; what they share stands here. What the clients send and accept decides the details: forms beside
JSON, bodies on GET, `True` for true, and statuses that every SDK knows.
"""

from .elements import ElementsCrossOrigin
from .endpoint import RestEndpoint

__all__ = ["PATHS", "ElementsCrossOrigin", "RestEndpoint"]

PATHS = ("/v1/", "/oauth/", "/enterprise_connect/")
"""What the paths of the API begin with."""
