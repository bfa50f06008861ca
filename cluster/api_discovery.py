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
    # Pulumi's event loop runs in this thread, so this one needs another thread.
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(asyncio.run, _missing_kinds(stack, wanted))
        missing = reading.result()
    if not missing:
        return stack, []
    warnings = list(_warnings(stack, missing))
    return _without(stack, missing), warnings


def wanted_kinds(stack: ResolvedStack) -> dict[str, frozenset[str]]:
    """The kinds of a stack's objects that an operator installs, by API group and version."""
    manifests = list(stack_objects(stack))
    wanted: dict[str, frozenset[str]] = {}
    for group in INSTALLED:
        kinds = {manifest["kind"] for manifest in manifests if manifest["apiVersion"] == group}
        if kinds:
            wanted[group] = frozenset(kinds)
    return wanted


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


def _without(stack: ResolvedStack, missing: Mapping[str, frozenset[str]]) -> ResolvedStack:
    lacks: set[str] = set()
    for kinds in missing.values():
        lacks |= kinds
    cluster = replace(stack.cluster, lacks=frozenset(lacks))
    services = [replace(service, cluster=cluster) for service in stack.services]
    return replace(stack, cluster=cluster, services=tuple(services))


def _warnings(stack: ResolvedStack, missing: Mapping[str, frozenset[str]]) -> Iterator[str]:
    manifests = list(stack_objects(stack))
    for group, kinds in missing.items():
        operator = INSTALLED[group]
        for kind in sorted(kinds):
            names = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == kind}
            listed = ", ".join(sorted(names))
            yield (
                f"{kind} ({group}) is not installed in the cluster: no {kind} is created for {listed}\n"
                f"fix: install {operator} and run pulumi up again; ascend-vllm check {stack.name} --live"
            )
