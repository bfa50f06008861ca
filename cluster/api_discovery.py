"""What kinds of objects a cluster knows, of those that come with something that may not be installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cluster.errors import ClusterError
from cluster.reader import connected
from models.manifests import stack_objects
from models.manifests.kinds import INSTALLED
from models.service.resolved import ResolvedStack


def as_served(stack: ResolvedStack) -> tuple[ResolvedStack, list[str]]:
    """A stack without the objects whose kind its cluster does not know, and what was left out, in words.

    A cluster that cannot be asked, as in a preview without credentials, is taken for one that knows them all.
    """
    wanted = wanted_kinds(stack)
    lacking = {group: kinds - known for group, kinds in wanted.items() if (known := _known(stack, group)) is not None}
    lacks = frozenset[str]().union(*lacking.values())
    if not lacks:
        return stack, []
    cluster = replace(stack.cluster, lacks=lacks)
    services = tuple(replace(service, cluster=cluster) for service in stack.services)
    return replace(stack, cluster=cluster, services=services), [*_left_out(stack, lacking)]


def wanted_kinds(stack: ResolvedStack) -> dict[str, frozenset[str]]:
    """The kinds that a stack makes objects of and that a cluster may lack, by their API group."""
    made = {(item["apiVersion"], item["kind"]) for item in stack_objects(stack)}
    found = {group: frozenset(kind for version, kind in made if version == group) for group in INSTALLED}
    return {group: kinds for group, kinds in found.items() if kinds}


def _known(stack: ResolvedStack, group: str) -> frozenset[str] | None:
    with ThreadPoolExecutor(1) as beside:  # the program runs in a loop of Pulumi's
        return beside.submit(asyncio.run, _ask(stack, group)).result()


async def _ask(stack: ResolvedStack, group: str) -> frozenset[str] | None:
    try:
        async with connected(stack.cluster.context, stack.cluster.namespace.name) as reader:
            return await reader.kinds(group)
    except ClusterError:
        return None


def _left_out(stack: ResolvedStack, lacking: dict[str, frozenset[str]]) -> Iterator[str]:
    for group, kinds in lacking.items():
        names = ", ".join(sorted({item["metadata"]["name"] for item in stack_objects(stack) if item["kind"] in kinds}))
        for kind in sorted(kinds):
            yield (
                f"the cluster knows no {kind} ({group}), so {names} gets none\n"
                f"fix: install {INSTALLED[group]} and run pulumi up again; ascend-vllm check {stack.name} --live"
            )
