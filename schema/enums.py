"""Closed sets of values. They are core's own enums; here GraphQL learns to describe them."""

from enum import Enum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from core.events import EventStatus, FreeBusyStatus, Transparency
from core.query import ResponseFormat


def _describe(enum: type[Enum], description: str, **values: str) -> None:
    strawberry.enum(enum, description=description)
    definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
    for value in definition.values:
        value.description = values[value.name]


_describe(
    Transparency,
    "Whether an event takes its calendar's time.",
    OPAQUE="It blocks.",
    TRANSPARENT="It does not block.",
)
_describe(
    EventStatus,
    "How sure an event is.",
    CONFIRMED="It takes place.",
    TENTATIVE="It may take place. It blocks as well, unless a query ignores it.",
)
_describe(
    FreeBusyStatus,
    "What an event means for somebody who only may know when there is time.",
    BUSY="An opaque event.",
    TENTATIVE="An opaque event that is tentative.",
    FREE="A transparent or deleted event.",
)
_describe(
    ResponseFormat,
    "What the answer to an availability query is made of.",
    PERIODS="Stretches as long as can be, at least as long as the required duration.",
    SLOTS="Meetings of the required duration that do not overlap.",
    OVERLAPPING_SLOTS="A meeting of the required duration at every start interval that it fits.",
)

__all__ = ["EventStatus", "FreeBusyStatus", "ResponseFormat", "Transparency"]
