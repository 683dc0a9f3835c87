"""Breaking changes of a schema, and whether the changelog announces them."""

import re

from graphql import build_schema
from graphql.utilities import find_breaking_changes

_VERSION = re.compile(r"^## (?P<version>\d+\.\d+\.\d+)(?P<unreleased>, unreleased)?.*$", re.MULTILINE)


def unannounced(old: str, new: str, changelog: str) -> list[str]:
    """The breaking changes from one SDL to another that the newest version of the changelog does not list."""
    changes = find_breaking_changes(build_schema(old), build_schema(new))
    told = admitted(changelog)
    return [change.description for change in changes if change.description.rstrip(".") not in told]


def admitted(changelog: str) -> str:
    """The text under the heading `Breaking` of the newest version, on one line."""
    newest = _VERSION.split(changelog)[3]
    _, _, section = newest.partition("\n### Breaking\n")
    return " ".join(re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0].split())


def released(changelog: str) -> list[str]:
    """The released versions, the newest first."""
    return [found["version"] for found in _VERSION.finditer(changelog) if not found["unreleased"]]
