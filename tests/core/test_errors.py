"""What can be refused, and how it is said."""

import pytest

from core import errors
from core.errors import Key, Problem, Problems, Refusal, Unprocessable, spell

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
def test_a_path_is_spelled_as_a_client_would_write_it(path, text):
    """Fields with dots, indexes in brackets."""
    assert spell(path) == text


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_says_what_its_class_is_for(refusal):
    """The docstring is the message when there is nothing better to say."""
    assert str(refusal()) == refusal.__doc__
    assert str(refusal("Not on Sundays.")) == "Not on Sundays."
    assert refusal().problems == ()


def test_every_refusal_has_a_code_of_its_own():
    """Programs go by it: those that have been published stay, and no two refusals are the same to them."""
    codes = [refusal.code for refusal in REFUSALS]
    assert len(set(codes)) == len(codes)
    assert {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "UNPROCESSABLE"} <= set(codes)


def test_every_refusal_is_drawn():
    """In the tree at the head of the module, where one looks for it."""
    assert all(refusal.__name__ in (errors.__doc__ or "") for refusal in [Refusal, *REFUSALS])


def test_a_request_with_one_problem_is_refused_with_it():
    refused = Unprocessable.of(("event", "event_id"), Key.DUPLICATE, "is taken")
    assert refused.problems == (Problem(("event", "event_id"), Key.DUPLICATE, "is taken"),)


def test_problems_are_refused_together():
    """One answer with all of them, in the order in which they were found."""
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


def test_no_problem_is_no_refusal():
    """So a resolver can call it without asking first."""
    assert Problems().raise_if_any() is None


def test_a_refusal_does_not_change_with_the_list_it_came_from():
    """Whoever collects on must not rewrite what was reported."""
    problems = Problems()
    problems.add(("start",), Key.INVALID, "no")
    refusal = Unprocessable(problems=problems)
    problems.clear()
    assert len(refusal.problems) == 1
