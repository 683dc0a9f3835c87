"""Connections: GraphQL types for a page of a list."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar

import strawberry
from strawberry import argument, field
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition, StrawberryType

from core.pages import Page, PageRequest

from .optional import or_default, or_none

Item = TypeVar("Item")
Node = TypeVar("Node")


First = Annotated[int | None, argument(description="The maximum number of items, 1 to 1000.")]
After = Annotated[
    str | None, argument(description="Returns the items after this cursor. If omitted: from the beginning.")
]


def page_request(first: int | None, after: str | None) -> PageRequest:
    """Returns the request for a page from the arguments `first` and `after`."""
    return PageRequest(or_default(first, 100), or_none(after))


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = field(description="Whether there are items after this page.")
    has_previous_page: bool = field(description="Whether there are items before this page.")
    start_cursor: str | None = field(description="The cursor of the page's first item.")
    end_cursor: str | None = field(
        description="The cursor of the page's last item. Pass it as `after` to get the next page."
    )

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursors[0] if page.cursors else None,
            end_cursor=page.cursors[-1] if page.cursors else None,
        )


@strawberry.type(description="An item and its position in a list.")
class Edge(Generic[Node]):
    cursor: str = field(description="The item's position. Pass it as `after` to get the items that follow.")
    node: Node = field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = field(description="The items with their cursors.")
    nodes: list[Node] = field(description="The items.")
    page_info: PageInfo = field(description="The position of the page in the list.")

    @classmethod
    def of(cls, page: Page[Item], make_node: Callable[[Item], Node]) -> Self:
        nodes = [make_node(item) for item in page.items]
        edges = [Edge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
        return cls(edges=edges, nodes=nodes, page_info=PageInfo.of(page))


class ConnectionNames(NameConverter):
    """Strawberry's type names, except that `Connection[StoredAvailablePeriod]` is AvailablePeriodConnection.

    A connection is named after the field that returns it.
    """

    def from_generic(self, generic_type: StrawberryObjectDefinition, types: list[StrawberryType | type]) -> str:
        return super().from_generic(generic_type, types).removeprefix("Stored")
