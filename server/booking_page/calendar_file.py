"""The meeting as a file for the visitor's own calendar (RFC 5545)."""

from core.instants import Instant
from core.real_time_scheduling import Completed, Link

from ..icalendar.lines import moment, text, uri, written
from .meeting import Meeting


def calendar_file(link: Link, state: Completed, now: Instant) -> bytes:
    """The booked meeting as it is now, as an iCalendar file.

    Its UID is the link's id, so importing it twice makes one event; after a change, its SEQUENCE says that it is newer.
    """
    booking = state.booking
    meeting = Meeting.of(link)
    texts = {"SUMMARY": meeting.summary, "DESCRIPTION": meeting.description, "LOCATION": meeting.where}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Openings//Booking page//EN",
        "BEGIN:VEVENT",
        f"UID:{link.scheduling_id}",
        f"DTSTAMP:{moment(now)}",
        f"DTSTART:{moment(state.start)}",
        f"DTEND:{moment(state.end)}",
        *([f"SEQUENCE:{booking.updated - booking.created}"] if booking is not None else []),
        *(["STATUS:CANCELLED"] if state.is_cancelled else []),
        *(f"{name}:{text(value)}" for name, value in texts.items() if value),
        *([f"GEO:{';'.join(meeting.coordinates)}"] if meeting.coordinates is not None else []),
        *([f"URL:{uri(meeting.url)}"] if meeting.url is not None else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return written(lines).encode()
