"""The digest of a request with an idempotency key stays the same from version to version."""

from dataclasses import replace

from core.booking_life import Label, Visitor
from core.bookings import Assignment, BookingRequest, TargetCalendar
from core.durations import Buffer, Duration
from core.events import EventDraft, Location
from core.identity import digest
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.request_identity import request_digest

#: what was digested before bookings had visitors and metadata
EARLIER = (
    "BookingRequest(query=AvailabilityQuery(participants=[Group(members=[Member(sub='acc_a', available_periods=None, "
    "calendar_ids=None, buffer=Buffer(before=Duration(hours=None, minutes=5), after=Duration(hours=None, minutes=None)), "
    "ignore_tentative=False, managed_availability=False, availability_rule_ids=None)], required=1)], "
    "required_duration=Duration(hours=None, minutes=60), available_periods=None, "
    "query_periods=[Period(start=0, end=7200)], query_slots=None, buffer=Buffer(before=Duration(hours=None, minutes=0), "
    "after=Duration(hours=None, minutes=0)), start_interval=None, start_interval_tzid=None, start_offset=None, "
    "excluded_events=(), response_format=<ResponseFormat.PERIODS: 'periods'>, max_results=20), start=3600, "
    "event=EventDraft(event_id='e', summary='M', start=0, end=1, description='', tzid='Etc/UTC', "
    "location=Location(description='x', lat=None, long=None), url=None, transparency=<Transparency.OPAQUE: 'opaque'>, "
    "status=<EventStatus.CONFIRMED: 'confirmed'>), target_calendars=[TargetCalendar(sub='acc_a', calendar_id='cal_a')], "
    "assignment=<Assignment.LEAST_BUSY: 'least_busy'>, event_creation=<EventCreation.DEFAULT: 'default'>, "
    "idempotency_key='k')"
)
MEMBER = Member("acc_a", buffer=Buffer(Duration(minutes=5), Duration()))
REQUEST = BookingRequest(
    AvailabilityQuery([Group([MEMBER], 1)], Duration(minutes=60), query_periods=[Period(0, 7200)]),
    3600,
    EventDraft("e", "M", 0, 1, tzid="Etc/UTC", location=Location("x")),
    [TargetCalendar("acc_a", "cal_a")],
    Assignment.LEAST_BUSY,
    idempotency_key="k",
)


def test_a_request_is_the_same_as_in_earlier_versions() -> None:
    """If this fails, a field was added: name it in ADDED, or the keys of earlier requests are refused."""
    assert request_digest(REQUEST) == digest(EARLIER)


def test_whatever_a_request_says_makes_it_another() -> None:
    """Also in fields that were added."""
    others = [
        REQUEST,
        replace(REQUEST, visitor=Visitor("Vi")),
        replace(REQUEST, labels=(Label("k", "v"),)),
        replace(REQUEST, labels=(Label("k", "w"),)),
        replace(REQUEST, hold_for=Duration(minutes=10)),
        replace(REQUEST, start=3601),
    ]
    assert len({request_digest(request) for request in others}) == len(others)
