"""What a token may do. A scope is asked for by name, several with spaces between them; some names stand for several."""

from enum import StrEnum
from functools import lru_cache

from .errors import Key, Path, Problems


class Scope(StrEnum):
    """One thing that a token may be allowed."""

    LIST_CALENDARS = "list_calendars"
    READ_EVENTS = "read_events"
    CREATE_EVENT = "create_event"
    DELETE_EVENT = "delete_event"
    #: what an account grants so that its time can be asked about
    READ_FREE_BUSY = "read_free_busy"
    #: availability rules and stored available periods; ours, for the documentation names none
    MANAGED_AVAILABILITY = "managed_availability"


READ_WRITE = "read_write"
"""The scope that grants everything."""

_READING = {Scope.LIST_CALENDARS, Scope.READ_EVENTS, Scope.READ_FREE_BUSY}
_WRITING = {Scope.LIST_CALENDARS, Scope.CREATE_EVENT, Scope.DELETE_EVENT}
_FREE_BUSY = {Scope.LIST_CALENDARS, Scope.READ_FREE_BUSY}

#: from every name that can be asked for to what it grants
_GRANTS: dict[str, frozenset[Scope]] = {
    **{scope.value: frozenset({scope}) for scope in Scope},
    # Who may read what an event is may know that there is one.
    Scope.READ_EVENTS.value: frozenset({Scope.READ_EVENTS, Scope.READ_FREE_BUSY}),
    READ_WRITE: frozenset(Scope),
    "read_only": frozenset(_READING),
    "write_only": frozenset(_WRITING),
    "free_busy": frozenset(_FREE_BUSY),
    "free_busy_write": frozenset(_FREE_BUSY | _WRITING),
}


@lru_cache(1000)
def granted(text: str) -> frozenset[Scope]:
    """Everything that the names in the text grant."""
    return frozenset(scope for name in text.split() for scope in _GRANTS.get(name, ()))


def union_scopes(*texts: str) -> str:
    """All names of all texts, each once; nothing beside the one that grants everything."""
    names = sorted({name for text in texts for name in text.split()})
    return READ_WRITE if READ_WRITE in names else " ".join(names)


def check_scope(text: str, path: Path, problems: Problems) -> None:
    """Reports a scope without any name, and every name that there is none of."""
    if not text.split():
        problems.add(path, Key.REQUIRED, "must name at least one scope, such as read_write")
    for name in text.split():
        if name not in _GRANTS:
            problems.add(path, Key.INCLUSION, f"has {name[:64]!r}: choose from {', '.join(sorted(_GRANTS))}")
