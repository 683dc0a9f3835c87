"""What a schema takes away from clients that were written against an older one, and whether they were told."""

import re

from graphql import build_schema
from graphql.utilities import find_breaking_changes

_VERSION = re.compile(r"^## (?P<version>\d+\.\d+\.\d+)(?P<unreleased>, unreleased)?.*$", re.MULTILINE)


def unannounced(old: str, new: str, changelog: str) -> list[str]:
    """Every breaking change from one SDL to another which the changelog's newest version does not admit in these words."""
    changes = find_breaking_changes(build_schema(old), build_schema(new))
    told = admitted(changelog)
    return [change.description for change in changes if change.description.rstrip(".") not in told]


def admitted(changelog: str) -> str:
    """What stands under the heading `Breaking` of the newest version, on one line."""
    newest = _VERSION.split(changelog)[3]
    _, _, section = newest.partition("\n### Breaking\n")
    return " ".join(re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0].split())


def released(changelog: str) -> list[str]:
    """The versions that are out, the newest first."""
    return [found["version"] for found in _VERSION.finditer(changelog) if not found["unreleased"]]
