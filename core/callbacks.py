"""Callbacks: what an application is told of its links, how it knows who says so, and how often it is tried.

An application that cannot be reached is tried again: soon at first, since most of them are only being restarted, then
with more patience, since by now somebody has to see to it, and after three days no more.
"""

import base64
import hmac
from typing import Any

from .instants import DAY, HOUR, MINUTE, Instant, format_instant
from .real_time_scheduling import CallbackKind, Completed, Link

_WAITS = (10, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY)
"""Seconds between one attempt and the next. They are those of a restart, of a mistake that is mended at once, of a night,
and of a weekend; together just short of three days."""


def body(link: Link, kind: CallbackKind, *, url: str, visitor_tzid: str, delivery_id: str) -> dict[str, Any]:
    """What the application is told, to be written as JSON. `url` is the link's, `visitor_tzid` the zone of who sees it.

    Times are there once the link is completed, and then those who meet as well.
    """
    told: dict[str, Any] = {
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
        told["participants"] = [{"sub": sub} for sub in link.state.participants]
    return told


def signature(secret: str, body: bytes) -> str:
    """Proves to whoever knows the client's secret that this very body was sent by somebody who knows it, too."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def wait_after(attempts: int) -> int | None:
    """Seconds until the next attempt, after so many that came to nothing; None: it is given up."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None


def _event(link: Link) -> dict[str, Any]:
    draft = link.request.event
    event: dict[str, Any] = {"event_id": draft.event_id, "summary": draft.summary, "tzid": draft.tzid}
    if draft.description:
        event["description"] = draft.description
    if isinstance(link.state, Completed):
        event["start"] = _time(link.state.start, draft.tzid)
        event["end"] = _time(link.state.end, draft.tzid)
    return event


def _time(instant: Instant, tzid: str) -> dict[str, str]:
    return {"time": format_instant(instant), "tzid": tzid}
