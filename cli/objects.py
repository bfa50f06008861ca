"""The objects of a stack in its cluster, for commands that compare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cli.inputs.stacks import find_stack, stack_names
from cli.live import run
from cluster.api.reader import connected
from cluster.live_objects import LiveObjects, read_live_objects
from models.manifests import Manifest, stack_objects
from models.manifests.secrets import secret_objects
from models.service.resolved import ResolvedStack
from review.drift import Live


class StackObjects(NamedTuple):
    """The objects of a stack, and the objects in its cluster."""

    wanted: list[Manifest]
    """The objects of the stack, without those that could not be read."""
    live: Live
    unread: Mapping[str, str]
    """Objects that could not be read, with the reason."""


def read_objects(stack: ResolvedStack) -> StackObjects:
    """Read the objects of a stack from its cluster.

    Raises:
        CommandError: The cluster cannot be read.
    """
    wanted = {}
    for item in _comparable_objects(stack):
        name = item["metadata"]["name"]
        wanted[item["kind"], name] = item
    found = run(_read(stack, list(wanted)), stack.cluster.context)
    readable = []
    for (kind, name), item in wanted.items():
        if f"{kind} {name}" not in found.unread:
            readable.append(item)
    services_of_others = frozenset(_services_of_other_stacks(stack))
    live = Live(found.objects, found.autoscaled, services_of_others)
    return StackObjects(readable, live, found.unread)


def _comparable_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """The objects of a stack. Secrets have only their metadata, because nobody reads their values."""
    yield from stack_objects(stack)
    for secret in secret_objects(stack):
        yield {
            "apiVersion": secret["apiVersion"],
            "kind": secret["kind"],
            "metadata": secret["metadata"],
        }


async def _read(stack: ResolvedStack, keys: list[tuple[str, str]]) -> LiveObjects:
    async with connected(stack.cluster.context, stack.cluster.namespace.name) as reader:
        return await read_live_objects(reader, keys)


def _services_of_other_stacks(stack: ResolvedStack) -> Iterator[str]:
    """The services of this project's other stacks in the same namespace."""
    for name in stack_names():
        if name == stack.name:
            continue
        other = find_stack(name)
        if other and _namespace(other) == _namespace(stack):
            yield from (service.name for service in other.services)
            yield from other.broken


def _namespace(stack: ResolvedStack) -> tuple[str, str]:
    return stack.cluster.context, stack.cluster.namespace.name
