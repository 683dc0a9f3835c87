"""Random sequences of fetches, good ones, partial ones and failed ones: none that is not good frees a minute."""

import pytest

from tests.support.sources_model import run_sources_model


@pytest.mark.parametrize(("backend", "share", "steps"), [("sqlite", 10, 15), ("postgresql", 33, 12)])
def test_no_failed_or_partial_fetch_frees_a_minute(database_url: str, share: int, steps: int) -> None:
    run_sources_model(database_url, share, steps)
