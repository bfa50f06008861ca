"""Objects whose kind is installed by an operator, which a cluster may lack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cluster.api.errors import ClusterError
from cluster.api.paths import definition_of
from cluster.api.reader import Cluster, connected
from models.manifests import stack_objects
from models.manifests.kinds import INSTALLED
from models.service.resolved import ResolvedStack

Kinds = frozenset[str]

KindsByGroup = Mapping[str, Kinds]
"""Kinds by API group and version, such as `monitoring.coreos.com/v1`."""


def as_served(stack: ResolvedStack) -> tuple[ResolvedStack, list[str]]:
    """A stack without the objects whose kind is not installed in its cluster, and a warning for each such kind.

    The next update deletes an object that is left out. So a kind counts as not installed only if the cluster is sure
    of it. A cluster that cannot be read, or whose discovery is out of order, counts as one with all kinds.
    """
    wanted = wanted_kinds(stack)
    if not wanted:
        return stack, []
    # Pulumi's event loop runs in this thread, so the reader's loop needs another one.
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(asyncio.run, _missing_kinds(stack, wanted))
        missing = reading.result()
    if not missing:
        return stack, []
    warnings = list(_warnings(stack, missing))
    return _without(stack, missing), warnings


def wanted_kinds(stack: ResolvedStack) -> KindsByGroup:
    """The kinds of a stack's objects that an operator installs."""
    manifests = list(stack_objects(stack))
    wanted = {}
    for group in INSTALLED:
        kinds = {
            manifest["kind"]
            for manifest in manifests
            if manifest["apiVersion"] == group
        }
        if kinds:
            wanted[group] = frozenset(kinds)
    return wanted


async def _missing_kinds(stack: ResolvedStack, wanted: KindsByGroup) -> KindsByGroup:
    """The kinds that are certainly not installed; none of a group that cannot be read."""
    cluster = stack.cluster
    missing = {}
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            for group, kinds in wanted.items():
                not_installed = await _not_installed(reader, group, kinds)
                if not_installed:
                    missing[group] = not_installed
    except ClusterError:
        return {}
    return missing


async def _not_installed(reader: Cluster, group: str, kinds: Kinds) -> Kinds:
    """Those of the kinds that are certainly not installed.

    While the API server cannot serve a group, its discovery answers 503, or it leaves out kinds that are installed.
    The CustomResourceDefinition shows the difference.
    """
    missing = set()
    try:
        reported = await reader.kinds(group)
        for kind in kinds - reported:
            if not await _is_defined(reader, kind):
                missing.add(kind)
    except ClusterError:
        return frozenset()
    return frozenset(missing)


async def _is_defined(reader: Cluster, kind: str) -> bool:
    """Whether a kind has a definition; false for a user who may not read definitions and has to believe discovery.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    try:
        return await reader.exists("CustomResourceDefinition", definition_of(kind))
    except ClusterError as problem:
        if problem.forbidden:
            return False
        raise


def _without(stack: ResolvedStack, missing: KindsByGroup) -> ResolvedStack:
    lacks: set[str] = set()
    for kinds in missing.values():
        lacks |= kinds
    cluster = replace(stack.cluster, lacks=frozenset(lacks))
    services = [replace(service, cluster=cluster) for service in stack.services]
    return replace(stack, cluster=cluster, services=tuple(services))


def _warnings(stack: ResolvedStack, missing: KindsByGroup) -> Iterator[str]:
    manifests = list(stack_objects(stack))
    for group, kinds in missing.items():
        operator = INSTALLED[group]
        for kind in sorted(kinds):
            names = {
                manifest["metadata"]["name"]
                for manifest in manifests
                if manifest["kind"] == kind
            }
            listed = ", ".join(sorted(names))
            yield (
                f"{kind} ({group}) is not installed in the cluster: no {kind} is created for {listed}\n"
                f"fix: install {operator} and run pulumi up again; ascend-vllm check {stack.name} --live"
            )
