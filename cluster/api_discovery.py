"""Objects whose kind is installed by an operator, which a cluster may lack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from cluster.errors import ClusterError
from cluster.reader import connected
from models.manifests import stack_objects
from models.manifests.kinds import INSTALLED
from models.service.resolved import ResolvedStack


class Reader(Protocol):
    """What this module reads of a cluster."""

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds that the API server reports for an API group; none if it does not know the group."""

    async def is_defined(self, kind: str) -> bool:
        """Whether the kind has a CustomResourceDefinition."""


def as_served(stack: ResolvedStack) -> tuple[ResolvedStack, list[str]]:
    """A stack without the objects whose kind is not installed in its cluster, and a warning for each such kind.

    An object that is left out is deleted by the next update. So a kind counts as not installed only if the cluster is
    sure of it: a cluster that cannot be read, or whose discovery is out of order, has every kind.
    """
    wanted = wanted_kinds(stack)
    if not wanted:
        return stack, []
    with ThreadPoolExecutor(1) as thread:  # Pulumi's event loop runs in this one
        missing = thread.submit(asyncio.run, _missing_kinds(stack, wanted)).result()
    if not missing:
        return stack, []
    cluster = replace(stack.cluster, lacks=frozenset[str]().union(*missing.values()))
    services = tuple(replace(service, cluster=cluster) for service in stack.services)
    return replace(stack, cluster=cluster, services=services), list(_warnings(stack, missing))


def wanted_kinds(stack: ResolvedStack) -> dict[str, frozenset[str]]:
    """The kinds of a stack's objects that an operator installs, by API group and version."""
    wanted: dict[str, set[str]] = {}
    for manifest in stack_objects(stack):
        if manifest["apiVersion"] in INSTALLED:
            wanted.setdefault(manifest["apiVersion"], set()).add(manifest["kind"])
    return {group: frozenset(wanted[group]) for group in INSTALLED if group in wanted}


async def not_installed(reader: Reader, group: str, kinds: frozenset[str]) -> frozenset[str]:
    """Those of the kinds that are certainly not installed.

    While the API server cannot serve a group, its discovery answers 503, or leaves out kinds that are installed. The
    CustomResourceDefinition shows the difference. Who may not read definitions has to believe discovery.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    unreported = kinds - await reader.kinds(group)
    missing: set[str] = set()
    for kind in unreported:
        try:
            installed = await reader.is_defined(kind)
        except ClusterError as problem:
            if not problem.forbidden:
                raise
            installed = False
        if not installed:
            missing.add(kind)
    return frozenset(missing)


async def _missing_kinds(stack: ResolvedStack, wanted: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The kinds that are certainly not installed, by group. A group that cannot be read is left out."""
    missing: dict[str, frozenset[str]] = {}
    try:
        async with connected(stack.cluster.context, stack.cluster.namespace.name) as reader:
            for group, kinds in wanted.items():
                found = await _not_installed_or_unknown(reader, group, kinds)
                if found:
                    missing[group] = found
    except ClusterError:
        return {}
    return missing


async def _not_installed_or_unknown(reader: Reader, group: str, kinds: frozenset[str]) -> frozenset[str]:
    try:
        return await not_installed(reader, group, kinds)
    except ClusterError:
        return frozenset()


def _warnings(stack: ResolvedStack, missing: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for group, kinds in missing.items():
        for kind in sorted(kinds):
            names = sorted({item["metadata"]["name"] for item in stack_objects(stack) if item["kind"] == kind})
            yield (
                f"{kind} ({group}) is not installed in the cluster: no {kind} is created for {', '.join(names)}\n"
                f"fix: install {INSTALLED[group]} and run pulumi up again; ascend-vllm check {stack.name} --live"
            )
