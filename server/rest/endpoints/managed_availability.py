"""Availability rules and stored available periods of the account of a token."""

from typing import Any

from core.availability_rules import AvailabilityRule
from core.available_periods import StoredAvailablePeriod
from core.errors import Problems
from core.instants import Instant, Unreadable, format_instant
from core.periods import check_window, read
from core.weekly import Weekday, WeeklyPeriod
from core.zones import ZoneInfo, local_time
from resolvers import availability_rules, available_periods

from ..pages import ListRequest, requested_page
from ..responses import ACCEPTED, Answer
from ..routing import Call, Endpoint

#: the parameters of a list of periods
_PARAMETERS = ("from", "to", "tzid", "localized_times")


async def _list_rules(call: Call) -> Answer:
    found = await availability_rules.list_rules(call.ctx)
    return Answer(200, {"availability_rules": [_rule(rule) for rule in found]})


async def _get_rule(call: Call) -> Answer:
    found = await availability_rules.get(call.ctx, call.path["availability_rule_id"])
    return Answer(200, {"availability_rule": _rule(found)})


async def _upsert_rule(call: Call) -> Answer:
    fields = call.fields()
    rule = AvailabilityRule(
        availability_rule_id=fields.required("availability_rule_id"),
        tzid=fields.required("tzid"),
        weekly_periods=[
            WeeklyPeriod(each.required_choice("day", Weekday), each.required("start_time"), each.required("end_time"))
            for each in fields.required_objects("weekly_periods")
        ],
        calendar_ids=fields.texts("calendar_ids") or None,  # PHP's client always sends a list
    )

    def check() -> Problems:
        problems = Problems()
        with problems.until_full():
            rule.check(problems)
        return problems

    fields.raise_if_any(check)
    return Answer(200, {"availability_rule": _rule(await availability_rules.upsert(call.ctx, rule))})


async def _delete_rule(call: Call) -> Answer:
    await availability_rules.delete(call.ctx, call.path["availability_rule_id"])
    return ACCEPTED


async def _upsert_period(call: Call) -> Answer:
    fields = call.fields()
    period = StoredAvailablePeriod(
        fields.required("available_period_id"), fields.required_instant("start"), fields.required_instant("end")
    )

    def check() -> Problems:
        problems = Problems()
        period.check(problems, longest=call.ctx.limits.max_period)
        return problems

    fields.raise_if_any(check)
    await available_periods.upsert(call.ctx, period)
    return ACCEPTED


async def _delete_periods(call: Call) -> Answer:
    fields = call.fields()
    if fields.flag("delete_all"):
        fields.raise_if_any()
        await available_periods.delete_all(call.ctx)
        return ACCEPTED
    period_id = fields.required("available_period_id")
    fields.raise_if_any()
    await available_periods.delete(call.ctx, period_id)
    return ACCEPTED


async def _list_periods(call: Call) -> Answer:
    return await _periods(call, ListRequest(call.values))


async def _next_periods(call: Call) -> Answer:
    return await _periods(call, requested_page(call))


async def _periods(call: Call, request: ListRequest) -> Answer:
    fields = call.fields_of(request.values)
    tzid = fields.zone("tzid") or "Etc/UTC"
    localized = fields.flag("localized_times")
    start, end = fields.bound("from", tzid), fields.bound("to", tzid)

    def check() -> Problems:
        problems = Problems()
        check_window(start, end, problems)
        return problems

    fields.raise_if_any(check)
    page = await available_periods.list_periods(call.ctx, start, end, request.page(call))
    items = [
        {
            "available_period_id": period.available_period_id,
            "start": _time(period.start, tzid, localized=localized),
            "end": _time(period.end, tzid, localized=localized),
        }
        for period in page.items
    ]
    pages = request.pages(request.next_url(call, "/v1/available_periods", _PARAMETERS, page))
    return Answer(200, {"pages": pages, "available_periods": items})


def _rule(rule: AvailabilityRule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "availability_rule_id": rule.availability_rule_id,
        "tzid": rule.tzid,
        "weekly_periods": [
            {"day": period.day.value, "start_time": period.start_time, "end_time": period.end_time}
            for period in rule.weekly_periods
        ],
    }
    if rule.calendar_ids is not None:
        found["calendar_ids"] = list(rule.calendar_ids)
    return found


def _time(value: Instant | Unreadable, tzid: str, *, localized: bool) -> str | dict[str, str]:
    instant = read(value)
    if not localized:
        return format_instant(instant)
    return {"time": local_time(instant, ZoneInfo(tzid)).isoformat(), "tzid": tzid}


ENDPOINTS = [
    Endpoint("GET", "/v1/availability_rules", _list_rules),
    Endpoint("POST", "/v1/availability_rules", _upsert_rule, in_batches=True),
    Endpoint("GET", "/v1/availability_rules/{availability_rule_id}", _get_rule),
    Endpoint("DELETE", "/v1/availability_rules/{availability_rule_id}", _delete_rule, 202, in_batches=True),
    Endpoint("GET", "/v1/available_periods", _list_periods),
    Endpoint("GET", "/v1/available_periods/pages/{page}", _next_periods),
    Endpoint("POST", "/v1/available_periods", _upsert_period, 202, in_batches=True),
    Endpoint("DELETE", "/v1/available_periods", _delete_periods, 202, in_batches=True),
]
