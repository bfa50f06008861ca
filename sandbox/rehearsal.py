"""Rehearses the manual's Steps 1, 2 and 4 on a real node without NPUs: weights, image, and pods that serve.

The pods are those of the stack. Their image contains a vLLM for CPUs, and a missing model is replaced by a tiny one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import cluster, kubectl, paths
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.images import tiny_qwen2, vllm
from sandbox.interrupts import interruptible
from sandbox.plan import Plan
from sandbox.progress import announced, say
from sandbox.real import needs, node, root

STARTED = "Application startup complete"
"""The line that vLLM logs when it is ready."""


@dataclass(frozen=True)
class Service:
    """A service of a rehearsal; `model` is the directory of its weights on the node."""

    name: str
    namespace: str
    image: str
    model: str


def prepare(plan: Plan, services: Sequence[Service]) -> None:
    """Start a sandbox with a real node that has the image of vLLM and the weights of the services.

    Args:
        plan: The sandbox.
        services: The services of the stack.

    Raises:
        SandboxError: A service has another image, or the machine lacks packages for a real node (all are listed).
    """
    for service in services:
        if service.image != vllm.NAME:
            message = f"service {service.name} has the image {service.image}, but a rehearsal has only {vllm.NAME}"
            raise SandboxError(
                message, f"write in the stack's file: image: {vllm.NAME}", WRONG_USAGE
            )
    needs.check(libraries=vllm.LIBRARIES)
    with interruptible():
        say(f"starting sandbox {plan.name} with a real node …")
        cluster.up(plan)
        home = paths.home(plan.name)
        if plan.real:
            say(f"{plan.real.name} is real: {_versions(home, plan.real.name)}")
        _load(home)
        for service in services:
            _put_weights(home, service)


def started(name: str, service: Service) -> str:
    """The line with which the server of a service reports its start; empty if there is no such line."""
    logs = kubectl.call(
        paths.home(name),
        "logs",
        f"--namespace={service.namespace}",
        f"deploy/{service.name}",
        "--container=ascend-vllm",
    )
    for line in logs.stdout.splitlines():
        if STARTED in line:
            return line
    return ""


def _versions(home: Path, node: str) -> str:
    """The versions of a real node: `containerd 1.6.20, kubelet 1.34.1`."""
    output = kubectl.kubectl(home, "get", "node", node, "--output=json")
    info = json.loads(output)["status"]["nodeInfo"]
    runtime, _, runtime_version = info["containerRuntimeVersion"].partition("://")
    runtime_version, _, _ = runtime_version.partition("~")
    kubelet_version = info["kubeletVersion"].removeprefix("v")
    return f"{runtime} {runtime_version}, kubelet {kubelet_version}"


def _load(home: Path) -> None:
    if vllm.NAME in node.images(home):
        return
    archive = vllm.ensure()
    with announced(f"image {vllm.TITLE}: importing") as clock:
        node.load(home, archive)
    say(f"image {vllm.TITLE} imported in {clock}")


def _put_weights(home: Path, service: Service) -> None:
    directory = root.path(home) / os.path.normpath(f"/{service.model}").lstrip("/")
    if not directory.exists():
        tiny_qwen2.write(directory)
        say(
            f"weights of {service.name} are on the node in {service.model}: two random layers, 2 MB"
        )
