"""The initial tabs of GraphiQL: each is executed on the demo data, in the order of the story, and then once more."""

import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationType, get_operation_ast, parse

from core.instants import DAY, HOUR, format_instant, parse_instant
from server import demo
from server.graphiql import Example
from server.graphiql.examples import _NEW_ID, _SECRET, examples
from tests.support.api import Api

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "server" / "graphiql" / "page.js").read_text("utf-8")
SUNDAY = parse_instant("2027-01-17T20:00:00Z")
TUESDAY = parse_instant("2027-01-19T09:00:00Z")


class Visitor:
    """Somebody who opens the address in the terminal and presses play in each tab, as page.js answers."""

    def __init__(self, api: Api, token: str) -> None:
        self.api, self.token, self.secret, self._count = api, token, token, 0

    async def play(self, example: Example) -> dict[str, Any]:
        """Executes an example with the placeholders filled in, and takes a token that its answer brings."""
        self._count += 1
        filled = json.loads(
            json.dumps(example.variables or {}).replace(_SECRET, self.secret).replace(_NEW_ID, f"run-{self._count}")
        )
        document = parse(example.query)
        operation = get_operation_ast(document)
        assert operation is not None
        query = example.query
        if operation.operation is OperationType.SUBSCRIPTION:  # its first answer is that of the query
            query = query.replace("subscription", "query").replace("availabilityChanged", "availability")
        data = await self.api.data(query, self.token, **filled)
        [field] = data.values()
        if operation.name is not None and operation.name.value == "Account":
            self.token = field["accessToken"]
        return field


@pytest.fixture
async def visitor(database_url: str) -> AsyncGenerator[Visitor]:
    """A visitor of a server with demo data, on a Sunday evening."""
    async with Api.open(database_url, SUNDAY, demo=True) as api:
        credentials = await demo.prepare(api.db, SUNDAY)
        yield Visitor(api, credentials.client_secret)


def named(example: Example) -> str:
    """The name of the operation of an example, and so of its tab."""
    found = re.search(r"^(?:query|mutation|subscription) (\w+)", example.query, re.MULTILINE)
    assert found is not None
    return found[1]


async def play_all(visitor: Visitor) -> dict[str, Any]:
    """The answer to each example, by the name of its tab."""
    tabs = examples(await demo.cast(visitor.api.db), SUNDAY)
    visitor.token = visitor.secret
    return {named(tab): await visitor.play(tab) for tab in tabs}


def hours(slots: list[dict[str, Any]]) -> list[str]:
    return [slot["start"][11:16] for slot in slots]


async def test_every_example_is_answered_in_the_order_of_the_story_and_again(visitor: Visitor) -> None:
    """The second time the slot is taken, and another link is made; nothing is refused."""
    first, again = await play_all(visitor), await play_all(visitor)
    assert hours(first["Availability"]["availableSlots"]) == ["12:00", "16:00"]
    assert first["BookSlot"]["start"] == format_instant(TUESDAY + 3 * HOUR)
    assert [each["account"]["name"] for each in first["BookSlot"]["participants"]] == ["Ada", "Ben", "Red room"]
    assert hours(first["AvailabilityChanged"]["availableSlots"]) == ["16:00"]
    assert "Planning the opening" in [event["summary"] for event in first["Week"]["events"]["nodes"]]
    assert first["SequencedAvailability"]["sequences"] != []
    assert first["Explanation"]["explanation"]["relaxations"] != []
    assert first["UpsertEvent"]["created"] is True
    assert again["UpsertEvent"]["created"] is False
    assert hours(again["Availability"]["availableSlots"]) == ["16:00"]
    assert hours(again["BookSlot"]["nextSlots"]) == ["16:00"]
    links = [answers["BookingLink"]["realTimeScheduling"]["url"] for answers in (first, again)]
    assert links[0] != links[1]


async def test_every_link_of_the_example_can_be_booked(visitor: Visitor) -> None:
    """Each has an event of its own, whoever else has booked."""
    [tab] = [tab for tab in examples(await demo.cast(visitor.api.db), SUNDAY) if named(tab) == "BookingLink"]
    for _ in range(2):
        url = (await visitor.play(tab))["realTimeScheduling"]["url"]
        path = url[url.index("/book/") :]
        noon = {"start": format_instant(TUESDAY + 3 * HOUR), "tz": "Etc/UTC"}
        booked = await visitor.api.http.post(path, data=noon)
        assert booked.status_code == 303, booked.text


def test_the_page_fills_in_what_the_examples_leave_open() -> None:
    """By the same words: page.js replaces exactly these, and no event's id that a user has typed."""
    assert f'value === "{_NEW_ID}"' in PAGE
    assert " " in _SECRET


@pytest.mark.parametrize("days", range(7))
def test_the_examples_are_about_the_next_tuesday(days: int) -> None:
    """Which is not today, and within the two weeks of the demo data."""
    day = demo.nine_on_tuesday(SUNDAY + days * DAY)
    assert day == (TUESDAY if days < 2 else TUESDAY + 7 * DAY)


def test_readme_is_about_the_same_tuesday() -> None:
    """Its first picture shows the demo's events of Ada, Ben and the rooms."""
    _, picture, *_ = re.split(r"^```(?:picture)?$", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    rows = dict(re.findall(r"^(\w+) +([#.]+)$", picture, re.MULTILINE))
    for name, account in {"ada": "ada", "ben": "ben", "red": "red-room", "blue": "blue-room"}.items():
        events = [draft.span() for draft in demo._events(account, SUNDAY)]
        drawn = "".join(
            "#" if any(start <= instant < end for start, end in events) else "."
            for instant in range(TUESDAY, TUESDAY + 8 * HOUR, HOUR // 2)
        )
        assert rows[name] == drawn, name
