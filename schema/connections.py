"""What every connection has."""

from typing import Any, Self

import strawberry
from strawberry import field

from core.pages import Page


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = field(description="Whether there are items behind this page.")
    has_previous_page: bool = field(description="Whether there are items before this page.")
    start_cursor: str | None = field(description="The cursor of the page's first item.")
    end_cursor: str | None = field(description="The cursor of the page's last item: the next page's `after`.")

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursors[0] if page.cursors else None,
            end_cursor=page.cursors[-1] if page.cursors else None,
        )
