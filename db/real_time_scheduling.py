"""Booking links: the scheduling request of each, and its state."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import tuple_
from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking
from core.instants import HOUR, Instant
from core.pages import Cursor
from core.real_time_scheduling import CallbackKind, Completed, Disabled, Link, Open, SchedulingRequest, State, Status

from . import tables
from .booking_lists import made_with

#: An application is notified at most once in so many seconds that a visitor finds no time: visitors
#: come again, and so do programs that open links for them.
_NOTIFY_INTERVAL = HOUR

_LAST_NOTIFIED: dict[CallbackKind, Any] = {
    CallbackKind.NO_TIMES_SUITABLE: tables.RealTimeScheduling.no_times_suitable_at,
    CallbackKind.NO_TIMES_DISPLAYED: tables.RealTimeScheduling.no_times_displayed_at,
}

_REQUEST = TypeAdapter(SchedulingRequest)


async def create(session: AsyncSession, client_key: int, request: SchedulingRequest, now: Instant) -> Link:
    """Creates an open link."""
    made = Link(f"sch_{secrets.token_hex(12)}", client_key, request, Open())
    row = tables.RealTimeScheduling(
        client_key=client_key,
        scheduling_id=made.scheduling_id,
        request=dump(request),
        created_at=now,
        finishes_at=max((end for _, end in request.query.window()), default=now),
        **_columns(made.state),
    )
    session.add(row)
    return made


async def find(session: AsyncSession, scheduling_id: str, *, lock: bool = False) -> Link | None:
    """Returns the link with this id, or None. `lock` locks it until the end of the transaction."""
    statement = select(tables.RealTimeScheduling).where(col(tables.RealTimeScheduling.scheduling_id) == scheduling_id)
    row = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return (await _links(session, [row]))[0] if row is not None else None


async def find_all(session: AsyncSession, scheduling_ids: Collection[str | None]) -> dict[str, Link]:
    """Returns the links with these ids, by id."""
    row = tables.RealTimeScheduling
    found = await session.exec(select(row).where(col(row.scheduling_id).in_(scheduling_ids)))
    return {each.scheduling_id: each for each in await _links(session, found.all())}


async def key_of(session: AsyncSession, link: Link) -> int | None:
    """Returns the key of a locked link."""
    row = tables.RealTimeScheduling
    return (await session.exec(select(row.key).where(col(row.scheduling_id) == link.scheduling_id))).one()


async def list_links(
    session: AsyncSession, client_key: int, status: Status | None, after: Cursor | None, count: int
) -> list[tuple[Link, Instant]]:
    """Returns up to `count` links of the client after the cursor, oldest first, each with its time of creation."""
    row = tables.RealTimeScheduling
    statement = select(row).where(col(row.client_key) == client_key)
    if status is not None:
        statement = statement.where(col(row.status) == status.value)
    position = tuple_(col(row.created_at), col(row.scheduling_id))
    if after is not None:
        statement = statement.where(position > tuple_(after.instant, after.id))
    statement = statement.order_by(col(row.created_at), col(row.scheduling_id)).limit(count)
    rows = (await session.exec(statement)).all()
    return [(each, row.created_at) for each, row in zip(await _links(session, rows), rows, strict=True)]


async def set_state(session: AsyncSession, link: Link, state: State, now: Instant) -> Link:
    """Stores another state of a locked link. Returns the link in that state."""
    statement = (
        update(tables.RealTimeScheduling)
        .where(col(tables.RealTimeScheduling.scheduling_id) == link.scheduling_id)
        .values(closed_at=now, finishes_at=_finishes_at(state, now), **_columns(state))
    )
    await session.exec(statement)
    return replace(link, state=state)


async def may_notify(session: AsyncSession, link: Link, kind: CallbackKind, now: Instant) -> bool:
    """Whether the application may be notified now, because it was not recently. If so, records now as the last time."""
    last = _LAST_NOTIFIED[kind]
    statement = (
        update(tables.RealTimeScheduling)
        .where(
            col(tables.RealTimeScheduling.scheduling_id) == link.scheduling_id,
            col(tables.RealTimeScheduling.status) == Status.OPEN,
            or_(col(last).is_(None), col(last) <= now - _NOTIFY_INTERVAL),
        )
        .values({last: now})
    )
    return (await session.exec(statement)).rowcount == 1


def dump(request: SchedulingRequest) -> str:
    """Returns the request as it is stored."""
    return _REQUEST.dump_json(request).decode()


def _finishes_at(state: State, now: Instant) -> Instant:
    """Returns when a link that gets this state now is finished."""
    return max(now, state.end) if isinstance(state, Completed) else now


def _columns(state: State) -> dict[str, Any]:
    booked = state if isinstance(state, Completed) else None
    return {
        "status": state.status.value,
        "starts_at": booked.start if booked is not None else None,
        "ends_at": booked.end if booked is not None else None,
        "participants": list(booked.participants) if booked is not None else None,
        "visitor_tzid": booked.visitor_tzid if booked is not None else None,
        "display_message": state.display_message if isinstance(state, Disabled) else None,
    }


async def _links(session: AsyncSession, rows: Sequence[tables.RealTimeScheduling]) -> list[Link]:
    """Returns the links of rows, those that are completed with their bookings as they are now."""
    keys = {row.key or 0: row.scheduling_id for row in rows if row.status == Status.COMPLETED}
    booked = await made_with(session, keys) if keys else {}
    return [_following(link(row), booked.get(row.key or 0)) for row in rows]


def _following(link: Link, booking: Booking | None) -> Link:
    if booking is None or not isinstance(link.state, Completed):
        return link
    return replace(link, state=link.state.with_booking(booking))


def link(row: tables.RealTimeScheduling) -> Link:
    """Returns the link of a row, as it was when it was booked."""
    return Link(row.scheduling_id, row.client_key, _REQUEST.validate_json(row.request), _state(row))


def _state(row: tables.RealTimeScheduling) -> State:
    match Status(row.status):
        case Status.OPEN:
            return Open()
        case Status.DISABLED:
            return Disabled(row.display_message or "")
        case Status.COMPLETED:
            return Completed(
                row.starts_at or 0, row.ends_at or 0, tuple(row.participants or ()), row.visitor_tzid or ""
            )
