"""What is stored of a booking as JSON: what it is decided by, and its visitor."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson
from pydantic import TypeAdapter

from core.booking_life import Answer, Visitor
from core.bookings import BookingRequest
from core.query import AvailabilityQuery

_REQUEST = TypeAdapter(BookingRequest)
_OF_REQUEST, _OF_QUERY = ([field.name for field in fields(each)] for each in (BookingRequest, AvailabilityQuery))
_OF_ONE_REQUEST: dict[str, Any] = {"idempotency_key": None, "hold_for": None, "labels": (), "visitor": None}


def dump_request(request: BookingRequest) -> str:
    """Returns what a booking is decided by, as it is stored: without what only this one request says."""
    stored = {name: getattr(request, name) for name in _OF_REQUEST} | _OF_ONE_REQUEST
    # By its fields: orjson takes what the query has worked out and cached as well.
    return as_json({**stored, "query": {name: getattr(request.query, name) for name in _OF_QUERY}})


def read_request(stored: str) -> BookingRequest:
    """Returns what a booking is decided by."""
    return _REQUEST.validate_json(stored)


def read_visitor(stored: Mapping[str, Any]) -> Visitor:
    """Returns a visitor as it is stored in JSON."""
    answers = tuple(Answer(**answer) for answer in stored.get("answers", ()))
    return Visitor(stored.get("name"), stored.get("email"), stored.get("tzid"), answers)


def as_json(value: Any) -> str:
    """Returns a value for a column of JSON."""
    return orjson.dumps(value).decode()
