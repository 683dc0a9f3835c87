"""How hard the laws are tried: a hundred examples each time, many thousands under HYPOTHESIS_PROFILE=deep.

`pytest tests/core --hypothesis-profile=deep` does the same. Examples stay random on purpose: every run on every machine is a new
search, and a failure prints the blob that brings it back.
"""

import os

from hypothesis import settings

settings.register_profile("quick", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
