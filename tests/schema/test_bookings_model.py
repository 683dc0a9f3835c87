"""Bookings beside a model of them that tries every half hour: whatever is done in whatever order, both say the same.

Three requests at the same moment may be answered in any order, but they must be answered as one after the other.
"""

import pytest

from tests.support.bookings_model import BookingsMachine, run_model


@pytest.mark.parametrize(("backend", "share", "steps"), [("sqlite", 12, 20), ("postgresql", 25, 12)])
def test_bookings_do_what_a_model_of_them_does(database_url: str, share: int, steps: int) -> None:
    run_model(BookingsMachine, database_url, share, steps)
