"""The days of a booking link: by month and week, with no meeting lost between one answer and the next."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instants import DAY, HOUR, Instant, parse_instant
from core.real_time_scheduling import HourFormat, Open
from core.solver import Opening
from core.zones import known_zones, local_midnight
from server.booking_page.days import Days, Month, beginning, month, weeks
from server.booking_page.wording import Formatter, RegionalFormat, duration, place
from server.booking_page.zones import regions
from tests.support.booking_page import NOW, Offer, make_link, openings_at

#: how many meetings one answer holds in these tests
MOST = 12

_hours = st.sets(st.integers(0, 24 * 120), max_size=60)
_zones = st.sampled_from(["Etc/UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Santiago"])


def offer(openings: Sequence[Opening], since: Instant) -> Offer:
    """An answer with the first few meetings after an instant."""
    there = [opening for opening in openings if opening.start >= since]
    more_from = there[MOST].start if len(there) > MOST else None
    return Offer(make_link(45, Open()), there[:MOST], more_from)


def view(openings: Sequence[Opening], wording: Formatter, day: date | None, since: date | None) -> Month | None:
    """The month that the page shows for a requested day, or from a day on."""
    days = Days.of(offer(openings, NOW), wording)
    begin = beginning(day, since, days.end)
    if begin is not None:
        days = Days.of(offer(openings, local_midnight(begin, wording.zone)), wording)
    return month(days, day, since, begin)


def sparse(openings: Sequence[Opening], wording: Formatter) -> list[Opening]:
    """The meetings without those of a day that exceed one answer."""
    kept: dict[date, list[Opening]] = {}
    for opening in openings:
        kept.setdefault(wording.date_of(opening.start), []).append(opening)
    return [opening for theirs in kept.values() for opening in theirs[:MOST]]


@given(_hours, _zones)
def test_following_later_months_shows_every_meeting_once(hours: set[int], tzid: str) -> None:
    """Each with all others of its day; going back leads to the first."""
    wording = Formatter(tzid)
    openings = sparse([Opening(at, at + HOUR, ()) for at in (NOW + hour * HOUR for hour in sorted(hours))], wording)
    found: list[Opening] = []
    shown = view(openings, wording, None, None)
    while shown is not None:
        for day, theirs in shown.meetings.items():
            found += theirs
            again = view(openings, wording, day, shown.begin)
            assert again is not None
            assert (again.day, again.meetings) == (day, shown.meetings)
        if shown.later is None:
            break
        shown = view(openings, wording, None, shown.later)
    assert found == openings
    while shown is not None and shown.earlier is not None:
        before, shown = shown.first, view(openings, wording, None, shown.earlier)
        assert shown is None or shown.first <= before
    assert shown is None or wording.date_of(openings[0].start) in shown.meetings


def test_a_day_that_exceeds_one_answer_is_shown_in_part() -> None:
    """Links have no such days; if one had, its page would not be empty."""
    openings = [Opening(NOW + minute * 60, NOW + minute * 60 + 60, ()) for minute in range(MOST + 5)]
    shown = view(openings, Formatter("Etc/UTC"), None, None)
    assert shown is not None
    assert len(shown.shown) == MOST


@pytest.mark.parametrize(
    ("day", "since", "end", "begin"),
    [
        (None, None, None, None),
        ("2030-05-20", None, None, None),
        ("2030-05-20", None, "2030-06-01", None),
        ("2030-05-20", None, "2030-05-20", "2030-05-20"),
        (None, "2030-05-01", "2030-05-20", None),
        ("2030-05-25", "2030-05-01", "2030-05-20", "2030-05-25"),
        ("2030-05-25", "2030-05-20", "2030-05-20", "2030-05-20"),
        ("2030-05-19", "2030-05-20", "2030-05-20", None),
        ("2030-06-25", "2030-05-20", "2030-05-20", "2030-06-25"),
    ],
)
def test_meetings_are_loaded_only_if_they_are_not_among_the_soonest(
    day: str | None, since: str | None, end: str | None, begin: str | None
) -> None:
    """The soonest are known up to `end`. For our own links, the page loads meetings from there at most once."""
    asked = [date.fromisoformat(text) if text is not None else None for text in (day, since, end, begin)]
    assert beginning(*asked[:3]) == asked[3]


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)), st.booleans())
def test_weeks_have_every_day_of_the_month_below_its_weekday(day: date, sunday_first: bool) -> None:
    first = day.replace(day=1)
    rows = list(weeks(first, sunday_first=sunday_first))
    days = [cell for row in rows for cell in row if cell is not None]
    assert days[0] == first
    assert {(one.year, one.month) for one in days} == {(first.year, first.month)}
    assert [one.day for one in days] == list(range(1, len(days) + 1))
    assert len(days) >= 28
    assert all(len(row) == 7 and any(row) for row in rows)
    assert {(cell.weekday() - place + sunday_first) % 7 for row in rows for place, cell in enumerate(row) if cell} == {
        0
    }


@pytest.mark.parametrize(
    ("tzid", "at", "shown"),
    [
        ("Etc/UTC", "2030-05-07T12:00:00Z", "GMT"),
        ("Europe/London", "2030-01-07T12:00:00Z", "GMT"),
        ("Europe/Berlin", "2030-05-07T12:00:00Z", "GMT+2"),
        ("Asia/Kathmandu", "2030-05-07T12:00:00Z", "GMT+5:45"),
        ("Pacific/Marquesas", "2030-05-07T12:00:00Z", "GMT−9:30"),
        ("America/St_Johns", "2030-01-07T12:00:00Z", "GMT−3:30"),
        ("Australia/Lord_Howe", "2030-01-07T12:00:00Z", "GMT+11"),
        ("Australia/Lord_Howe", "2030-07-07T12:00:00Z", "GMT+10:30"),
        ("Pacific/Kiritimati", "2030-05-07T12:00:00Z", "GMT+14"),
    ],
)
def test_an_offset_is_shown_in_hours_and_minutes(tzid: str, at: str, shown: str) -> None:
    assert Formatter(tzid).offset(parse_instant(at)) == shown


@pytest.mark.parametrize(
    ("at", "twelve", "twenty_four"),
    [
        ("00:00:00", "12:00 am", "00:00"),
        ("00:30:00", "12:30 am", "00:30"),
        ("11:59:00", "11:59 am", "11:59"),
        ("12:00:00", "12:00 pm", "12:00"),
        ("13:05:00", "1:05 pm", "13:05"),
        ("23:45:07", "11:45:07 pm", "23:45:07"),
    ],
)
def test_times_are_formatted_with_12_or_24_hours(at: str, twelve: str, twenty_four: str) -> None:
    instant = parse_instant(f"2030-05-07T{at}Z")
    assert Formatter("Etc/UTC", RegionalFormat(HourFormat.H12)).time(instant) == twelve
    assert Formatter("Etc/UTC", RegionalFormat(HourFormat.H24)).time(instant) == twenty_four


@given(_hours, st.sampled_from(sorted(known_zones())))
def test_no_two_times_of_a_day_read_the_same(hours: set[int], tzid: str) -> None:
    """In any zone, on any day."""
    wording = Formatter(tzid)
    halves = [NOW + hour * HOUR // 2 for hour in sorted(hours)]
    by_day: dict[date, list[Instant]] = {}
    for instant in halves:
        by_day.setdefault(wording.date_of(instant), []).append(instant)
    for instants in by_day.values():
        written = wording.apart(instants, wording.time)
        assert len(set(written)) == len(written)


@given(st.sampled_from(sorted(known_zones())))
def test_the_chosen_zone_is_listed_once(tzid: str) -> None:
    """Also one that is no longer listed under this name."""
    assert [name for zones in regions(tzid).values() for name, _ in zones].count(tzid) == 1


def test_zones_are_listed_by_region_and_place() -> None:
    listed = regions("Etc/UTC")
    assert list(listed)[:2] == ["Africa", "America"]
    assert dict(listed["America"])["America/Argentina/Buenos_Aires"] == "Buenos Aires (Argentina) time"
    assert dict(listed["Antarctica"])["Antarctica/DumontDUrville"] == "Dumont d’Urville time"
    assert dict(listed["Other"]) == {"Etc/UTC": "UTC"}


@pytest.mark.parametrize("tzid", sorted(tzid for tzid in known_zones() if place(tzid).startswith(("UTC", "GMT"))))
def test_a_zone_that_is_no_place_is_called_by_its_offset(tzid: str) -> None:
    """Etc/GMT+5 is five hours behind: what its clocks are called must not contradict what they show."""
    offset = Formatter(tzid).offset(NOW)
    assert Formatter(tzid).clock(offset) == place(tzid) == {"GMT": "UTC"}.get(offset, offset)
    assert regions(tzid)["Other"][-1] in {(tzid, place(tzid)), ("Etc/UTC", "UTC")}


def test_the_zones_named_after_offsets_are_all_of_them() -> None:
    """Those of Etc/, their old names, and no place."""
    fixed = {tzid for tzid in known_zones() if place(tzid).startswith(("UTC", "GMT"))}
    assert fixed >= {tzid for tzid in known_zones() if tzid.startswith("Etc/")}
    assert {tzid for tzid in fixed if "/" not in tzid} == {
        *("UTC", "UCT", "Zulu", "Universal", "Greenwich", "GMT", "GMT0", "GMT+0", "GMT-0")
    } & set(known_zones())


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "1 minute"),
        (45, "45 minutes"),
        (60, "1 hour"),
        (90, "1 hour 30 minutes"),
        (121, "2 hours 1 minute"),
        (30 * 60, "1 day 6 hours"),
    ],
)
def test_a_duration_is_written_in_words(minutes: int, words: str) -> None:
    assert duration(minutes * 60) == words


def test_a_meeting_that_ends_on_another_day_names_it() -> None:
    [late] = openings_at(["2030-05-07T23:30:00Z"])
    assert Formatter("Etc/UTC").span(*late[:2]) == "23:30 – Wednesday 8 May, 00:15"
    assert Formatter("Etc/UTC").span(late.start, late.start + DAY) == "23:30 – Wednesday 8 May, 23:30"
