"""The invariants of bookings detect violations: hand-made histories, each with one mistake."""

import pytest

from .attempts import LENGTH, Attempt, Beside, Kept, Outcome, broken_laws

#: two of two members, and one of three
BOTH = Attempt("both", 0, [(2, ["ada", "ben"])])
ONE = Attempt("one", 0, [(1, ["ada", "ben", "cem"])], key="k")
BOOKED = Outcome(BOTH, 1, 2, ("ada", "ben"))
KEPT: Kept = {"both": {"ada": 0, "ben": 0}}
#: the same two for the next hour
NEXT = Outcome(Attempt("next", LENGTH, BOTH.groups), 1, 2, ("ada", "ben"))


@pytest.mark.parametrize(
    ("outcomes", "kept", "besides"),
    [
        ([], {}, []),
        ([BOOKED], KEPT, []),
        ([BOOKED, Outcome(ONE, 1, 2, ("cem",))], {**KEPT, "one": {"cem": 0}}, []),
        ([BOOKED, NEXT], {**KEPT, "next": {"ada": LENGTH, "ben": LENGTH}}, []),
        ([BOOKED, Outcome(Attempt("late", 1, [(1, ["ben"])]), 0, 3, ())], KEPT, []),
        ([Outcome(BOTH, 1)], {}, []),
        ([Outcome(BOTH, 1)], KEPT, []),
        ([Outcome(BOTH, 1, 2, ())], {}, [Beside("ben", -5, 5, 1.5, 1.6, 1.7, 1.8)]),
        ([BOOKED], KEPT, [Beside("ben", -5, 5, 0.5, 0.6, 1.5, 2.5)]),
    ],
    ids=["nothing", "booked", "beside", "after", "too late", "unknown, not stored", "unknown, stored", "excused", "just gone"],
)  # fmt: skip
def test_a_valid_history_has_no_violation(outcomes: list[Outcome], kept: Kept, besides: list[Beside]) -> None:
    assert broken_laws(outcomes, kept, besides) == []


@pytest.mark.parametrize(
    ("outcomes", "kept", "besides", "words"),
    [
        ([], KEPT, [], "was never requested"),
        ([BOOKED], {}, [], "is stored for []"),
        ([BOOKED], {"both": {"ada": 0}}, [], "is stored for ['ada']"),
        ([BOOKED], {"both": {"ada": 0, "ben": 60}}, [], "at another time"),
        ([Outcome(BOTH, 1, 2, ())], KEPT, [], "was acknowledged for []"),
        ([Outcome(BOTH, 1)], {"both": {"ada": 0}}, [], "does not satisfy its groups"),
        ([Outcome(ONE, 1, 2, ("ada", "ben"))], {"one": {"ada": 0, "ben": 0}}, [], "does not satisfy its groups"),
        ([Outcome(ONE, 1)], {}, [], "although it has a key"),
        ([Outcome(BOTH, 1, 2, error="INTERNAL")], {}, [], "failed with an error: INTERNAL"),
        ([BOOKED, Outcome(ONE, 1, 2, ("ben",))], {**KEPT, "one": {"ben": LENGTH - 1}}, [], "too often at once"),
        ([Outcome(BOTH, 1, 2, ())], {}, [], "refused without a conflict"),
        ([BOOKED, Outcome(ONE, 1, 2, ())], KEPT, [], "refused without a conflict"),
        ([BOOKED, Outcome(Attempt("early", 0, [(1, ["ada"])]), 0, 0.5, ())], KEPT, [], "refused without a conflict"),
        ([Outcome(BOTH, 1, 2, ())], {}, [Beside("ben", -5, 5, 0.1, 0.2, 0.3, 0.4)], "refused without a conflict"),
        ([BOOKED], KEPT, [Beside("ben", -5, 5, 0.5, 0.6)], "over an event of ben"),
    ],
)  # fmt: skip
def test_an_invalid_history_is_detected(outcomes: list[Outcome], kept: Kept, besides: list[Beside], words: str) -> None:
    assert any(words in problem for problem in broken_laws(outcomes, kept, besides))


THREE = [
    Outcome(Attempt(name, start, [(1, ["ada"])]), 1, 2, ("ada",)) for name, start in (("a", 0), ("b", 30), ("c", 60))
]
STORED: Kept = {outcome.attempt.event_id: {"ada": outcome.attempt.start} for outcome in THREE}


def test_as_many_bookings_overlap_as_the_capacity_allows() -> None:
    """And one that is refused beside so many has a conflict."""
    assert broken_laws(THREE, STORED, [], {"ada": 3}) == []
    assert any("too often at once" in problem for problem in broken_laws(THREE, STORED, [], {"ada": 2}))
    refused = Outcome(Attempt("d", 40, [(1, ["ada"])]), 1, 2, ())
    assert broken_laws([*THREE, refused], STORED, [], {"ada": 3}) == []
    assert any("without a conflict" in problem for problem in broken_laws([*THREE, refused], STORED, [], {"ada": 4}))


def test_bookings_that_do_not_overlap_each_other_do_not_fill_a_capacity() -> None:
    """Though each of them overlaps the one that was refused."""
    first, last = (
        Outcome(Attempt(name, start, [(1, ["ada"])]), 1, 2, ("ada",)) for name, start in (("a", 0), ("c", LENGTH))
    )
    stored: Kept = {"a": {"ada": 0}, "c": {"ada": LENGTH}}
    refused = Outcome(Attempt("d", LENGTH // 2, [(1, ["ada"])]), 1, 2, ())
    assert any(
        "without a conflict" in problem for problem in broken_laws([first, last, refused], stored, [], {"ada": 2})
    )
