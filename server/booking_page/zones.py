"""The zones to choose from, by region."""

from collections.abc import Mapping, Sequence
from functools import cache

from core.zones import zones_of_places

from .wording import Formatter, city

_REST = "Other"
_UTC = "Etc/UTC"


def regions(chosen: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The zones of each region with what their clocks are called. Includes the chosen zone even if it is not listed."""
    listed = _regions()
    if any(chosen == tzid for zones in listed.values() for tzid, _ in zones):
        return listed
    return {**listed, _REST: [*listed[_REST], (chosen, Formatter(chosen).clock())]}


@cache
def _regions() -> Mapping[str, Sequence[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for tzid in zones_of_places():
        region, _, name = tzid.partition("/")
        found.setdefault(region, []).append((tzid, _name(name)))
    return {
        **{region: sorted(zones, key=_by_name) for region, zones in found.items()},
        _REST: [(_UTC, Formatter(_UTC).clock())],
    }


def _name(name: str) -> str:
    """Buenos Aires (Argentina) time for Argentina/Buenos_Aires"""
    within, _, last = name.rpartition("/")
    return f"{city(last)}{f' ({city(within)})' if within else ''} time"


def _by_name(zone: tuple[str, str]) -> str:
    return zone[1]
