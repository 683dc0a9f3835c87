"""Several workers of one server, and several servers, on one database; their metrics and logs."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.instants import DAY, format_instant
from server.app import clock
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api
from tests.support.builders import availability_input
from tests.support.graphql_queries import CALENDARS
from tests.support.server_process import create_accounts, running_server, running_servers
from tests.support.waiting import TIMEOUT

from .writers import EVENTS, UPSERT_EVENT, one_event

CLIENT = {"OPENINGS_CLIENT_ID": CLIENT_ID, "OPENINGS_CLIENT_SECRET": CLIENT_SECRET}


async def test_servers_started_at_once_on_an_empty_database_share_it(empty_url: str, tmp_path: Path) -> None:
    """Four of them: one migrates it, all start, and acknowledged writes through one are visible to the others."""
    async with running_servers(tmp_path / "said", empty_url, 4, **CLIENT) as servers:
        async with Api.open(empty_url, clock()) as api:
            assert len(await api.rows("SELECT version_num FROM alembic_version")) == 1
            assert await api.rows("SELECT client_id FROM clients") == [(CLIENT_ID,)]
            person = await api.application_calendar("person")
        for n, server in enumerate(servers * 2):
            await server.data(UPSERT_EVENT, person.token, input=one_event(person, str(n)))
            for other in servers:
                assert (await other.data(EVENTS, person.token))["events"]["nodes"] == [
                    {"eventId": "e", "summary": str(n)}
                ]


def counted(scrape: str, name: str) -> float:
    """The sum of a metric over all its labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", scrape, re.MULTILINE))


async def test_workers_act_as_one_server(database_url: str, tmp_path: Path) -> None:
    """A write through one is visible to all, and the metrics of any worker cover all of them."""
    async with Api.open(database_url, clock()) as api:
        person = await api.application_calendar("person")
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(numbers)}
    async with running_server(tmp_path / "said", database_url, "--workers", "3", **environment) as server:

        async def client(n: int) -> None:
            await server.data(UPSERT_EVENT, person.token, input=one_event(person, str(n), f"e{n}"))
            nodes = (await server.data(EVENTS, person.token))["events"]["nodes"]
            assert {"eventId": f"e{n}", "summary": str(n)} in nodes

        asked = 0
        async with asyncio.timeout(TIMEOUT):
            while len(list(numbers.glob("counter_*.db"))) < 2:  # each worker has its own once it has answered
                await asyncio.gather(*(client(n) for n in range(15)))
                asked += 30
        for _ in range(6):
            scrape = (await server.http.get("/metrics")).text
            assert counted(scrape, "openings_requests_total") == asked
            assert counted(scrape, "openings_request_seconds_count") == asked
            assert counted(scrape, "openings_connections_in_use") == 0


ASKED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availablePeriods { start participants { sub account { accountId calendars { id } } } } }
}
"""
ACCOUNT = "query ($sub: ID!) { account(sub: $sub) { accountId } }"
DELETE = "mutation ($sub: ID!) { deleteAccount(input: {sub: $sub}) { deleted } }"


async def test_an_erased_account_is_forgotten_by_every_worker(database_url: str, tmp_path: Path) -> None:
    """Whichever erases it: rights, facts, names and whole answers are in the caches of the others as well."""
    ada, ben = await create_accounts(database_url, 2)
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    given = availability_input(ada, ben, day=format_instant(clock() + 7 * DAY)[:10])
    requests: list[tuple[str, str, dict[str, Any]]] = [
        (ASKED, CLIENT_SECRET, {"input": given}),
        (ASKED.replace("account { accountId calendars { id } }", ""), ben.token, {"input": given}),
        (ACCOUNT, CLIENT_SECRET, {"sub": ada.sub}),
        (CALENDARS, ada.token, {}),
    ]
    flags = ("--workers", "2")
    async with running_server(tmp_path / "said", database_url, *flags, PROMETHEUS_MULTIPROC_DIR=str(numbers)) as server:

        async def ask() -> list[list[dict[str, Any]]]:
            """The answers to each request, which goes to some worker ten times."""
            return [
                await asyncio.gather(*(server.ask(query, token, **variables) for _ in range(10)))
                for query, token, variables in requests
            ]

        async with asyncio.timeout(TIMEOUT):
            while len(list(numbers.glob("counter_*.db"))) < 2:  # each worker has its own once it has answered
                await ask()
        for answers in await ask():
            assert [answer for answer in answers if "errors" in answer] == []
        await server.data(DELETE, CLIENT_SECRET, sub=ada.sub)
        found = [[answer["errors"][0]["extensions"] for answer in answers] for answers in await ask()]
    codes = [{extensions["code"] for extensions in each} for each in found]
    assert codes == [{"UNPROCESSABLE"}, {"UNPROCESSABLE"}, {"NOT_FOUND"}, {"UNAUTHENTICATED"}]
    for extensions in (*found[0], *found[1]):
        assert [*extensions["errors"]] == ["participants[0].members[0].sub"]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_every_request_has_an_id_and_every_log_line_is_json(database_url: str, tmp_path: Path) -> None:
    """A valid id is kept, an invalid one replaced; the request's line has its id, and no secrets."""
    good = ["0af7651916cd43dd8448eb211c80319c", "a.b:c_d-e", "x" * 128]
    bad = ["", "x" * 129, "two words", 'quo"te', "back\\slash", "{}", "é"]
    async with running_server(tmp_path / "said", database_url) as server:
        for given in good:
            response = await server.http.get("/healthz", headers={"X-Request-ID": given})
            assert response.headers["X-Request-ID"] == given
        made = []
        for given in bad:
            response = await server.http.get("/healthz", headers={b"X-Request-ID": given.encode("latin-1")})
            made.append(response.headers["X-Request-ID"])
        made.append((await server.http.get("/nowhere")).headers["X-Request-ID"])
        assert all(re.fullmatch("[0-9a-f]{16}", id) for id in made)
        assert len(set(made)) == len(made)
        answer = await server.http.post(
            "/graphql", json={"query": "query Mine { calendars { calendarId } }"}, headers={"X-Request-ID": "mine"}
        )
        assert answer.headers["X-Request-ID"] == "mine"
        server.process.terminate()
        await server.wait_for_exit()
    # From the first line, which has the address, to the last, after the shutdown.
    lines = [json.loads(line) for line in server.log_lines]
    assert all(isinstance(line, dict) for line in lines)
    access = {line["request_id"]: line for line in lines if line["logger"] == "openings.access"}
    assert access.keys() >= {*good, *made, "mine"}
    assert access["mine"]["status"] == answer.status_code
    assert "Mine" in access["mine"]["operation"]
    assert access[made[-1]]["path"] == "/nowhere"
    refused = [line for line in lines if line["request_id"] == "mine" and line["logger"] == "openings"]
    assert len(refused) == 1
