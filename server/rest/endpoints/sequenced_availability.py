"""Sequenced availability queries: several meetings in a row."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from core.durations import Duration
from core.errors import Key, Path, Problem, Problems, Unprocessable
from core.limits import Limits
from core.sequenced_availability import ANY_GAP, Gap, SequencedQuery, SequenceStep
from core.sequences import PlacedSequence
from resolvers import sequenced_availability

from ..fields import Fields
from ..responses import Answer
from ..routing import Call, Endpoint
from .availability import PeopleWriter, formatted, read_excluded, read_groups, read_max_results, read_periods

_NEWER, _OLDER = "query_periods", "available_periods"
"""The names of the periods to search, of the query and of each step."""


async def _sequenced_availability(call: Call) -> Answer:
    fields = call.fields()
    steps = fields.required_objects("sequence")
    older = {(*each.path, _NEWER) for each in (fields, *steps) if _name(each) == _OLDER}
    query = _read_query(fields, steps, call.ctx.limits)
    fields.raise_if_any(lambda: _as_sent(query.check(call.ctx.now, call.ctx.limits), older))
    try:
        found = await sequenced_availability.sequenced_availability(call.ctx, query)
    except Unprocessable as refusal:
        refusal.problems = tuple(_as_sent(refusal.problems, older))
        raise
    return Answer(200, {"sequences": _written(found)})


def _read_query(fields: Fields, steps: Sequence[Fields], limits: Limits) -> SequencedQuery:
    for each in (fields, *steps):
        if each.has(_NEWER) and each.has(_OLDER):
            each.report(_OLDER, Key.CONFLICT, f"is the older name of {_NEWER}: give only one of them")
    return SequencedQuery(
        query_periods=read_periods(fields, _name(fields)) or [],
        sequence=[_step(each) for each in steps],
        max_results=read_max_results(fields, limits, of_slots=True),
    )


def _step(fields: Fields) -> SequenceStep:
    buffer = fields.object("buffer")
    return SequenceStep(
        sequence_id=fields.required("sequence_id"),
        participants=read_groups(fields),
        required_duration=fields.duration("required_duration") or Duration(),
        ordinal=fields.number("ordinal"),
        before=_gap(buffer, "before"),
        after=_gap(buffer, "after"),
        start_interval=fields.duration("start_interval"),
        start_interval_tzid=fields.text("start_interval_tzid"),
        start_offset=fields.duration("start_offset"),
        excluded_events=read_excluded(fields),
        query_periods=read_periods(fields, _name(fields)),
    )


def _gap(buffer: Fields | None, side: str) -> Gap:
    """Reads the time on one side of a step: `{minimum, maximum}`, or a duration, which is the minimum."""
    found = buffer.object(side) if buffer is not None else None
    if found is None:
        return ANY_GAP
    maximum = found.duration("maximum")
    return Gap(found.duration("minimum") if maximum is not None else found.as_duration(), maximum)


def _name(fields: Fields) -> str:
    """The name under which the periods to search are given."""
    return _OLDER if fields.has(_OLDER) and not fields.has(_NEWER) else _NEWER


def _as_sent(problems: Iterable[Problem], older: set[Path]) -> Problems:
    """Returns the problems with the older name where that was sent."""

    def path(problem: Problem) -> Path:
        lengths = [length for length in range(1, len(problem.path) + 1) if problem.path[:length] in older]
        return (*problem.path[: lengths[0] - 1], _OLDER, *problem.path[lengths[0] :]) if lengths else problem.path

    return Problems(replace(problem, path=path(problem)) for problem in problems)


def _written(found: Sequence[PlacedSequence]) -> list[dict[str, Any]]:
    people = PeopleWriter()
    return [
        {
            "sequence": [
                {
                    "sequence_id": step.sequence_id,
                    "start": formatted(step.start),
                    "end": formatted(step.end),
                    "participants": people(step.participants),
                }
                for step in steps
            ]
        }
        for _, _, steps in found
    ]


ENDPOINTS = [
    Endpoint("POST", "/v1/sequenced_availability", _sequenced_availability, cached_as="rest sequences"),
]
