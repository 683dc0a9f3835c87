"""The architecture's rules for imports and for the clock, checked in the sources."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: for each package, what it may import besides the standard library and itself
MAY = {
    "core": set[str](),
    "db": {"core", "sqlmodel", "sqlalchemy", "alembic", "asyncpg", "cryptography", "orjson", "pydantic"},
    "resolvers": {"core", "db"},
    "schema": {"core", "resolvers", "strawberry", "graphql"},
    "server": {
        *("core", "db", "resolvers", "schema"),
        *("graphql", "httpcore2", "icalendar", "idna", "jinja2", "mcp", "mcp_types", "orjson", "platformdirs"),
        *("prometheus_client", "pydantic"),
        *("sqlalchemy", "starlette", "strawberry", "uvicorn", "websockets"),
    },
}

#: modules of the standard library that core must not import
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
    """Every import that breaks the rules."""
    wrong: list[str] = []
    for package, allowed in MAY.items():
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in sorted(imports(path) - sys.stdlib_module_names - allowed - {package}):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}, which {package} may not know")
    return wrong


def test_imports_follow_the_order_of_packages() -> None:
    """server → schema → resolvers → db → core, also across several packages, never backwards."""
    assert wrong_arrows() == []


def test_a_package_imports_itself_relatively() -> None:
    """And other packages absolutely, so that every import shows whether it leaves the package."""
    assert [
        str(path.relative_to(ROOT))
        for package in MAY
        for path in sorted((ROOT / package).rglob("*.py"))
        if package in imports(path) and path.parent.name != "migrations"
    ] == []


def test_core_has_no_clock_no_randomness_and_no_io() -> None:
    """Its results depend only on its arguments."""
    assert [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "core").glob("*.py"))
        for name in sorted(imports(path) & NOT_IN_CORE)
    ] == []


def test_the_clock_is_read_in_two_files_only() -> None:
    """`now` is passed with each request, so that tests can set it; log lines have the real time."""
    reading = [
        str(path.relative_to(ROOT))
        for package in MAY
        for path in sorted((ROOT / package).rglob("*.py"))
        if "time.time()" in path.read_text("utf-8") or ".now(" in path.read_text("utf-8")
    ]
    assert reading == ["server/app.py", "server/http/access_log.py"]


#: modules of resolvers/ that are no noun of the API, or whose types are in another noun's file
NO_FILE_IN_SCHEMA = {
    *(
        "booking_attempts",
        "booking_cancellation",
        "booking_changes",
        "booking_locks",
        "booking_moves",
        "cache",
        "cached_facts",
        "context",
        "counted_bookings",
        "expected_busy",
        "facts",
        "idempotency",
        "known_calendars",
        "series_expansion",
    ),
    "application_calendars",  # with accounts
    "recurring_events",  # with events
    "availability_changed",  # with availability
    "tokens",  # with accounts
}


def test_each_noun_of_the_resolvers_has_its_file_in_the_schema() -> None:
    """Events are in `events.py` in every package."""
    nouns = {path.stem for path in (ROOT / "resolvers").glob("*.py")} - {"__init__"}
    assert nouns - {path.stem for path in (ROOT / "schema").glob("*.py")} == NO_FILE_IN_SCHEMA


def imported_names(path: Path) -> set[str]:
    """The dotted name of every import; for relative imports without the leading dots."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def test_no_module_of_the_tests_imports_a_test_module() -> None:
    """Shared code is in tests/support/, so that test modules can be changed and moved independently."""
    modules = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts]
    test_modules = {path.stem for path in modules if path.stem.startswith("test_")}
    wrong = {
        f"{path.relative_to(ROOT)} imports from {imported}.py; move what it needs to tests/support/"
        for path in modules
        for name in imported_names(path)
        for imported in test_modules.intersection(name.split("."))
    }
    assert sorted(wrong) == []


def test_resolvers_say_for_which_client_a_session_is() -> None:
    """Connections are shared by client: a session for nobody in particular would be out of its client's share."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} opens a session without its client's key"
        for path in sorted((ROOT / "resolvers").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read", "write")
        and ast.unparse(node.func.value).endswith(".db")
        and not node.args
    ]
    assert wrong == []
