import pytest

from core.calendar_sources import PartialSource, SyncState, SyncStatus
from core.instants import DAY, HOUR

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (SyncState(None), SyncStatus.PENDING),
        (SyncState(None, refused=True), SyncStatus.PENDING),
        (SyncState(NOW), SyncStatus.ACTIVE),
        (SyncState(NOW - HOUR + 1), SyncStatus.ACTIVE),
        (SyncState(NOW - HOUR), SyncStatus.STALE),
        (SyncState(NOW - DAY + 1), SyncStatus.STALE),
        (SyncState(NOW - DAY), SyncStatus.DISCONNECTED),
        (SyncState(NOW, refused=True), SyncStatus.DISCONNECTED),
        (SyncState(NOW, incomplete=True), SyncStatus.PARTIAL),
        (SyncState(NOW - HOUR, incomplete=True), SyncStatus.PARTIAL),
        (SyncState(NOW - DAY, incomplete=True), SyncStatus.DISCONNECTED),
    ],
)
def test_the_status_follows_from_what_the_last_fetches_came_to(state: SyncState, status: SyncStatus) -> None:
    assert state.status(NOW) is status


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("incomplete", [False, True])
@pytest.mark.parametrize("partial", PartialSource)
@pytest.mark.parametrize("age", [None, 0, HOUR, DAY - 1, DAY, 2 * DAY])
def test_a_source_is_known_until_its_status_says_that_it_is_not(
    refused: bool, incomplete: bool, partial: PartialSource, age: int | None
) -> None:
    state = SyncState(None if age is None else NOW - age, refused, incomplete)
    unknown = {SyncStatus.PENDING, SyncStatus.DISCONNECTED}
    if partial is PartialSource.REFUSE:
        unknown.add(SyncStatus.PARTIAL)
    assert (state.unknown_at(NOW, partial) <= NOW) == (state.status(NOW) in unknown)


@pytest.mark.parametrize("age", [0, HOUR - 1, HOUR, DAY - 1, DAY, 2 * DAY])
def test_a_status_changes_at_the_instant_that_it_says(age: int) -> None:
    """And never before."""
    state = SyncState(NOW - age)
    at = state.changes_at(NOW)
    assert at is None or state.status(at - 1) is state.status(NOW) is not state.status(at)
    assert (at is None) == (state.status(NOW) is SyncStatus.DISCONNECTED)
    assert SyncState(None).changes_at(NOW) is SyncState(NOW, refused=True).changes_at(NOW) is None
