"""The first rows of each of several parents, in one statement, however many parents there are."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import literal_column, true
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

T = TypeVar("T", bound=SQLModel)


async def first_of_each(
    session: AsyncSession,
    row: type[T],
    parent: Any,
    keys: Collection[int],
    conditions: Callable[[Any], Sequence[Any]],
    order: Callable[[Any], Sequence[Any]],
    count: int,
) -> dict[int, list[T]]:
    """Returns up to `count` rows of each parent with one of the keys, by the parent's key, in order.

    `conditions` and `order` take the table of the rows; a condition must relate it to the parent.
    """
    found: dict[int, list[T]] = {key: [] for key in keys}
    most = cast(
        "Any", literal_column(str(count))
    )  # part of the statement: PostgreSQL must know it to plan for a few rows
    if session.get_bind().dialect.name == "postgresql":
        first = select(row).where(*conditions(row)).order_by(*order(row)).limit(most).lateral("first")
        one = cast("Any", aliased(row, first))
        statement = select(col(parent.key), one).join(first, true())
    else:  # SQLite has no LATERAL, but looks rows up by key
        inner, one = cast("Any", aliased(row)), cast("Any", aliased(row))
        first = select(inner.key).where(*conditions(inner)).order_by(*order(inner)).limit(most)
        statement = select(col(parent.key), one).join(one, one.key.in_(first.correlate(parent)))
    statement = statement.where(col(parent.key).in_(keys)).order_by(col(parent.key), *order(one))
    for key, each in await session.exec(statement):
        found[key].append(each)
    return found
