"""The wings of server/ and db/: their files, their imports of each other, and that no modules import in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "db", "resolvers", "schema", "server")

#: from each wing of server/ to the wings that it may import; "" is the top of server/
WINGS = {
    "observability": set[str](),
    "http": {"observability"},
    "outgoing": set[str](),
    "background": set[str](),
    "callbacks": {"background", "observability", "outgoing"},
    "calendar_sources": {"icalendar", "observability", "outgoing"},
    "graphql": {"http", "observability"},
    "icalendar": set[str](),
    "booking_page": {"http", "icalendar"},
    "feeds": {"http", "icalendar"},
    "rest": {"http", "observability"},
    "mcp": {"http", "observability"},
    "graphiql": {"http", ""},  # for the demo's accounts in its examples
    # for the settings and the clock; with what reads and writes calendar files
    "commands": {"calendar_sources", "feeds", "mcp", "process", ""},
    "process": {
        "background",
        "graphql",
        "http",
        "observability",
        "",
    },  # for the settings and the protocol's requirements
}

#: the only wings of server/ that may import GraphQL libraries
GRAPHQL_WINGS = {"graphql", "graphiql"}

MOST_FILES = 15


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imported(module: str) -> Iterator[str]:
    """Yields the absolute names of all imported modules, including those of libraries."""
    path = SOURCES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                yield name if name in SOURCES else origin


def wing_of(module: str) -> str:
    """The wing of a module of server/; "" for a module at the top."""
    is_folder = SOURCES[module].parent != ROOT / "server"
    return module.split(".")[1] if is_folder else ""


SERVER = [module for module in SOURCES if module.split(".")[0] == "server"]


def test_the_top_of_server_contains_only_the_composition() -> None:
    assert {path.name for path in (ROOT / "server").glob("*.py")} == {
        *("__init__.py", "app.py", "cli.py", "demo.py", "settings.py")
    }


@pytest.mark.parametrize("package", ["server", "db/drivers", "db/notifications"])
def test_no_wing_has_too_many_files(package: str) -> None:
    """A larger folder should be split."""
    counts = {
        str(folder.relative_to(ROOT)): sum(path.is_file() for path in folder.iterdir())
        for folder in [ROOT / package, *(ROOT / package).rglob("*")]
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_each_wing_has_a_docstring() -> None:
    folders = [path.parent for package in ("server", "db") for path in (ROOT / package).rglob("__init__.py")]
    assert [
        str(folder) for folder in folders if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    ] == []


def test_only_its_own_wings_import_graphql() -> None:
    """So that another doorway can be built on server/http/."""
    knowing = {
        wing_of(module)
        for module in SERVER
        for name in imported(module)
        if name.split(".")[0] in ("graphql", "strawberry")
    }
    assert knowing <= GRAPHQL_WINGS


def test_wings_of_server_import_in_one_direction() -> None:
    """The top may import every wing, and a doorway imports no other doorway."""
    arrows = {(wing_of(module), wing_of(name)) for module in SERVER for name in imported(module) if name in SERVER}
    wrong = {(wing, other) for wing, other in arrows if wing != other and wing and other not in WINGS[wing]}
    assert wrong == set()


def test_no_modules_import_in_a_circle() -> None:
    """Directly or indirectly; imports within functions count too."""
    graph = {module: {name for name in imported(module) if name in SOURCES and name != module} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))
