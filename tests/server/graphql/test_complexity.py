"""What a document asks for, counted: linear in its length, whatever its fragments stand for."""

from pathlib import Path

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from schema import schema
from server.graphiql.examples import _FOLDER
from server.graphql.complexity import MANY, MAX_OVERLAPS, _amounts, too_complex
from server.graphql.documents import Documents


def amounts(source: str) -> dict[str, int]:
    """Everything that is counted of a document."""
    return dict(_amounts(parse(source)))


def refusal(source: str, **limits: int) -> dict[str, object]:
    """The extensions of the refusal of a document that must be too complex."""
    found = too_complex(parse(source), **limits)
    assert found is not None
    return dict(found.extensions or {})


def fields(count: int, of: str = "a{}: __typename") -> str:
    """So many fields."""
    return " ".join(of.format(n) for n in range(count))


def bomb(levels: int) -> str:
    """Fragments that each name the next one twice."""
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
def test_everything_is_counted_where_it_stands(source: str, expected: dict[str, int]) -> None:
    """A fragment as often as it is spread; what is at the top of a fragment at the top is at the top."""
    found = amounts(source)
    assert {name: found[name] for name in expected} == expected


def test_what_asks_about_the_schema_has_no_depth() -> None:
    """A tool's first question goes thirteen levels down. It is the field that counts, whatever else is called so."""
    found = amounts(get_introspection_query(directive_is_repeatable=True, input_value_deprecation=True))
    assert found["depth"] == 1
    assert found["selections"] > 100
    assert amounts("query __schema { a { b { c } } }")["depth"] == 3
    assert amounts("{ ...__type } fragment __type on Query { a { b { c } } }")["depth"] == 3


@pytest.mark.parametrize("levels", [1, 10, 90, 390])
def test_fragments_within_fragments_are_counted_without_being_spread(levels: int) -> None:
    """Two to the power of the levels: sums stop where it no longer matters."""
    counted = _amounts(parse("{ ...F0 }" + bomb(levels)))  # but not the overlaps, for which there are too many
    found = {name: next(counted)[1] for name in ("definitions", "depth", "root_fields", "aliases")}
    assert list(found.values()) == [levels + 2, 1, *[min(2**levels, MANY)] * 2]


def test_unused_fragments_are_counted_once_each_way_in() -> None:
    """Also where they only name one another; where an operation uses one, it is the operation's."""
    assert amounts("{ a } fragment F on Query { b ...G } fragment G on Query { c }")["selections"] == 4
    assert amounts("{ a } fragment F on Query { b ...G } fragment G on Query { c ...F }")["selections"] == 5
    assert amounts("{ ...F } fragment F on Query { b ...G } fragment G on Query { c }")["selections"] == 4


def test_an_unused_bomb_is_a_bomb_as_well() -> None:
    """Validation looks into every fragment, whether or not an operation names it."""
    assert refusal("{ a }" + bomb(20))["limit"] == "aliases"


@pytest.mark.parametrize(
    "source",
    [
        "{ ...F } fragment F on Query { a ...F }",
        "{ ...F } fragment F on Query { a { ...G } } fragment G on Query { b { ...F } }",
        "{ ...F ...G } fragment F on Query { ...G ...F } fragment G on Query { ...F ...G a }",
    ],
)
def test_a_fragment_within_itself_ends(source: str) -> None:
    """And is left to validation, which says what is wrong with it."""
    assert too_complex(parse(source)) is None
    assert any("itself" in error.message for error in Documents(schema._schema).get(source).errors)


# What is sent; the limit that it meets, how much it is, and how much it may be.
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
def test_too_much_is_refused_with_what_and_how_much(limit: str, source: str, found: int, most: int) -> None:
    """One error: which limit, how much it was, how much it may be."""
    [error] = Documents(schema._schema).get(source).errors
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX", "limit": limit, "found": found, "most": most}
    assert error.message == (
        f"The query is too complex: its {limit.replace('_', ' ')} come to {found}, and may come to {most}."
    )


def test_an_operator_may_allow_more_root_fields_and_with_them_aliases() -> None:
    """The same field twice needs an alias."""
    assert too_complex(parse(f"{{ {fields(60)} }}"), max_root_fields=60) is None
    assert refusal(f"{{ {fields(61)} }}", max_root_fields=60)["limit"] == "root_fields"


def test_fields_that_are_merged_level_by_level_are_seen_before_they_multiply() -> None:
    """Each of ten levels twice: half a thousand fields under one name, which validation compares each with each."""
    source = "a"
    for _ in range(9):
        source = f"a {{ {source} }} a {{ {source} }}"
    found = refusal(f"{{ {source} }}")
    assert found["limit"] == "overlaps"
    assert isinstance(found["found"], int)
    assert found["found"] > MAX_OVERLAPS


@pytest.mark.parametrize("path", sorted(_FOLDER.glob("*.graphql")), ids=lambda path: path.stem)
def test_the_examples_are_far_from_every_limit(path: Path) -> None:
    """A tenth of each, as what real clients send is."""
    found = amounts(path.read_text("utf-8"))
    assert found["depth"] <= 5
    assert max(found["root_fields"], found["aliases"], found["directives"]) <= 5
    assert max(found["selections"], found["overlaps"]) <= 200


@pytest.mark.parametrize("source", ["{ a: calendars", get_introspection_query(), "{ nothing }"])
def test_what_is_not_too_much_is_read_as_ever(source: str) -> None:
    """The measure has nothing to say about it."""
    errors = Documents(schema._schema).get(source).errors
    assert [error for error in errors if isinstance(error, GraphQLError) and error.extensions] == []
