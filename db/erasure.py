"""Erasing an account: its row and everything that is stored about it, wherever that is.

What belongs to the account alone refers to its row, and is deleted with it. What it shares with others keeps its sub:
links, bookings and undelivered callbacks about a meeting with others. Stored answers to idempotency keys are deleted, because the
request cannot be repeated: it names an account that is unknown by then.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.instants import Instant
from core.real_time_scheduling import Completed, Link

from . import calendars, channels, events, real_time_scheduling, tables
from .booking_documents import dump_request, read_request
from .notifications.subscribers import mark_changed


async def lock(session: AsyncSession, client_key: int, sub: str) -> int | None:
    """Locks the client's account with this sub. Returns its key, or None.

    Until the end of the transaction no token is issued for it, and no link is created that names it.
    """
    row = tables.Account
    statement = select(col(row.key)).where(col(row.client_key) == client_key, col(row.sub) == sub).with_for_update()
    return (await session.exec(statement)).one_or_none()


async def erase(session: AsyncSession, client_key: int, account_key: int, sub: str, now: Instant) -> frozenset[str]:
    """Erases a locked account. A concurrent booking is complete before, or finds the account unknown afterwards.

    Returns the ids of the bookings that have lost events with it.
    """
    mark_changed(session, account_key)
    # Links before calendars, as a booking by a link locks them.
    links = await _locked_links(session, client_key, sub)
    own = await calendars.keys_of_account(session, account_key)
    await calendars.lock_for_update(session, [*own.values()])
    await _erase_from_links(session, links, sub)
    booking_ids = await events.of_bookings(session, [*own.values()], now)
    await _erase_from_bookings(session, client_key, sub, {*own})
    answer = tables.BookingAnswer
    about = (col(answer.client_key) == client_key, col(answer.answer).contains(sub, autoescape=True))
    await session.exec(delete(answer).where(*about))
    await channels.forget_account(session, account_key)
    await session.exec(delete(tables.Account).where(col(tables.Account.key) == account_key))
    return booking_ids


async def _erase_from_bookings(session: AsyncSession, client_key: int, sub: str, calendar_ids: Collection[str]) -> None:
    """Deletes the bookings that name no other account; of the others nothing but the sub remains."""
    row = tables.Booking
    about = (col(row.client_key) == client_key, col(row.request).contains(sub, autoescape=True))
    found = await session.exec(select(row).where(*about).order_by(col(row.booking_id)).with_for_update(key_share=True))
    for booking in found.all():
        rest = read_request(booking.request).without_details_of(sub)
        if rest is None or await _is_of_nobody_else(session, booking.booking_id, sub):
            await session.exec(delete(row).where(col(row.key) == booking.key))
            continue
        values: dict[str, Any] = {
            "request": dump_request(rest),
            "calendar_ids": [id for id in booking.calendar_ids if id not in calendar_ids],
        }
        await session.exec(update(row).where(col(row.key) == booking.key).values(values))


async def _is_of_nobody_else(session: AsyncSession, booking_id: str, sub: str) -> bool:
    row = tables.BookingParticipant
    return {*(await session.exec(select(row.sub).where(col(row.booking_id) == booking_id)))} == {sub}


async def _locked_links(session: AsyncSession, client_key: int, sub: str) -> list[Link]:
    row = tables.RealTimeScheduling
    about = (col(row.client_key) == client_key, col(row.request).contains(sub, autoescape=True))
    found = await session.exec(select(row).where(*about).order_by(col(row.key)).with_for_update())
    return [real_time_scheduling.link(each) for each in found]


async def _erase_from_links(session: AsyncSession, links: Sequence[Link], sub: str) -> None:
    row = tables.RealTimeScheduling
    for link in links:
        of_link = col(row.scheduling_id) == link.scheduling_id
        rest = link.request.without_details_of(sub)
        if rest is None or (isinstance(link.state, Completed) and set(link.state.participants) == {sub}):
            await session.exec(delete(row).where(of_link))
            await _delete_callbacks(session, link)
        else:
            await session.exec(update(row).where(of_link).values(request=real_time_scheduling.dump(rest)))


async def _delete_callbacks(session: AsyncSession, link: Link) -> None:
    """Deletes undelivered callbacks about a link."""
    row: Any = tables.Callback
    about = col(row.body).contains(link.scheduling_id, autoescape=True)
    await session.exec(delete(row).where(col(row.client_key) == link.client_key, about))
