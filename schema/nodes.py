"""The interface of everything that has an id, and fields that are loaded for many objects at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import strawberry
from strawberry import ID, Info, field
from strawberry.dataloader import DataLoader
from strawberry.types.lazy_type import LazyType

from resolvers.context import Context

Load: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]
"""Loads a field of many objects: takes the context, the objects and the field's arguments; returns a value for each.

A value that is an exception is that object's error.
"""


@strawberry.interface(description="Anything with an id of its own. The prefix of the id tells its type.")
class Node:
    id: ID = field(
        description="The public id: a `sub`, a `calendarId`, an `eventUid`, or the id of a booking or a link."
    )


class Batch:
    """How a field is loaded. Its type declares the field; `graph.py` has the function, which knows all types.

    Strawberry's resolver collects the objects of one place in a document and loads them at once. Compiled execution
    calls `load` itself.
    """

    #: the key of the batch in the metadata of its field
    KEY = "openings.batch"

    def __init__(self) -> None:
        self.load: Load = _undefined

    def loader(self, load: Load) -> Load:
        """Decorates the function that loads the field."""
        self.load = load
        return load

    @property
    def metadata(self) -> Mapping[Any, Any]:
        return {self.KEY: self}

    async def of(self, info: Info[Context], one: Any, **arguments: Any) -> Any:
        """Loads the field of one object, together with all others at this place of the document."""
        # All objects at one place of a document have the same arguments.
        key = tuple(step for step in info.path.as_list() if isinstance(step, str))
        loaders = info.context.loaders
        if key not in loaders:

            async def load(objects: list[Any]) -> Sequence[Any]:
                return await self.load(info.context, objects, **arguments)

            # Not cached: in a subscription the same place is executed again and again.
            loaders[key] = DataLoader(load, cache=False)
        return await loaders[key].load(one)


def of_type(name: str, module: str) -> Any:
    """The type of a field whose module imports this one, and so cannot be imported itself."""
    lazy: Any = LazyType(name, module)  # pyright: ignore[reportUnknownVariableType]: generic in what it names
    return lazy


async def _undefined(*_given: Any, **_more: Any) -> Sequence[Any]:
    raise NotImplementedError("graph.py defines how this field is loaded")
