"""The complexity of a document, counted in time linear in its length, however its fragments expand."""

from pathlib import Path

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from schema import schema
from server.graphiql.examples import _FOLDER
from server.graphql.complexity import MANY, MAX_OVERLAPS, _amounts, too_complex
from server.graphql.documents import Documents


def amounts(source: str) -> dict[str, int]:
    """All counts of a document."""
    return dict(_amounts(parse(source)))


def refusal(source: str, **limits: int) -> dict[str, object]:
    """The extensions of the error for a document that is too complex."""
    found = too_complex(parse(source), **limits)
    assert found is not None
    return dict(found.extensions or {})


def fields(count: int, of: str = "a{}: __typename") -> str:
    """That many fields."""
    return " ".join(of.format(n) for n in range(count))


def bomb(levels: int) -> str:
    """Fragments that each spread the next one twice."""
    each = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
    return f"{each} fragment F{levels} on Query {{ a: __typename @skip(if: false) }}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{ a }", {"depth": 1, "root_fields": 1, "selections": 1, "aliases": 0, "directives": 0, "overlaps": 0}),
        ("{ a { b { c } } d }", {"depth": 3, "root_fields": 2, "selections": 4}),
        ("{ x: a @skip(if: true) @include(if: true) { y: b } }", {"aliases": 2, "directives": 2}),
        ("query @a { b @c @d ... @e { f } }", {"directives": 4, "directives_in_one_place": 2}),
        ("{ ... { a ... on Query { b } } }", {"depth": 1, "root_fields": 2, "selections": 4}),
        ("{ ...F a { ...F } } fragment F on Query { x: b { c } d }", {"depth": 3, "root_fields": 3, "aliases": 2}),
        ("query A { a b } query B { c }", {"root_fields": 2, "selections": 3, "definitions": 2}),
        ("{ a a a }", {"overlaps": 3}),
        ("{ x: a y: a }", {"overlaps": 0}),
        ("{ a { b } a { b } a { b } }", {"overlaps": 6}),
        ("{ ...F ...F } fragment F on Query { a }", {"selections": 4, "overlaps": 0}),
        ("{ ...F ...G } fragment F on Query { a } fragment G on Query { a }", {"overlaps": 2}),
        ("{ ...Nobody }", {"selections": 1, "depth": 0}),
        ("fragment F on Query { a @b { c: d } }", {"depth": 0, "selections": 2, "aliases": 1, "directives": 1}),
    ],
)
def test_selections_are_counted_with_their_fragments_expanded(source: str, expected: dict[str, int]) -> None:
    """A fragment counts as often as it is spread; its top level is at the depth of the spread."""
    found = amounts(source)
    assert {name: found[name] for name in expected} == expected


def test_introspection_fields_have_no_depth() -> None:
    """Tools send one that is thirteen levels deep. Only the fields are exempt, not operations or fragments so named."""
    found = amounts(get_introspection_query(directive_is_repeatable=True, input_value_deprecation=True))
    assert found["depth"] == 1
    assert found["selections"] > 100
    assert amounts("query __schema { a { b { c } } }")["depth"] == 3
    assert amounts("{ ...__type } fragment __type on Query { a { b { c } } }")["depth"] == 3


@pytest.mark.parametrize("levels", [1, 10, 90, 390])
def test_nested_fragments_are_counted_without_expanding_them(levels: int) -> None:
    """They stand for two to the power of the levels; counts saturate at MANY."""
    counted = _amounts(parse("{ ...F0 }" + bomb(levels)))  # without the overlaps, which exceed their limit
    found = {name: next(counted)[1] for name in ("definitions", "depth", "root_fields", "aliases")}
    assert list(found.values()) == [levels + 2, 1, *[min(2**levels, MANY)] * 2]


def test_an_unused_fragment_is_counted_once() -> None:
    """Also if only other unused fragments spread it; one that an operation spreads counts as part of the operation."""
    assert amounts("{ a } fragment F on Query { b ...G } fragment G on Query { c }")["selections"] == 4
    assert amounts("{ a } fragment F on Query { b ...G } fragment G on Query { c ...F }")["selections"] == 5
    assert amounts("{ ...F } fragment F on Query { b ...G } fragment G on Query { c }")["selections"] == 4


def test_an_unused_fragment_bomb_is_refused_too() -> None:
    """Validation visits every fragment, whether or not an operation uses it."""
    assert refusal("{ a }" + bomb(20))["limit"] == "aliases"


@pytest.mark.parametrize(
    "source",
    [
        "{ ...F } fragment F on Query { a ...F }",
        "{ ...F } fragment F on Query { a { ...G } } fragment G on Query { b { ...F } }",
        "{ ...F ...G } fragment F on Query { ...G ...F } fragment G on Query { ...F ...G a }",
    ],
)
def test_counting_a_recursive_fragment_terminates(source: str) -> None:
    """Validation then reports the recursion."""
    assert too_complex(parse(source)) is None
    assert any("itself" in error.message for error in Documents(schema._schema).get(source).errors)


# The document, its count, and the limit.
TOO_MUCH = {
    "definitions": ("{ a }" + fields(100, " fragment F{} on Query {{ a }}"), 101, 100),
    "depth": ("{ a" * 16 + "}" * 16, 16, 15),
    "root_fields": (f"{{ {fields(51, 'a{}')} }}", 51, 50),
    "aliases": (f"{{ a {{ {fields(101)} }} }}", 101, 100),
    "directives": (f"{{ a {{ {fields(51, 'a{} @skip(if: true)')} }} }}", 51, 50),
    "directives_in_one_place": ("{ a" + " @b" * 6 + "}", 6, 5),
    "selections": (f"{{ a {{ {fields(2_000, 'a{}')} }} }}", 2_001, 2_000),
    "overlaps": ("{ a {" + " b" * 64 + "} }", 2_016, 2_000),
}


@pytest.mark.parametrize(("limit", "source", "found", "most"), [(limit, *case) for limit, case in TOO_MUCH.items()])
def test_a_document_beyond_a_limit_is_refused_with_its_count(limit: str, source: str, found: int, most: int) -> None:
    """With a single error."""
    [error] = Documents(schema._schema).get(source).errors
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX", "limit": limit, "found": found, "most": most}
    assert error.message == (
        f"The query is too complex: its {limit.replace('_', ' ')} come to {found}; at most {most} are allowed."
    )


def test_a_higher_limit_of_root_fields_allows_as_many_aliases() -> None:
    """Selecting the same field twice needs an alias."""
    assert too_complex(parse(f"{{ {fields(60)} }}"), max_root_fields=60) is None
    assert refusal(f"{{ {fields(61)} }}", max_root_fields=60)["limit"] == "root_fields"


def test_overlapping_fields_are_refused_before_they_are_merged() -> None:
    """Two per level on ten levels: about 500 fields under one name, which validation would compare pairwise."""
    source = "a"
    for _ in range(9):
        source = f"a {{ {source} }} a {{ {source} }}"
    found = refusal(f"{{ {source} }}")
    assert found["limit"] == "overlaps"
    assert isinstance(found["found"], int)
    assert found["found"] > MAX_OVERLAPS


@pytest.mark.parametrize("path", sorted(_FOLDER.glob("*.graphql")), ids=lambda path: path.stem)
def test_the_examples_are_far_from_every_limit(path: Path) -> None:
    """Half the depth and a tenth of all else, like the documents of real clients."""
    found = amounts(path.read_text("utf-8"))
    assert found["depth"] <= 7
    assert max(found["root_fields"], found["aliases"], found["directives"]) <= 5
    assert max(found["selections"], found["overlaps"]) <= 200


@pytest.mark.parametrize("source", ["{ a: calendars", get_introspection_query(), "{ nothing }"])
def test_a_document_within_the_limits_gets_no_complexity_error(source: str) -> None:
    """Its other errors are reported as usual."""
    errors = Documents(schema._schema).get(source).errors
    assert [error for error in errors if isinstance(error, GraphQLError) and error.extensions] == []
