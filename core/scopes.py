"""Scopes: what a token may do. They are given as names separated by spaces; some names stand for several scopes."""

from enum import StrEnum
from functools import lru_cache

from .errors import Key, Path, Problems


class Scope(StrEnum):
    """A permission of a token."""

    LIST_CALENDARS = "list_calendars"
    READ_EVENTS = "read_events"
    CREATE_EVENT = "create_event"
    DELETE_EVENT = "delete_event"
    CREATE_CALENDAR = "create_calendar"
    #: granted by an account so that its time can be queried
    READ_FREE_BUSY = "read_free_busy"
    #: availability rules and stored available periods; ours, since the documentation names no scope
    MANAGED_AVAILABILITY = "managed_availability"


SCOPE_LENGTH = 1024
"""Characters of a scope: all names there are, several times."""

READ_WRITE = "read_write"
"""The name that grants everything."""

_READING = {Scope.LIST_CALENDARS, Scope.READ_EVENTS, Scope.READ_FREE_BUSY}
_WRITING = {Scope.LIST_CALENDARS, Scope.CREATE_EVENT, Scope.DELETE_EVENT}
_FREE_BUSY = {Scope.LIST_CALENDARS, Scope.READ_FREE_BUSY}

#: from every valid name to the scopes that it grants
_GRANTS: dict[str, frozenset[Scope]] = {
    **{scope.value: frozenset({scope}) for scope in Scope},
    # A token that may read events may also know when they are.
    Scope.READ_EVENTS.value: frozenset({Scope.READ_EVENTS, Scope.READ_FREE_BUSY}),
    READ_WRITE: frozenset(Scope),
    "read_only": frozenset(_READING),
    "write_only": frozenset(_WRITING),
    "free_busy": frozenset(_FREE_BUSY),
    "free_busy_write": frozenset(_FREE_BUSY | _WRITING),
}


@lru_cache(1000)
def granted(text: str) -> frozenset[Scope]:
    """Returns all scopes that the names in the text grant."""
    return frozenset(scope for name in text.split() for scope in _GRANTS.get(name, ()))


def union_scopes(*texts: str) -> str:
    """Returns all names of all texts, sorted, each once; only READ_WRITE if it is among them."""
    names = sorted({name for text in texts for name in text.split()})
    return READ_WRITE if READ_WRITE in names else " ".join(names)


def check_scope(text: str, path: Path, problems: Problems) -> None:
    """Reports an empty scope, one that is too long, and every unknown name."""
    if len(text) > SCOPE_LENGTH:
        problems.add(path, Key.TOO_LONG, f"must be at most {SCOPE_LENGTH} characters")
        return
    if not text.split():
        problems.add(path, Key.REQUIRED, "must name at least one scope, such as read_write")
    for name in text.split():
        if name not in _GRANTS:
            problems.add(
                path, Key.INCLUSION, f"has the unknown name {name[:64]!r}: choose from {', '.join(sorted(_GRANTS))}"
            )
