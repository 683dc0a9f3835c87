"""Random sequences of bookings, compared with a brute-force model.

Three concurrent requests may be answered in any order, but must be answered as in some sequence.
"""

import pytest

from tests.support.bookings_model import BookingsMachine, run_model


@pytest.mark.parametrize(("backend", "share", "steps"), [("sqlite", 12, 20), ("postgresql", 25, 12)])
def test_bookings_behave_like_the_model(database_url: str, share: int, steps: int) -> None:
    run_model(BookingsMachine, database_url, share, steps)
