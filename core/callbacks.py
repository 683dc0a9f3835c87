"""Callbacks: their body, their signature, and when they are retried.

Delivery to an application that cannot be reached is retried: soon at first, since most are only being
restarted, then less often, since by now a person has to repair it. After three days it is given up.
"""

import base64
import hmac
from typing import Any

from .booking_life import Booking, BookingStatus
from .instants import DAY, HOUR, MINUTE, Instant, format_instant
from .real_time_scheduling import CallbackKind, Completed, Link

_WAITS = (10, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY)
"""Seconds between attempts, long enough for a restart, for a mistake that is fixed at once, for a night and
for a weekend. Their sum is just under three days."""


def body(link: Link, kind: CallbackKind, *, url: str, visitor_tzid: str, delivery_id: str) -> dict[str, Any]:
    """Returns the body of a callback, as an object to be encoded as JSON.

    `url` is the link's URL, `visitor_tzid` the visitor's time zone. Times, participants and the booking
    are included once the link is completed.
    """
    content: dict[str, Any] = {
        "notification": {"type": kind.value, "delivery_id": delivery_id},
        "real_time_scheduling": {
            "real_time_scheduling_id": link.scheduling_id,
            "url": url,
            "status": link.state.status.value,
        },
        "event": _event(link),
        "user": {"tzid": visitor_tzid},
    }
    if isinstance(link.state, Completed):
        content["participants"] = [{"sub": sub} for sub in link.state.participants]
        if link.state.booking is not None:
            content["booking"] = _booking(link.state.booking)
    return content


def signature(secret: str, body: bytes) -> str:
    """Returns the HMAC-SHA256 of the body under the client's secret, in base64: it proves who sent the body."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def wait_after(attempts: int) -> int | None:
    """Returns the seconds until the next attempt after this many failed ones; None to give up."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None


def _booking(booking: Booking) -> dict[str, Any]:
    found: dict[str, Any] = {
        "booking_id": booking.booking_id,
        "status": booking.status.value,
        "metadata": {label.key: label.value for label in booking.labels},
    }
    if booking.status is BookingStatus.CANCELLED:
        found["cancelled_by"], found["cancel_reason"] = booking.cancelled_by, booking.cancel_reason
    if (visitor := booking.visitor) is not None:
        answers = [{"question_id": answer.question_id, "text": answer.text} for answer in visitor.answers]
        about = {"name": visitor.name, "email": visitor.email, "tzid": visitor.tzid, "answers": answers}
        found["visitor"] = {name: value for name, value in about.items() if value}
    return found


def _event(link: Link) -> dict[str, Any]:
    draft = link.request.event
    event: dict[str, Any] = {"event_id": draft.event_id, "summary": draft.summary, "tzid": draft.zone}
    if draft.description:
        event["description"] = draft.description
    if isinstance(link.state, Completed):
        event["start"] = _time(link.state.start, draft.zone)
        event["end"] = _time(link.state.end, draft.zone)
    return event


def _time(instant: Instant, tzid: str) -> dict[str, str]:
    return {"time": format_instant(instant), "tzid": tzid}
