"""Bookings as a thing of their own, which their events refer to. Links that were completed before get theirs."""

import json
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")

#: rows that are read at a time
_PAGE = 1000


def upgrade() -> None:
    _create_tables()
    op.add_column("events", sa.Column("booking_id", sa.String()))
    op.add_column("events", sa.Column("lapses_at", sa.BigInteger()))
    op.create_index("events_of_bookings", "events", ["booking_id"], **_where("booking_id IS NOT NULL"))
    op.drop_index("events_blocking", "events")
    columns = ["calendar_key", "blocks", "ends_at", "starts_at", "status"]
    op.create_index("events_blocking", "events", [*columns, "lapses_at"])
    for link in _completed_links():
        _add_booking_of_link(link)
    for answer in _stored_answers():
        _add_booking_of_answer(answer)


def _create_tables() -> None:
    op.create_table(
        "bookings",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("client_key", _KEY, nullable=False),
        sa.Column("booking_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("hold_expires_at", sa.BigInteger()),
        sa.Column("sequence_id", sa.String()),
        sa.Column("real_time_scheduling_key", _KEY),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("calendar_ids", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("visitor", sa.JSON()),
        sa.Column("cancel_reason", sa.String()),
        sa.Column("cancelled_by", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client_key"], ["clients.key"], "bookings_client_key_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["real_time_scheduling_key"],
            ["real_time_schedulings.key"],
            "bookings_real_time_scheduling_key_fkey",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("key", name="bookings_pkey"),
        sa.UniqueConstraint("booking_id", name="bookings_booking_id_key"),
    )
    op.create_index("bookings_by_start", "bookings", ["client_key", "starts_at", "booking_id"])
    of_links = _where("real_time_scheduling_key IS NOT NULL")
    op.create_index("bookings_of_links", "bookings", ["real_time_scheduling_key"], **of_links)
    op.create_index("bookings_held", "bookings", ["hold_expires_at"], **_where("status = 'held'"))
    op.create_table(
        "booking_participants",
        sa.Column("booking_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.booking_id"], "booking_participants_booking_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("booking_id", "position", name="booking_participants_pkey"),
    )
    op.create_index("booking_participants_by_start", "booking_participants", ["sub", "starts_at", "booking_id"])


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _completed_links() -> Iterable[Any]:
    return _pages(
        "SELECT key, client_key, request, starts_at, ends_at, participants, visitor_tzid, created_at, closed_at "
        "FROM real_time_schedulings WHERE status = 'completed'",
        participants=sa.JSON,
    )


def _add_booking_of_link(link: Any) -> None:
    """Adds the booking of a completed link. Its events are those that were created when the link was closed."""
    asked = json.loads(link.request)
    request = {name: asked[name] for name in ("query", "event", "target_calendars", "event_creation") if name in asked}
    written = sa.text(
        "SELECT events.key, calendars.calendar_id, sub, events.starts_at, events.ends_at, events.deleted FROM events "
        "JOIN calendars ON calendars.key = calendar_key JOIN accounts ON accounts.key = account_key "
        "WHERE client_key = :client_key AND event_id = :event_id AND events.created_at = :closed_at "
        "ORDER BY calendars.key"
    )
    values = {
        "client_key": link.client_key,
        "event_id": asked["event"]["event_id"],
        "closed_at": link.closed_at,
    }
    events = [event for event in op.get_bind().execute(written, values) if event.sub in link.participants]
    events.sort(key=lambda event: link.participants.index(event.sub))
    more = {"real_time_scheduling_key": link.key, "visitor": {"tzid": link.visitor_tzid}}
    _add(link.client_key, request, (link.starts_at, link.ends_at), link.participants, events, link.closed_at, more)


def _stored_answers() -> Iterable[Any]:
    return _pages("SELECT key, client_key, answer, created_at FROM booking_answers WHERE answer LIKE '%\"events\"%'")


def _add_booking_of_answer(row: Any) -> None:
    """Adds the booking of an answer that is stored for an idempotency key, and its id to the answer."""
    answer = json.loads(row.answer)
    if not answer.get("events"):
        return
    start, end, subs = answer["start"], answer["end"], answer["participants"]
    # The query is not known any more: it was of these members, at this time.
    members = [{"sub": sub} for sub in subs]
    query = {
        "participants": [{"members": members, "required": "all"}],
        "required_duration": {"hours": None, "minutes": -(-(end - start) // 60)},
        "query_slots": [start],
    }
    uids = [event["event_uid"] for event in answer["events"]]
    written = sa.text(
        "SELECT events.key, calendars.calendar_id, event_uid, events.starts_at, events.ends_at, events.deleted "
        "FROM events JOIN calendars ON calendars.key = calendar_key WHERE event_uid IN :uids"
    ).bindparams(sa.bindparam("uids", expanding=True))
    events = sorted(op.get_bind().execute(written, {"uids": uids}), key=lambda event: uids.index(event.event_uid))
    request = {"query": query, "event": {**answer["events"][0]["draft"], "start": start, "end": end}}
    booking: dict[str, Any] = {
        "booking_id": _add(row.client_key, request, (start, end), subs, events, row.created_at, {}),
        "status": "confirmed",
        "start": start,
        "end": end,
        "participants": subs,
        "created": row.created_at,
        "updated": row.created_at,
        "cancelled_by": None,
        "labels": [],
        "visitor": None,
    }
    change = sa.text("UPDATE booking_answers SET answer = :answer WHERE key = :key")
    changed = json.dumps({"booking": booking, "events": answer["events"]}, ensure_ascii=False)
    op.get_bind().execute(change, {"key": row.key, "answer": changed})


def _add(
    client_key: int,
    request: dict[str, Any],
    booked: tuple[int, int],
    subs: Sequence[str],
    events: Sequence[Any],
    created_at: int,
    more: dict[str, Any],
) -> str:
    """Adds a booking of these events, and returns its id. It is where those are that were not deleted."""
    connection = op.get_bind()
    present = [event for event in events if not event.deleted]
    start, end = (present[0].starts_at, present[0].ends_at) if present else booked
    booking_id = f"bkg_{secrets.token_hex(12)}"
    row = {
        "client_key": client_key,
        "booking_id": booking_id,
        "status": "confirmed" if present else "cancelled",
        "cancelled_by": None if present else "events",
        "starts_at": start,
        "ends_at": end,
        "request": json.dumps({**request, "start": start}),
        "calendar_ids": [event.calendar_id for event in events],
        "labels": [],
        "created_at": created_at,
        "updated_at": created_at,
        **more,
    }
    connection.execute(sa.insert(_table("bookings", row)), row)
    participants = [
        {"booking_id": booking_id, "position": position, "sub": sub, "starts_at": start, "ends_at": end}
        for position, sub in enumerate(subs)
    ]
    if participants:
        connection.execute(sa.insert(_table("booking_participants", participants[0])), participants)
    belongs = sa.text("UPDATE events SET booking_id = :booking_id WHERE key = :key")
    for event in events:
        connection.execute(belongs, {"booking_id": booking_id, "key": event.key})
    return booking_id


def _table(name: str, row: dict[str, Any]) -> sa.TableClause:
    as_json = ("calendar_ids", "labels", "visitor")
    return sa.table(name, *(sa.column(column, sa.JSON() if column in as_json else None) for column in row))


def _pages(statement: str, **types: Any) -> Iterable[Any]:
    """The rows of a statement with a condition, read in pages by their keys."""
    page = sa.text(f"{statement} AND key > :key ORDER BY key LIMIT :most").columns(**types)
    key = 0
    while rows := op.get_bind().execute(page, {"key": key, "most": _PAGE}).all():
        key = rows[-1].key
        yield from rows


def downgrade() -> None:
    op.drop_index("events_blocking", "events")
    op.create_index("events_blocking", "events", ["calendar_key", "blocks", "ends_at", "starts_at", "status"])
    op.drop_index("events_of_bookings", "events")
    op.execute("DELETE FROM events WHERE lapses_at IS NOT NULL")  # a hold that nothing would end any more
    op.drop_column("events", "lapses_at")
    op.drop_column("events", "booking_id")
    op.drop_table("booking_participants")
    op.drop_table("bookings")
