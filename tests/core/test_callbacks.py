"""Callbacks: their payload, their signature, and when delivery is retried."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.callbacks import body, signature, wait_after
from core.instants import DAY, HOUR, MINUTE
from core.real_time_scheduling import CallbackKind, Disabled
from tests.support.links import OPEN, URL, make_link

GIVEN = {"url": URL, "visitor_tzid": "America/New_York", "delivery_id": "cbk_1f0c2b7d9e4a83b56c7d8e9f"}
PAGE = Path(__file__).parents[2] / "docs" / "callbacks.md"


def test_a_completed_callback_has_times_and_participants() -> None:
    """In the field names of Cronofy's callbacks, and as the docs show it."""
    shown, *_ = re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    booked = make_link(1, description="Bring your papers")
    event = replace(booked.request.event, summary="Interview")
    booked = replace(booked, request=replace(booked.request, event=event))
    assert body(booked, CallbackKind.COMPLETED, **GIVEN) == json.loads(shown)


@pytest.mark.parametrize("kind", [CallbackKind.NO_TIMES_SUITABLE, CallbackKind.NO_TIMES_DISPLAYED])
def test_a_callback_without_a_booking_has_no_times(kind: CallbackKind) -> None:
    """It has no participants either, and no description if the link has none."""
    told = body(make_link(1, state=OPEN), kind, **GIVEN)
    assert told["notification"]["type"] == kind
    assert told["real_time_scheduling"]["status"] == "open"
    assert told["event"] == {"event_id": "interview-17", "summary": "Interview — 面接", "tzid": "Europe/London"}
    assert "participants" not in told


def test_the_status_is_that_of_the_link() -> None:
    """A visitor may open a link after it was disabled."""
    told = body(make_link(1, state=Disabled("Taken.")), CallbackKind.NO_TIMES_DISPLAYED, **GIVEN)
    assert told["real_time_scheduling"]["status"] == "disabled"


def test_the_signature_matches_rfc_4231() -> None:
    """Its second test case, in base64 as in the header."""
    found = base64.b64decode(signature("Jefe", b"what do ya want for nothing?"))
    assert found.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(st.text(min_size=1), st.binary())
def test_the_signature_matches_the_standard_library(secret: str, body: bytes) -> None:
    """HMAC of the bytes sent, with the secret unchanged."""
    try:
        key = secret.encode()
    except UnicodeEncodeError:
        return
    assert base64.b64decode(signature(secret, body)) == hmac.new(key, body, hashlib.sha256).digest()


def test_attempts_spread_over_three_days_with_growing_pauses() -> None:
    """Often enough for a restart, long enough for a weekend, and bounded."""
    waits = [wait for attempts in range(1, 100) if (wait := wait_after(attempts)) is not None]
    assert waits[:3] == [10, 30, 2 * MINUTE]
    assert all(one <= other for one, other in pairwise(waits))
    assert 2 * DAY < sum(waits) < 3 * DAY
    assert waits[-1] == DAY
    assert [wait_after(len(waits)), wait_after(len(waits) + 1)] == [DAY, None]
    assert sum(wait <= HOUR for wait in waits) == 6
    assert len(waits) + 1 == 12, "attempts, as documented"
