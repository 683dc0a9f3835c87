"""Reads the fields of an object: reports what is missing or has the wrong type, all at once.

Core values are built from what can be read. Then their own checks run as well, so that a caller sees every problem of a
request in one response.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar, cast

from core.durations import Duration
from core.errors import Key, Path, Problems
from core.instants import Instant, Unreadable, parse_date, read_event_time, read_instant
from core.zones import ZoneInfo, check_zone, known_zones, local_midnight

E = TypeVar("E", bound=StrEnum)

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_MAX_INTEGER = 2**31 - 1

MISSING = Unreadable("required")
"""Placeholder for a time that is missing, which has been reported."""


class _Report:
    """The problems found so far, and how many more list items may be read."""

    def __init__(self, items: int) -> None:
        self.problems = Problems()
        self.items = items


class Fields:
    """The fields of one object of a request. A null field is as an omitted one; unknown fields are ignored."""

    def __init__(self, values: Mapping[str, Any], items: int, path: Path = (), report: _Report | None = None) -> None:
        """`items` is the maximum number of list items in the whole request."""
        self.values = values
        self.path = path
        self._report = report if report is not None else _Report(items)

    @property
    def problems(self) -> Problems:
        """The problems of the whole request so far."""
        return self._report.problems

    def has(self, name: str) -> bool:
        """Whether the field is given."""
        return self.values.get(name) is not None

    def has_any(self, name: str) -> bool:
        """Whether the field is given, and not as an empty list, an empty object or false."""
        return bool(self.values.get(name))

    def report(self, name: str, key: Key, description: str) -> None:
        """Reports a problem of the field."""
        self._report.problems.add((*self.path, name), key, description)

    def raise_if_any(self, check: Callable[[], Problems] = Problems) -> None:
        """Raises Unprocessable if there are problems: those reported, and those of `check` at other places."""
        found = self._report.problems
        if not found:
            return
        reported = {problem.path for problem in found}
        # What has a part that cannot be read is not missing as well.
        above = {path[:length] for path in reported for length in range(len(path))}
        with found.until_full():
            for problem in check():
                is_below = any(problem.path[:length] in reported for length in range(len(problem.path) + 1))
                if not is_below and not (problem.key is Key.REQUIRED and problem.path in above):
                    found.add(problem.path, problem.key, problem.description)
        found.raise_if_any()

    # --- texts and numbers ----------------------------------------------------------------------------------------

    def text(self, name: str) -> str | None:
        """Returns a text, or None. Numbers are made texts, because ids are often sent as numbers."""
        value = self.values.get(name)
        return None if value is None else self._text(value, name)

    def required(self, name: str) -> str:
        """Returns a text. Reports one that is missing or empty."""
        return self._present(name, self.text(name)) or ""

    def zone(self, name: str) -> str | None:
        """Returns the name of a time zone, or None. Reports an unknown one."""
        tzid = self.text(name)
        if tzid:
            check_zone(tzid, (*self.path, name), self._report.problems)
        return tzid or None

    def required_zone(self, name: str) -> str:
        """Returns the name of a time zone. Reports a missing or unknown one."""
        return self._present(name, self.zone(name)) or ""

    def texts(self, name: str) -> list[str] | None:
        """Returns a list of texts, or None. A single text is a list of one."""
        value = self.values.get(name)
        if value is None:
            return None
        items = self._items([value] if isinstance(value, str) else value, name)
        return [self._text(item, name, index) or "" for index, item in enumerate(items)]

    def flag(self, name: str) -> bool:
        """Returns a boolean, false if omitted. `True`, as Python writes it in a query, is true."""
        value = self.values.get(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is not None and not isinstance(value, bool):
            self.report(name, Key.INVALID, "must be true or false")
        return value is True

    def number(self, name: str) -> int | None:
        """Returns a whole number, or None."""
        value = self.values.get(name)
        if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INTEGER:
            return value
        if value is not None:
            self.report(name, Key.INVALID, "must be a whole number")
        return None

    def choice(self, name: str, choices: type[E], default: E) -> E:
        """Returns one of the choices; the default if omitted."""
        return self.optional_choice(name, choices) or default

    def optional_choice(self, name: str, choices: type[E]) -> E | None:
        """Returns one of the choices, or None."""
        text = self.text(name)
        if not text:
            return None
        try:
            return choices(text)
        except ValueError:
            self.report(name, Key.INCLUSION, f"must be one of {', '.join(choices)}")
            return None

    def required_choice(self, name: str, choices: type[E]) -> E:
        """Returns one of the choices. Reports a missing one."""
        found = self.optional_choice(name, choices)
        self._present(name, found)
        return found if found is not None else next(iter(choices))

    def required_texts(self, name: str) -> list[str]:
        """Returns a list of texts. Reports a missing one."""
        return self._present(name, self.texts(name)) or []

    def required_choices(self, name: str, choices: type[E]) -> list[E]:
        """Returns a list of choices. Reports a missing one, and each item that is none of them."""
        found: list[E] = []
        for index, text in enumerate(self.required_texts(name)):
            if text in set(choices):
                found.append(choices(text))
            else:
                words = f"must be one of {', '.join(choices)}"
                self.problems.add((*self.path, name, index), Key.INCLUSION, words)
        return found

    # --- objects --------------------------------------------------------------------------------------------------

    def object(self, name: str) -> "Fields | None":
        """Returns an object, or None."""
        value = self.values.get(name)
        return None if value is None else self.inner(value, name)

    def required_object(self, name: str) -> "Fields":
        """Returns an object. Reports a missing one."""
        found = self._present(name, self.object(name))
        return Fields({}, self._report.items, (*self.path, name)) if found is None else found

    def objects(self, name: str) -> "list[Fields] | None":
        """Returns a list of objects, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        return [self.inner(item, name, index) for index, item in enumerate(self._items(value, name))]

    def required_objects(self, name: str) -> "list[Fields]":
        """Returns a list of objects. Reports a missing one; an object in place of the list is a list of it."""
        value = self._present(name, self.values.get(name))
        if isinstance(value, dict):
            return [self.inner(value, name, 0)]
        return self.objects(name) or []

    def raw_items(self, name: str) -> list[Any]:
        """Returns the items of a list, of any type. Reports a missing one."""
        value = self._present(name, self.values.get(name))
        return [] if value is None else self._items(value, name)

    def inner(self, value: Any, *at: str | int) -> "Fields":
        """Returns the fields of an object within this one."""
        path = (*self.path, *at)
        if isinstance(value, dict):
            return Fields(value, 0, path, self._report)  # pyright: ignore[reportUnknownArgumentType]: JSON
        self._report.problems.add(path, Key.INVALID, "must be an object")
        return Fields({}, self._report.items, path)  # whose own problems are never reported

    # --- times ----------------------------------------------------------------------------------------------------

    def instant(self, name: str) -> Instant | Unreadable | None:
        """Returns an instant, or None. It is a text, or an object with `time` and `tzid`."""
        text = self._time(name)[0]
        return None if text is None else text if isinstance(text, Unreadable) else read_instant(text)

    def required_instant(self, name: str) -> Instant | Unreadable:
        """Returns an instant. Reports a missing one."""
        found = self._present(name, self.instant(name))
        return MISSING if found is None else found

    def required_time_text(self, name: str) -> str | Unreadable | None:
        """Returns a time as it was sent. Reports a missing one."""
        return self._present(name, self._time(name)[0])

    def event_time(self, name: str) -> tuple[Instant | date | Unreadable, str | None]:
        """Returns an instant or a date, and the zone given with it. Reports a missing one."""
        text, tzid = self._time(name)
        text = self._present(name, text)
        if text is None or isinstance(text, Unreadable):
            return MISSING, tzid
        return read_event_time(text), tzid

    def bound(self, name: str, tzid: str) -> Instant | Unreadable | None:
        """Returns the bound of a list, or None: an instant, or a date, which is its midnight in the zone."""
        text = self._time(name)[0]
        if not isinstance(text, str) or not _DATE.fullmatch(text):
            return self.instant(name)
        try:
            return local_midnight(parse_date(text), ZoneInfo(tzid if tzid in known_zones() else "Etc/UTC"))
        except ValueError as error:
            return Unreadable(str(error))

    def duration(self, name: str) -> Duration | None:
        """Returns a duration; None if it is omitted or empty. That of `{minimum, maximum}` is the minimum."""
        found = self.object(name)
        return found.as_duration() if found is not None else None

    def as_duration(self) -> Duration | None:
        """Returns the duration that this object is, as `duration` reads it."""
        if self.has("minimum"):
            return self.duration("minimum")
        return Duration(self.number("hours"), self.number("minutes")) if self.values else None

    # --- parts ----------------------------------------------------------------------------------------------------

    def _present(self, name: str, value: Any) -> Any:
        if value in (None, "") and self.values.get(name) in (None, ""):
            self.report(name, Key.REQUIRED, "required")
        return value

    def _text(self, value: Any, *at: str | int) -> str | None:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self._report.problems.add((*self.path, *at), Key.INVALID, "must be a string")
        return None

    def _items(self, value: Any, name: str) -> list[Any]:
        items = cast("list[Any]", value)
        if not isinstance(value, list):
            self.report(name, Key.INVALID, "must be a list")
            return []
        if len(items) > self._report.items:
            self.report(name, Key.TOO_MANY, "has more items than a request may have")
            self._report.problems.raise_if_any()
        self._report.items -= len(items)
        return items

    def _time(self, name: str) -> tuple[str | Unreadable | None, str | None]:
        """Returns the text of a time, and the zone given with it."""
        value = self.values.get(name)
        if isinstance(value, dict):
            within = self.inner(value, name)
            return within.required_time_text("time"), within.text("tzid")
        if value is None or value == "":
            return None, None
        if not isinstance(value, str):
            self.report(name, Key.INVALID, "must be a time such as 2027-01-19T09:00:00Z")
            return MISSING, None
        # Python's client writes some times with a zone instead of Z.
        return (f"{value[:-3].rstrip()}Z" if value.endswith("UTC") else value), None
