"""Conversion of local times to instants. Every zone and every clock change: test_every_zone."""

import zoneinfo
from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from core.errors import Key, Problem, Problems
from core.instants import format_instant, parse_instant
from core.zones import (
    check_zone,
    known_zones,
    local_instant,
    local_midnight,
    local_time,
    todays_name,
    zones_of_places,
)


def test_a_known_zone_is_returned():
    """And nothing is reported."""
    problems = Problems()
    assert check_zone("Europe/London", ("tzid",), problems) == ZoneInfo("Europe/London")
    assert problems == []


@pytest.mark.parametrize("tzid", ["Europe/Atlantis", "europe/london", "", "/etc/localtime", "UTC+1", "Europe\0/London"])
def test_an_unknown_zone_is_reported(tzid):
    """With an example of a valid name. Names that are not in the list are never looked up on disk."""
    problems = Problems()
    assert check_zone(tzid, ("event", "tzid"), problems) is None
    assert problems == [Problem(("event", "tzid"), Key.INVALID, "must be an IANA time zone such as Europe/London")]


def test_zones_do_not_come_from_the_operating_system():
    """Two servers with different system packages must agree about local times."""
    assert zoneinfo.TZPATH == ()
    assert {"Etc/UTC", "UTC", "Europe/London", "America/New_York", "Pacific/Apia"} <= known_zones()


@pytest.mark.parametrize(
    ("day", "clock", "tzid", "instant", "why"),
    [
        ("2027-01-19", "09:00", "America/New_York", "2027-01-19T14:00:00Z", "in winter"),
        ("2027-07-19", "09:00", "America/New_York", "2027-07-19T13:00:00Z", "in summer"),
        ("2027-07-19", "09:00", "Asia/Kathmandu", "2027-07-19T03:15:00Z", "a quarter of an hour off"),
        ("2027-03-14", "02:30", "America/New_York", "2027-03-14T07:30:00Z", "skipped: the offset before, 03:30 EDT"),
        ("2027-11-07", "01:30", "America/New_York", "2027-11-07T05:30:00Z", "twice: the first"),
        ("2026-04-24", "00:00", "Africa/Cairo", "2026-04-23T22:00:00Z", "midnight itself is skipped"),
    ],
)
def test_a_local_time_is_read_according_to_rfc_5545(day, clock, tzid, instant, why):
    """Section 3.3.5: skipped and repeated local times both have a definite instant."""
    found = local_instant(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(tzid))
    assert format_instant(found) == instant, why


def test_midnight_is_the_start_of_the_local_day():
    """In the given zone."""
    assert format_instant(local_midnight(date(2027, 1, 19), ZoneInfo("Asia/Tokyo"))) == "2027-01-18T15:00:00Z"


def test_offsets_may_have_seconds():
    """Before standard time, Liberia was 44 minutes and 30 seconds behind Greenwich."""
    assert format_instant(local_midnight(date(1960, 1, 1), ZoneInfo("Africa/Monrovia"))) == "1960-01-01T00:44:30Z"


def test_the_zones_offered_for_selection_are_places():
    """One per place, by its current name; names that are no places are left out."""
    listed = zones_of_places()
    assert set(listed) <= known_zones()
    assert list(listed) == sorted(set(listed))
    assert {"Europe/Stockholm", "Asia/Kolkata", "America/Argentina/Buenos_Aires"} <= set(listed)
    assert not {"Asia/Calcutta", "US/Eastern", "EST5EDT", "Etc/UTC"} & set(listed)


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("US/Eastern", "America/New_York"),
        ("UTC", "Etc/UTC"),
        ("Europe/Stockholm", "Europe/Stockholm"),
        ("Etc/GMT+5", "Etc/GMT+5"),
    ],
)
def test_each_zone_has_one_current_name(before, today):
    """A place has its own, even if another one's clocks have long been the same."""
    assert todays_name(before) == today


@pytest.mark.parametrize("tzid", sorted(known_zones()))
def test_an_alias_of_a_zone_has_the_same_local_times(tzid):
    """In winter and in summer; converting them back gives the same instant."""
    for at in ("2030-01-15T12:00:00Z", "2030-07-15T12:00:00Z"):
        instant = parse_instant(at)
        shown = local_time(instant, ZoneInfo(tzid))
        assert shown.replace(tzinfo=None) == local_time(instant, ZoneInfo(todays_name(tzid))).replace(tzinfo=None)
        assert local_instant(shown.date(), shown.time(), ZoneInfo(tzid)) == instant
