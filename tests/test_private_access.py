"""Every private name of a library that our sources use is listed here, and has a check in test_private_names.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "db", "resolvers", "schema", "server")

#: files, and the private names of libraries in them
KNOWN = {
    ("db/drivers/sqlite_writer.py", "_conn"),
    ("db/drivers/sqlite_writer.py", "_running"),
    ("db/drivers/sqlite_writer.py", "_tx"),
    ("schema/selection.py", "_raw_info"),
    ("server/app.py", "_schema"),
    ("server/graphql/compiled/arguments.py", "_field"),
    ("server/graphql/compiled/arguments.py", "_raw_info"),
    ("server/graphql/compiled/arguments.py", "_schema"),
    ("server/graphql/compiled/results.py", "_get_basic_result"),
    ("server/http/access_log.py", "__dict__"),
}
#: our own private names on an instance other than `self`, in the class's own module
OWN = {
    ("server/graphql/compiled/executor.py", "_only"),
}
#: the public methods of a NamedTuple
PUBLIC = {"_asdict", "_fields", "_make", "_replace"}
#: exposes the internals of an object without naming any of them
INSIDE = "__dict__"


def is_private(name: object) -> bool:
    """Whether a name begins with one underscore, or exposes the internals of an object in another way."""
    if not isinstance(name, str) or not name.isidentifier() or name in PUBLIC:
        return False
    return name == INSIDE or (name.startswith("_") and not name.startswith("__") and name != "_")


def named(node: ast.AST) -> Iterator[object]:
    """The attributes that a node uses of objects other than `self` and `cls`, also as strings; the names it imports."""
    match node:
        case ast.Attribute(ast.Name("self" | "cls"), name):
            # asyncio reads some attributes of our objects.
            if name.startswith("_asyncio"):
                yield name
        case ast.Attribute(_, name):
            yield name
        case ast.keyword(name):
            yield name
        case ast.ImportFrom(module, aliases, level):
            yield from (part for part in (module or "").split(".") if level == 0)
            yield from (alias.name for alias in aliases)
        case ast.Import(aliases):
            yield from (part for alias in aliases for part in alias.name.split("."))
        case ast.Call(ast.Name("getattr" | "hasattr" | "setattr" | "delattr" | "attrgetter"), [*given]) | ast.Compare(
            _, _, [*given]
        ):
            yield from (one.value for one in given if isinstance(one, ast.Constant))
        case _:
            pass


def private_names() -> set[tuple[str, str]]:
    """Every private name in our sources that may belong to a library, with its file."""
    return {
        (path.relative_to(ROOT).as_posix(), str(name))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in named(node)
        if is_private(name)
    }


def test_every_private_name_of_a_library_is_listed() -> None:
    unknown = private_names() - KNOWN - OWN
    assert not unknown, (
        f"Private names without a check: {sorted(unknown)}. Add each to KNOWN, with a check in test_private_names.py."
    )


def test_every_listed_private_name_is_in_use() -> None:
    gone = (KNOWN | OWN) - private_names()
    assert not gone, f"Names that are no longer used: {sorted(gone)}. Remove them from KNOWN or OWN, and their checks."


def test_every_file_with_private_names_has_a_check() -> None:
    files = ("test_private_names.py", "test_private_uvicorn.py")
    checks = "".join((ROOT / "tests" / file).read_text("utf-8") for file in files)
    assert [file for file, _ in KNOWN if f'"{file}"' not in checks] == []


@pytest.mark.parametrize(
    "source",
    [
        "other._name",
        "super()._name",
        "made()._name = 1",
        "made(_name=1)",
        "getattr(other, '_name')",
        "other.__name__ != '_name'",
        "from package import _name",
        "from package._name import other",
        "import package._name",
    ],
)
def test_a_private_name_is_found_in_every_notation(source: str) -> None:
    assert "_name" in {name for node in ast.walk(ast.parse(source)) for name in named(node) if is_private(name)}


@pytest.mark.parametrize("source", ["self._name", "cls._name", "_name", "made()._replace(a=1)", "_, other = made"])
def test_our_own_names_are_not_reported(source: str) -> None:
    assert not any(is_private(name) for node in ast.walk(ast.parse(source)) for name in named(node))
