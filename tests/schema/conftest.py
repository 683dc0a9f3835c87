"""Accounts for the tests of the schema."""

import pytest

from tests.support.api import Account, Api


@pytest.fixture
async def store(api: Api) -> Account:
    """An application calendar."""
    return await api.application_calendar("store-42")
