"""Who may know whom: the arrows of the architecture, walked in the sources."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: from a package to what it may import beside the standard library and itself
MAY = {
    "core": set[str](),
    "db": {"core", "sqlmodel", "sqlalchemy", "alembic", "asyncpg", "cryptography", "orjson", "pydantic"},
    "resolvers": {"core", "db"},
    "schema": {"core", "resolvers", "strawberry", "graphql"},
    "server": {
        *("core", "db", "resolvers", "schema"),
        *("graphql", "httpcore2", "jinja2", "orjson", "platformdirs", "prometheus_client"),
        *("sqlalchemy", "starlette", "strawberry", "uvicorn"),
    },
}

#: what the pure heart must not reach for, although Python brings it along
NOT_IN_CORE = {"asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "threading", "time", "uuid"}


def imports(path: Path) -> set[str]:
    """The top-level modules that a file imports absolutely."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


def wrong_arrows() -> list[str]:
    """Every import that points where it must not."""
    wrong: list[str] = []
    for package, allowed in MAY.items():
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in sorted(imports(path) - sys.stdlib_module_names - allowed - {package}):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}, which {package} may not know")
    return wrong


def test_every_arrow_points_inwards() -> None:
    """server → schema → resolvers → db → core, each further right as well, none to the left."""
    assert wrong_arrows() == []


def test_a_package_names_itself_only_by_a_dot() -> None:
    """Relative inside, absolute across: an import tells at a glance whether it leaves the room."""
    assert [
        str(path.relative_to(ROOT))
        for package in MAY
        for path in sorted((ROOT / package).rglob("*.py"))
        if package in imports(path) and path.parent.name != "migrations"
    ] == []


def test_core_has_no_clock_no_chance_and_no_world() -> None:
    """Values in, values out: what it gives depends on nothing but what it is given."""
    assert [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "core").glob("*.py"))
        for name in sorted(imports(path) & NOT_IN_CORE)
    ] == []


def test_the_clock_is_read_in_one_place() -> None:
    """`now` comes in with the request, so that every test can say what time it is. A line of the log has the world's time."""
    reading = [
        str(path.relative_to(ROOT))
        for package in MAY
        for path in sorted((ROOT / package).rglob("*.py"))
        if "time.time()" in path.read_text("utf-8") or ".now(" in path.read_text("utf-8")
    ]
    assert reading == ["server/app.py", "server/http/access_log.py"]


#: modules of resolvers/ that are machinery of resolvers and no noun that a client sees, or whose types stand with another noun
NO_FILE_IN_SCHEMA = {
    *("booking_attempts", "cache", "cached_facts", "context", "facts"),
    "application_calendars",  # with accounts
    "availability_changed",  # an availability, again and again
    "tokens",  # with accounts
}


def test_each_noun_of_the_resolvers_has_its_file_in_the_schema() -> None:
    """Who looks for events opens `events.py`, in every package."""
    nouns = {path.stem for path in (ROOT / "resolvers").glob("*.py")} - {"__init__"}
    assert nouns - {path.stem for path in (ROOT / "schema").glob("*.py")} == NO_FILE_IN_SCHEMA


def imported_names(path: Path) -> set[str]:
    """The dotted name of everything that a file imports; of a relative import what follows the dots."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def test_no_module_of_the_tests_imports_a_test_module() -> None:
    """What several test modules share is in tests/support/, so that each of them can be changed or moved by itself."""
    modules = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts]
    test_modules = {path.stem for path in modules if path.stem.startswith("test_")}
    wrong = {
        f"{path.relative_to(ROOT)} imports from {imported}.py; move what it needs to tests/support/"
        for path in modules
        for name in imported_names(path)
        for imported in test_modules.intersection(name.split("."))
    }
    assert sorted(wrong) == []
