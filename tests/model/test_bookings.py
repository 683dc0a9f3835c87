"""The protocol of bookings holds its invariants in every order of steps; with any of fourteen mistakes it does not.

`OPENINGS_WHOLE_MODEL=1` tries larger models as well: more faults, a longer time, three clients. That takes some
minutes and 6 GB.
"""

import os
import re
from pathlib import Path

import pytest

from .spin import Model

SOURCE = Path(__file__).with_name("bookings.pml")
WHOLE = os.environ.get("OPENINGS_WHOLE_MODEL") == "1"

#: two clients who ask for everything, one fault, and time for a hold to end by one of two clocks
USUAL = {"clients": 2, "capacity": 1, "whole": 1, "faults": 1, "last": 1}
#: what is different in the larger models, in which three clients neither move nor cancel
LARGER = [
    {"faults": 2, "last": 3},
    {"clients": 3, "whole": 0, "faults": 0},
    {"clients": 3, "whole": 0, "capacity": 2, "faults": 0},
]

#: the invariant that each mistake violates
MISTAKES = {
    "UNCONDITIONAL_WRITE": "AT_MOST_CAPACITY",
    "NO_LOCK": "AT_MOST_CAPACITY",
    "LOCK_ORDER": "invalid end state",
    "STALE_CLOCK": "AT_MOST_CAPACITY",
    "HOLD_FORGOTTEN": "AT_MOST_CAPACITY",
    "SWEEP_ALONE": "A_LAPSED_HOLD_BLOCKS_NOBODY",
    "UNLOCKED_SWEEP": "NOTHING_ACKNOWLEDGED_IS_LOST",
    "EVENTS_OUTSIDE": "ALL_OR_NOTHING",
    "MOVED_IN_TWO": "ALL_OR_NOTHING",
    "ANSWERED_EARLY": "NOTHING_ACKNOWLEDGED_IS_LOST",
    "KEY_OUTSIDE": "NOTHING_ACKNOWLEDGED_IS_LOST",
    "OWN_FORGOTTEN": "NOTHING_ACKNOWLEDGED_IS_LOST",
    "OUTBOX_OUTSIDE": "EVERY_CHANGE_IS_TOLD",
    "DELETED_BEFORE_SENT": "EVERY_CHANGE_IS_TOLD",
}


def numbers() -> dict[str, int]:
    """The number of each mistake, as the model has it."""
    _, _, after = SOURCE.with_name("state.pml").read_text("utf-8").partition("/* Mistakes")
    listed, _, _ = after.partition("\n\n")
    return {name: int(number) for name, number in re.findall(r"#define (\w+) +(\d+)", listed)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(SOURCE, tmp_path_factory.mktemp("bookings"), optimized=WHOLE)


@pytest.mark.parametrize("larger", [{}, *LARGER] if WHOLE else [{}], ids=str)
def test_no_order_of_steps_violates_an_invariant(model: Model, larger: dict[str, int]) -> None:
    assert model.violation(mistake=0, **{**USUAL, **larger}) == ""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_violates_an_invariant(model: Model, mistake: str) -> None:
    violation, *steps = model.violation(mistake=numbers()[mistake], **USUAL).splitlines()
    assert violation in (f"assertion violated {MISTAKES[mistake]}", MISTAKES[mistake])
    assert steps[0].startswith("client")  # so that it can be read how it comes about


@pytest.mark.parametrize("mistake", ["UNCONDITIONAL_WRITE", "NO_LOCK", "STALE_CLOCK", "HOLD_FORGOTTEN"])
def test_with_two_places_a_third_booking_is_found(model: Model, mistake: str) -> None:
    run = {**USUAL, "clients": 3, "capacity": 2, "whole": 0, "faults": 0}
    assert "AT_MOST_CAPACITY" in model.violation(mistake=numbers()[mistake], **run)


def test_every_mistake_of_the_model_is_made() -> None:
    assert numbers().keys() == MISTAKES.keys()
