"""Availability queries."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import orjson

from core.availability_constraints import AvailabilityConstraint, ConstraintPeriod
from core.calendar_sources import SyncStatus
from core.durations import NO_BUFFER, NO_TIME, Buffer, Duration
from core.errors import Key
from core.excluded_events import ExcludedEvent
from core.instants import Instant, Unreadable, format_instant
from core.limits import Limits
from core.member_statuses import MemberStatus
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.solver import Opening
from resolvers import availability
from resolvers.availability import Details

from ..fields import Fields
from ..responses import Answer
from ..routing import Call, Endpoint

_PERIODS = 20
"""Results by default as periods."""

_SLOTS = 512
"""Results by default as slots: UI Elements take all of the time that is not in them for busy."""


#: results of different queries share most of their instants, and formatting a thousand takes longer than finding them
formatted = lru_cache(20_000)(format_instant)


async def _availability(call: Call) -> Answer:
    fields = call.fields()
    query = read_query(fields, call.ctx.limits)
    with_statuses = fields.flag("include_member_statuses")
    fields.raise_if_any(lambda: query.check(call.ctx.now, call.ctx.limits))
    statuses: Sequence[MemberStatus] = ()
    if with_statuses:
        answer = await availability.detailed_availability(call.ctx, query, Details(member_statuses=True))
        openings, statuses = _written(answer.openings), answer.member_statuses or ()
    else:
        openings = _written(await availability.availability(call.ctx, query))
    body: dict[str, Any] = {}
    # Clients differ in which of the two they read if they have asked for slots without a format.
    if query.response_format is ResponseFormat.PERIODS:
        body["available_periods"] = openings
    if query.response_format is not ResponseFormat.PERIODS or query.query_slots is not None:
        body["available_slots"] = openings
    if with_statuses:
        body["member_statuses"] = [{"sub": each.sub, "sync_status": _sync_status(each)} for each in statuses]
    return Answer(200, body)


def _sync_status(member: MemberStatus) -> str:
    """Returns a status in the words that clients know. What is known in part is active if it counts."""
    if member.status is SyncStatus.PENDING:
        return "pending"
    return "disconnected" if member.is_lost else "active"


def read_query(fields: Fields, limits: Limits) -> AvailabilityQuery:
    """Reads an availability query. Reports what cannot be read, and what is not supported."""
    _report_unsupported(fields, "bookable_events")
    response_format = fields.choice("response_format", ResponseFormat, ResponseFormat.PERIODS)
    return AvailabilityQuery(
        participants=read_groups(fields),
        required_duration=fields.duration("required_duration") or Duration(),
        available_periods=read_periods(fields, "available_periods"),
        query_periods=read_periods(fields, "query_periods"),
        query_slots=_slots(fields),
        buffer=_buffer(fields) or NO_BUFFER,
        start_interval=fields.duration("start_interval"),
        start_interval_tzid=fields.text("start_interval_tzid"),
        start_offset=fields.duration("start_offset"),
        excluded_events=read_excluded(fields),
        response_format=response_format,
        max_results=read_max_results(fields, limits, of_slots=response_format is not ResponseFormat.PERIODS),
    )


def read_max_results(fields: Fields, limits: Limits, *, of_slots: bool) -> int:
    """Returns the maximum number of results. Its default depends on what the results are."""
    most = fields.number("max_results")
    return min(_SLOTS if of_slots else _PERIODS, limits.max_results) if most is None else most


def read_excluded(fields: Fields) -> list[ExcludedEvent]:
    """Reads the events that do not block."""
    found = fields.objects("excluded_events") or []
    return [ExcludedEvent(each.text("event_id"), each.text("event_uid")) for each in found]


def read_groups(fields: Fields) -> list[Group]:
    """Reads the participants: a list of groups, or a single one."""
    return [
        Group(
            [_member(group, value, index) for index, value in enumerate(group.raw_items("members"))], _required(group)
        )
        for group in fields.required_objects("participants")
    ]


def _member(group: Fields, value: Any, index: int) -> Member:
    """Reads a member: an object, or its sub alone."""
    fields = group.inner({"sub": value} if isinstance(value, str) else value, "members", index)
    _report_unsupported(fields, "ignored_extended_transparencies")
    return Member(
        sub=fields.required("sub"),
        available_periods=read_periods(fields, "available_periods"),
        calendar_ids=fields.texts("calendar_ids"),
        buffer=_buffer(fields),
        ignore_tentative=fields.flag("ignore_tentative"),
        managed_availability=fields.flag("managed_availability"),
        availability_rule_ids=fields.texts("availability_rule_ids"),
        availability_constraints=[_constraint(each) for each in fields.objects("availability_constraints") or []],
    )


def _constraint(fields: Fields) -> AvailabilityConstraint:
    _report_unsupported(fields, "tags")
    limit = fields.number("limit")
    if not fields.has("limit"):
        fields.report("limit", Key.REQUIRED, "required")
    period = fields.required_choice("period", ConstraintPeriod)
    return AvailabilityConstraint(limit if limit is not None else 1, period, fields.text("tzid"))


def _required(group: Fields) -> Literal["all"] | int | Unreadable:
    text = group.text("required")
    if text is None or text == "all":
        return "all"
    try:
        return int(text)
    except ValueError:
        return Unreadable('must be "all" or the number of members required')


def read_periods(fields: Fields, name: str) -> list[Period] | None:
    """Reads a list of periods; None if it is omitted."""
    found = fields.objects(name)
    if found is None:
        return None
    return [Period(each.required_instant("start"), each.required_instant("end")) for each in found]


def _slots(fields: Fields) -> list[Instant | Unreadable] | None:
    found = fields.objects("query_slots")
    return [each.required_instant("start") for each in found] if found is not None else None


def _buffer(fields: Fields) -> Buffer | None:
    found = fields.object("buffer")
    if found is None:
        return None
    return Buffer(found.duration("before") or NO_TIME, found.duration("after") or NO_TIME)


def _report_unsupported(fields: Fields, name: str) -> None:
    """Reports a field that would change the results."""
    if fields.has_any(name):
        fields.report(name, Key.UNSUPPORTED, "is not supported")


class PeopleWriter:
    """Writes the participants of results. Results with the same people share what is written."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, ...], orjson.Fragment] = {}

    def __call__(self, subs: tuple[str, ...]) -> orjson.Fragment:
        found = self._written.get(subs)
        if found is None:
            found = self._written[subs] = orjson.Fragment(orjson.dumps([{"sub": sub} for sub in subs]))
        return found


def _written(openings: Sequence[Opening]) -> list[dict[str, Any]]:
    """Returns openings as they are in a response."""
    people = PeopleWriter()
    return [
        {"start": formatted(start), "end": formatted(end), "participants": people(subs)}
        for start, end, subs in openings
    ]


ENDPOINTS = [Endpoint("POST", "/v1/availability", _availability, cached_as="rest availability")]
