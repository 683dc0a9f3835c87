"""Puts GraphiQL's files into the wheel, so that its page needs no internet where the wheel is installed.

They come from npm, which the server itself never needs. From a checkout without node_modules (`make install` with npm
makes it) the wheel is built without them: its page then loads them from the internet.
"""

import ast
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = "server/graphiql/bundled"


class GraphiQLFiles(BuildHookInterface[Any]):
    """Adds the files that server/graphiql/__init__.py names."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # it finds node_modules where it is
            return
        root = Path(self.root)
        licences = [f"{package}/LICENSE" for package in ("graphiql", "react", "react-dom")]
        files = {root / "node_modules" / path: f"{TARGET}/{path}" for path in (*installed_files(root), *licences)}
        if missing := [str(path.relative_to(root)) for path in files if not path.is_file()]:
            self.app.display_warning(
                f"{missing[0]} is missing, so this wheel has no GraphiQL: its page will load it from the internet. "
                "Run npm ci before building to include it."
            )
            return
        build_data["force_include"] |= {str(path): target for path, target in files.items()}


def installed_files(root: Path) -> list[str]:
    """The paths in node_modules that the page loads, read from its source, which cannot be imported here."""
    source = (root / "server" / "graphiql" / "__init__.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "_INSTALLED"
        ):
            return list(ast.literal_eval(node.value).values())
    raise LookupError("server/graphiql/__init__.py has no _INSTALLED")
