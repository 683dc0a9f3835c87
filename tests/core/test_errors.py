"""Refusals and problems: their codes, messages and paths."""

import pytest

from core import errors
from core.errors import MAX_PROBLEMS, Key, Problem, Problems, Refusal, TooManyProblems, Unprocessable, spell

REFUSALS = Refusal.__subclasses__()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("start",), "start"),
        (("participants", 0, "members", 1, "sub"), "participants[0].members[1].sub"),
        (("query_slots", 12, "start"), "query_slots[12].start"),
        ((3, "start"), "[3].start"),
        (("matrix", 1, 2), "matrix[1][2]"),
    ],
)
def test_a_path_is_spelled_as_a_client_writes_it(path, text):
    """Fields with dots, indexes in brackets."""
    assert spell(path) == text


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_default_message_of_a_refusal_is_its_docstring(refusal):
    """It is used when no other message is given."""
    assert str(refusal()) == refusal.__doc__
    assert str(refusal("Not on Sundays.")) == "Not on Sundays."
    assert refusal().problems == ()


def test_every_refusal_has_its_own_code():
    """Programs depend on it: published codes never change, and no two refusals share one."""
    codes = [refusal.code for refusal in REFUSALS]
    assert len(set(codes)) == len(codes)
    assert {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "UNPROCESSABLE"} <= set(codes)


def test_every_refusal_is_in_the_diagram():
    """The tree at the head of the module lists all of them."""
    assert all(refusal.__name__ in (errors.__doc__ or "") for refusal in [Refusal, *REFUSALS])


def test_one_problem_is_raised_as_a_refusal():
    refused = Unprocessable.of(("event", "event_id"), Key.DUPLICATE, "is taken")
    assert refused.problems == (Problem(("event", "event_id"), Key.DUPLICATE, "is taken"),)


def test_several_problems_are_raised_together():
    """One response with all of them, in the order in which they were found."""
    problems = Problems()
    problems.add(("start",), Key.IN_PAST, "must be in the future")
    problems.add(("members", 0), Key.UNKNOWN, "is not known")
    with pytest.raises(Unprocessable) as refused:
        problems.raise_if_any()
    assert refused.value.problems == (
        Problem(("start",), Key.IN_PAST, "must be in the future"),
        Problem(("members", 0), Key.UNKNOWN, "is not known"),
    )
    assert str(refused.value) == "start: must be in the future; members[0]: is not known"


def test_without_problems_nothing_is_raised():
    """A resolver can call it unconditionally."""
    assert Problems().raise_if_any() is None


def test_a_refusal_does_not_change_with_the_list_it_was_made_from():
    """Collecting more problems must not change what was reported."""
    problems = Problems()
    problems.add(("start",), Key.INVALID, "no")
    refusal = Unprocessable(problems=problems)
    problems.clear()
    assert len(refusal.problems) == 1


def test_problems_end_at_a_hundred() -> None:
    """Looking for more ends there, wherever it was; the refusal says that there are more."""
    problems = Problems()
    found = 0
    with problems.until_full():
        for found in range(1_000):
            problems.add(("list", found), Key.INVALID, "is wrong")
    assert found == MAX_PROBLEMS
    refusal = Unprocessable(problems=problems)
    assert (len(refusal.problems), refusal.more) == (MAX_PROBLEMS, True)
    assert str(refusal).endswith("; and more")
    with pytest.raises(TooManyProblems) as raised:
        problems.add((), Key.INVALID, "is wrong")
    assert len(raised.value.problems) == MAX_PROBLEMS
    exactly = Unprocessable(problems=problems[:MAX_PROBLEMS])
    assert not exactly.more
