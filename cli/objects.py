"""The objects of a stack as they are in its cluster, for the commands that compare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cli.live import run
from cli.stacks import find_stack, stack_names
from cluster.reader import connected
from cluster.stack_objects import Made, read_made
from models.manifests import Manifest, stack_objects
from models.manifests.secrets import secret_objects
from models.service.resolved import ResolvedStack
from review.drift import Live


class Looked(NamedTuple):
    """What a stack gives and what is there."""

    wanted: list[Manifest]
    """The objects of the stack, but for those that may not be read."""
    live: Live
    unread: Mapping[str, str]
    """What could not be read, and why."""


def look(stack: ResolvedStack) -> Looked:
    """Read the objects of a stack from its cluster.

    Raises:
        CommandError: The cluster cannot be read.
    """
    wanted = {(item["kind"], item["metadata"]["name"]): item for item in _objects(stack)}
    made = run(_read(stack, [*wanted]), stack.cluster.context)
    readable = [item for key, item in wanted.items() if " ".join(key) not in made.unread]
    return Looked(readable, Live(made.objects, made.autoscaled, frozenset(_elsewhere(stack))), made.unread)


def _objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """The objects of a stack; of Secrets that they are there, since nobody reads more of them."""
    yield from stack_objects(stack)
    for item in secret_objects(stack):
        yield {**{key: item[key] for key in ("apiVersion", "kind")}, "metadata": item["metadata"]}


async def _read(stack: ResolvedStack, keys: list[tuple[str, str]]) -> Made:
    async with connected(stack.cluster.context, stack.cluster.namespace.name) as reader:
        return await read_made(reader, keys)


def _elsewhere(stack: ResolvedStack) -> Iterator[str]:
    """The services of this project's other stacks that share the namespace."""
    place = (stack.cluster.context, stack.cluster.namespace.name)
    for name in stack_names():
        other = find_stack(name) if name != stack.name else None
        if other and (other.cluster.context, other.cluster.namespace.name) == place:
            yield from (service.name for service in other.services)
            yield from other.broken
