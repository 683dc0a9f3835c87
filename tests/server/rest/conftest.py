"""A client of the REST API, and an account."""

import pytest

from tests.support.api import Account, Api
from tests.support.rest import Rest


@pytest.fixture
def rest(api: Api) -> Rest:
    """A client of the REST API on the test's database."""
    return Rest(api)


@pytest.fixture
async def store(api: Api) -> Account:
    """An application calendar."""
    return await api.application_calendar("store-42")
