"""Events that do not block in one query: those of a meeting that is to be moved."""

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import Key, Path, Problems
from .limits import EXTERNAL_ID_LENGTH
from .texts import check_id

MAX_EXCLUDED_EVENTS = 50
"""Maximum number of excluded events in one query."""


@dataclass(frozen=True, slots=True)
class ExcludedEvent:
    """An event by the application's own id, on any calendar, or by its uid. One that is unknown excludes nothing."""

    event_id: str | None = None
    event_uid: str | None = None

    def check(self, path: Path, problems: Problems) -> None:
        """Reports an id that cannot exist, and anything but exactly one of the two."""
        given = [name for name in ("event_id", "event_uid") if getattr(self, name) is not None]
        if not given:
            problems.add((*path, "event_id"), Key.REQUIRED, "give either an event id or an event uid")
        for name in given:
            check_id(getattr(self, name), (*path, name), problems, longest=EXTERNAL_ID_LENGTH)
            if len(given) > 1:
                problems.add((*path, name), Key.CONFLICT, "give either an event id or an event uid")


def check_excluded(excluded: Sequence[ExcludedEvent], path: Path, problems: Problems) -> None:
    """Reports too many excluded events, and the problems of each."""
    if len(excluded) > MAX_EXCLUDED_EVENTS:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_EXCLUDED_EVENTS} events")
    for index, event in enumerate(excluded[:MAX_EXCLUDED_EVENTS]):
        event.check((*path, index), problems)
