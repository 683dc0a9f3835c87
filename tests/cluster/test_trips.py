"""Trips between server and database: each takes as long as the line does, whatever else a request costs."""

import pytest

from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.builders import availability_input, create_busy_event, iso_time
from tests.support.graphql_queries import AVAILABILITY_PERIODS
from tests.support.postgresql_proxy import proxy, several_hosts

#: what requests may take, once connections are open and statements prepared
AGAIN, WARM, CALENDARS, UPSERT = 1, 1, 1, 2


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_requests_take_few_trips(database_url: str) -> None:
    """The same question, another about the same facts, a list, and an event."""
    async with proxy(database_url) as line, Api.open(several_hosts(database_url, line.port), NOW) as api:
        ada = await api.application_calendar("ada")
        ben = await api.application_calendar("ben")
        given = availability_input(ada, ben)
        longer = {**given, "requiredDuration": {"minutes": 90}}
        for number in range(2):  # first with connections to open and statements to prepare
            most = 100 * (1 - number)
            with line.counted(most + UPSERT):
                await create_busy_event(api, ada, iso_time(9), iso_time(10), f"e{number}")
            await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given)
            with line.counted(most + AGAIN):
                await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given)
            with line.counted(most + WARM):
                await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=longer)
            await api.data("{ calendars { calendarId } }", ada.token)
            with line.counted(most + CALENDARS):
                await api.data("{ calendars { calendarId } }", ada.token)
