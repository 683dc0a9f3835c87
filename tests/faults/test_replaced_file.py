"""The SQLite file is deleted or replaced under a running server, as by a careless restore."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Account, Api
from tests.support.server_process import create_accounts, running_server
from tests.support.waiting import until

from .writers import UPSERT_EVENT, one_event

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


COUNTS = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM events WHERE summary = 'lost')"


def code(answer: dict[str, Any]) -> tuple[str, bool]:
    """The error code of an answer, and whether it says that the request may be repeated."""
    extensions = answer["errors"][0]["extensions"]
    return extensions["code"], extensions["retry"]


@pytest.mark.parametrize("replaced", [False, True])
async def test_no_write_is_acknowledged(api: Api, people: list[Account], database_url: str, replaced: bool) -> None:
    """Neither one in a single trip nor one in a session, and neither has an effect: the old file may be put back."""
    file = Path(database_url.removeprefix("sqlite:///"))
    ada = people[0]
    await api.data(UPSERT_EVENT, ada.token, input=one_event(ada, "before"))
    counts = await api.rows(COUNTS)
    file.rename(old := file.with_name("old.db"))
    if replaced:
        shutil.copy(old, file)
    assert code(await api(UPSERT_EVENT, ada.token, input=one_event(ada, "lost"))) == ("INTERNAL", True)
    with pytest.raises(AssertionError, match="'retry': True"):
        await api.application_calendar("new")
    old.rename(file)
    assert await api.rows(COUNTS) == counts
    await api.data(UPSERT_EVENT, ada.token, input=one_event(ada, "after"))
    await api.application_calendar("new")


@pytest.mark.parametrize("one_trip", [True, False])
async def test_a_file_is_replaced_between_the_check_and_the_end_of_a_write(
    api: Api, people: list[Account], database_url: str, monkeypatch: pytest.MonkeyPatch, one_trip: bool
) -> None:
    """It is noticed after the commit, before anybody is told that it succeeded."""
    file, ada = Path(database_url.removeprefix("sqlite:///")), people[0]
    await api.data(UPSERT_EVENT, ada.token, input=one_event(ada, "before"))
    guard, checks = api.db.file_guard, 0
    assert guard is not None
    check = guard.is_replaced

    def replaced_after_the_first_check() -> bool:
        nonlocal checks
        checks += 1
        found = check()
        if checks == 1:
            file.rename(file.with_name("old.db"))
        return found

    monkeypatch.setattr(guard, "is_replaced", replaced_after_the_first_check)
    if one_trip:
        assert code(await api(UPSERT_EVENT, ada.token, input=one_event(ada, "lost"))) == ("INTERNAL", True)
    else:
        with pytest.raises(AssertionError, match="'retry': True"):
            await api.application_calendar("new")
    assert checks > 1


async def test_a_server_whose_file_was_replaced_acknowledges_nothing_more_until_its_restart(
    database_url: str, tmp_path: Path
) -> None:
    """Every write that was acknowledged is in the file that was there; the restarted server uses the new one."""
    file = Path(database_url.removeprefix("sqlite:///"))
    [ada] = await create_accounts(database_url, 1)
    acknowledged = refused = 0

    async def write_on() -> None:
        nonlocal acknowledged, refused
        while refused < 5:
            number = acknowledged + refused
            answer = await served.ask(UPSERT_EVENT, ada.token, input=one_event(ada, "x", f"e{number}"))
            acknowledged, refused = (acknowledged, refused + 1) if "errors" in answer else (acknowledged + 1, refused)

    async with running_server(tmp_path / "said", database_url) as served:
        writing = asyncio.create_task(write_on())
        await until(lambda: acknowledged >= 20)
        shutil.copy(file, copy := tmp_path / "copy.db")
        file.rename(old := tmp_path / "old.db")
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).rename(old.with_name(old.name + end))
        copy.rename(file)
        replaced = acknowledged
        await writing
        assert acknowledged <= replaced + 1  # one was on its way
        assert (await served.http.get("/readyz")).status_code == 503
        assert not [line for line in served.log_lines if "Traceback" in line]
        assert [line for line in served.log_lines if "FileReplacedError" in line]
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() >= (acknowledged,)
    async with running_server(tmp_path / "said", database_url) as served:
        await served.data(UPSERT_EVENT, ada.token, input=one_event(ada, "x", "anew"))
