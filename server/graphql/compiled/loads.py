"""Fields that are loaded for many objects at once, before the compiled reader runs.

A step belongs to one place of a document. It gathers all objects there from the value that was resolved, loads the
field of all of them, and goes on with what it has loaded. So a document takes as many loads as it has such places,
however many objects there are; the reader then finds every value without waiting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql.execution import Executor

from schema.nodes import Batch

#: Adds the objects in a value to a mapping by their ids. The set has the ids of the lists that were gathered from.
Gather: TypeAlias = Callable[[Any, dict[int, Any], set[int]], None]


@dataclass(eq=False, slots=True)
class Step:
    """Loads a field of all objects at one place of a document."""

    batch: Batch
    #: the field's arguments, by their Python names
    arguments: Callable[[Executor[Any]], Mapping[str, Any]]
    gather: Gather
    #: the steps below the field; they gather from the list of what was loaded
    below: "list[Step]" = field(default_factory=list["Step"])

    def through(self, lift: Callable[[Gather], Gather]) -> "Step":
        """The same step, gathering from the value that contains the one that it gathered from."""
        self.gather = lift(self.gather)
        return self


def itself(value: Any, found: dict[int, Any], _seen: set[int]) -> None:
    """Gathers the value."""
    if value is not None:
        found[id(value)] = value


def of_attribute(name: str) -> Callable[[Gather], Gather]:
    """Gathers from an attribute of the value."""

    def lift(gather: Gather) -> Gather:
        def gather_from_attribute(value: Any, found: dict[int, Any], seen: set[int]) -> None:
            if value is not None:
                gather(getattr(value, name), found, seen)

        return gather_from_attribute

    return lift


def of_items(gather: Gather) -> Gather:
    """Gathers from the items of a list, once if the list occurs several times."""

    def gather_from_items(values: Any, found: dict[int, Any], seen: set[int]) -> None:
        if values is None or id(values) in seen:
            return
        seen.add(id(values))
        if gather is itself:
            found.update((id(value), value) for value in values if value is not None)
            return
        for value in values:
            gather(value, found, seen)

    return gather_from_items


async def load(
    steps: Sequence[Step], value: Any, executor: Executor[Any], loaded: dict[Any, Any], kept: list[Any]
) -> None:
    """Adds to `loaded`, for each step, what it has loaded by the id of the object. Raises what a load raises.

    `kept` holds the objects, so that their ids are not used again.
    """
    for step in steps:
        objects: dict[int, Any] = {}
        step.gather(value, objects, set())
        found: Sequence[Any] = ()
        if objects:
            found = await step.batch.load(executor.context_value, [*objects.values()], **step.arguments(executor))
        for each in found:
            if isinstance(each, Exception):
                raise each
        loaded[step] = dict(zip(objects, found, strict=True))
        kept += (objects, found)
        await load(step.below, found, executor, loaded, kept)
