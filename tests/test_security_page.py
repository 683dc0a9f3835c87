"""docs/security.md names each bound with its number, its setting and its test: all of them are compared with the code."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from core import calendar_feeds, calendar_sources, errors, limits, picture, recurring_events, series
from db import database, purge, readiness, source_fetches
from resolvers import explanation
from server.calendar_sources import download, fetches, reading
from server.graphql import complexity, connection_limits, documents, websocket
from server.http import credential_throttle, requests
from server.process import connections, http_protocol, websocket_protocol
from server.process import purge as purging
from server.settings import PREFIX, Settings

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
SETTINGS: dict[str, Any] = {PREFIX + setting.name.upper(): setting.default for setting in fields(Settings)}

UNITS = {"": 1, "s": 1, "days": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
DAY = 24 * 60 * 60


class Bound(NamedTuple):
    """A row of the tables."""

    what: str
    numbers: list[float]
    setting: str
    test: str


def numbers(text: str) -> list[float]:
    """The numbers of a cell, with their units."""
    found = re.findall(r"(\d[\d,]*\d|\d)(?: (s|days|KiB|MiB|GiB)\b)?", text)
    return [int(digits.replace(",", "")) * UNITS[unit] for digits, unit in found]


def bounds() -> list[Bound]:
    """All rows of the tables of bounds."""
    tables = re.findall(r"^\| what \| bound \| setting .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for table in tables for row in table.splitlines()]
    return [Bound(row[0], numbers(row[1]), row[2].strip("`"), row[4].strip("`")) for row in rows]


#: what the code has, for the bounds without a setting, by the beginning of their first column
CODE: dict[str, list[float]] = {
    "calendar sources of an account": [calendar_sources.MAX_SOURCES],
    "`syncCalendarSource` of": [calendar_sources.MAX_SYNCS],
    "file of a calendar source": [calendar_sources.MAX_BODY, download.PATIENCE, download.MAX_REDIRECTS],
    "events in it": [calendar_sources.MAX_ITEMS, calendar_sources.MAX_EVENTS, series.MAX_INSTANCES],
    "reading it": [reading.LEAST_SECONDS, reading.SECONDS_A_MEGABYTE],
    "a line of it": [calendar_sources.MAX_LINE, calendar_sources.MAX_DATES],
    "sources being fetched": [
        source_fetches.OF_CLIENT,
        source_fetches.OF_HOST,
        fetches.AT_ONCE,
        fetches.READ_AT_ONCE,
    ],
    "head of a request": [http_protocol.MAX_HEAD],
    "headers": [http_protocol.MAX_HEADERS],
    "time for a head": [http_protocol.HEAD_DEADLINE],
    "body without": [requests.MAX_ANONYMOUS],
    "bodies of a process": [requests.MAX_IN_FLIGHT[False], requests.MAX_IN_FLIGHT[True]],
    "what is read and dropped": [connections.MAX_DROPPED, connections.DROPPING],
    "recurrence lines": [limits.MAX_RECURRENCE_LINES, limits.MAX_RECURRENCE_DATES],
    "characters of all recurrence lines": [limits.MAX_REQUEST_RECURRENCE],
    "starts that are looked at": [recurring_events.MAX_COST],
    "instances of a series in": [series.MAX_INSTANCES, recurring_events.MAX_REQUEST_INSTANCES],
    "instances of a series that": [recurring_events.MAX_MOVED, recurring_events.MAX_CUTS],
    "requests of a connection": [http_protocol.MAX_PIPELINED],
    "connections of a process": [http_protocol.MAX_WAITING],
    "time to read": [connections.UNREAD, connections.MIN_READ],
    "responses of a process": [connections.MAX_UNREAD],
    "message of a WebSocket": [websocket.MAX_MESSAGE],
    "frames": [websocket_protocol.MAX_FRAMES],
    "control frames": [websocket_protocol.CONTROL_FRAMES, websocket_protocol._CONTROL_FRAMES_PER_SECOND],
    "time for `connection_init`": [websocket.INTRODUCTION, websocket.PROOF],
    "WebSockets of a process without": [connection_limits.MAX_UNPROVEN],
    "wrong credentials": [credential_throttle._FREE, credential_throttle.CredentialThrottle().max_waiting],
    "characters": [documents.MAX_SOURCE_LENGTH, documents.MAX_TOKENS, documents.MAX_COMMENTS],
    "operations and fragments": [complexity.MAX_DEFINITIONS],
    "depth": [complexity.MAX_DEPTH],
    "directives": [complexity.MAX_DIRECTIVES, complexity.MAX_DIRECTIVES_IN_ONE_PLACE],
    "selections": [complexity.MAX_SELECTIONS],
    "overlaps": [complexity.MAX_OVERLAPS],
    "errors of a document": [documents.MAX_ERRORS, documents.MAX_QUOTED],
    "problems": [errors.MAX_PROBLEMS],
    "operations on one": [websocket.MAX_OPERATIONS],
    "blocked spans of a member": [explanation.MAX_BLOCKED, explanation.MAX_EVENTS],
    "cells in a row": [picture.LEAST_WIDTH, picture.MOST_WIDTH],
    "length of an explanation's picture": [picture.LENGTH],
    "feeds of an account": [calendar_feeds.MAX_FEEDS],
    "events in a calendar feed": [calendar_feeds.MAX_FEED_EVENTS],
    "refresh tokens": [purge.KEEP_REFRESH_TOKENS],
    "callbacks that were given up": [purging.KEEP_CALLBACKS / DAY],
    "rows": [purge.STEP],
    "time of `/readyz`": [readiness._TIMEOUT + 0.5],
    "free space": [readiness._LEAST_FREE],
}

#: settings whose unit is not that of the page
SCALES = {"OPENINGS_MEMORY": 1024**2}


def test_the_page_has_a_table_for_each_who() -> None:
    """Otherwise the tests below would try nothing."""
    headings = ("Anybody's bytes", "Anybody's requests", "A tenant's requests", "A tenant's answers", "Over time")
    assert [heading for heading in headings if f"### {heading}\n" not in PAGE] == []
    assert len(bounds()) > 40
    assert [bound.what for bound in bounds() if not bound.test] == []


@pytest.mark.parametrize("bound", bounds(), ids=lambda bound: bound.what)
def test_a_bound_has_the_number_of_the_code(bound: Bound) -> None:
    """That of its setting's default, or of the constant."""
    if bound.what.startswith("memory and tasks"):  # the unit's, in docs/operations.md
        unit = (TESTS.parent / "docs" / "operations.md").read_text("utf-8")
        assert re.findall(r"^(?:MemoryMax|TasksMax)=(\d+)", unit, re.MULTILINE) == ["4", "512"]
        assert bound.numbers == [4 * 1024**3, 512]
    elif bound.setting:
        default = SETTINGS[bound.setting]
        assert bound.numbers == ([] if default == "" else [default * SCALES.get(bound.setting, 1)])
    else:
        beginning = max((each for each in CODE if bound.what.startswith(each)), key=len)
        assert bound.numbers == CODE[beginning]


def test_every_constant_is_on_the_page() -> None:
    described = [bound.what for bound in bounds()]
    assert [each for each in CODE if not any(what.startswith(each) for what in described)] == []


def test_every_setting_on_the_page_exists() -> None:
    assert [name for name in re.findall(rf"{PREFIX}[A-Z_]+", PAGE) if name not in {*SETTINGS, PREFIX}] == []


def test_every_test_on_the_page_exists() -> None:
    """By its file and its name."""
    named = re.findall(r"`((?:\w+/)+\w+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    assert [f"{file}::{name}" for file, name in named if not has_test(file, name)] == []


def has_test(file: str, name: str) -> bool:
    path = TESTS / file
    return (
        path.is_file() and re.search(rf"^ *(?:async )?def {name}\(", path.read_text("utf-8"), re.MULTILINE) is not None
    )


def test_the_pool_is_as_large_as_its_setting() -> None:
    assert SETTINGS["OPENINGS_POOL_SIZE"] == database.POOL_SIZE
