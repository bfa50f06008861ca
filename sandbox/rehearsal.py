"""The manual's Steps 1, 2 and 4 without an NPU, and yet for real: weights and an image on a node, a pod that serves.

The pods are those of the stack. Their image is a vLLM for the CPU, and a model that is not there is a very small one.
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
"""What vLLM says when it answers."""


@dataclass(frozen=True)
class Service:
    """A service to rehearse: its name and namespace, its image, and where its weights are on the node."""

    name: str
    namespace: str
    image: str
    model: str


def prepare(plan: Plan, services: Sequence[Service]) -> None:
    """Bring up the sandbox with a real node that has the image of vLLM and the weights of the services.

    Raises SandboxError when this machine cannot have a real node, with everything that is to be installed, or when a
    service asks for another image.
    """
    for service in services:
        if service.image != vllm.NAME:
            message = f"service {service.name} asks for the image {service.image}, a rehearsal has {vllm.NAME}"
            raise SandboxError(message, f"write in the stack's file: image: {vllm.NAME}", WRONG_USAGE)
    needs.check(libraries=vllm.LIBRARIES)
    with interruptible():
        say(f"bringing up sandbox {plan.name} with a real node …")
        cluster.up(plan)
        home = paths.home(plan.name)
        if plan.real:
            say(f"{plan.real.name} is real: {_versions(home, plan.real.name)}")
        _load(home)
        for service in services:
            _put_weights(home, service)


def started(name: str, service: Service) -> str:
    """The line by which a service's server said that it has started; empty when it did not say so."""
    asked = ("logs", f"--namespace={service.namespace}", f"deploy/{service.name}", "--container=ascend-vllm")
    said = kubectl.call(paths.home(name), *asked).stdout
    return next((line for line in said.splitlines() if STARTED in line), "")


def _versions(home: Path, node: str) -> str:
    """What the real node runs its pods with: `containerd 1.6.20, kubelet 1.34.1`."""
    info = json.loads(kubectl.kubectl(home, "get", "node", node, "--output=json"))["status"]["nodeInfo"]
    runtime, _, version = info["containerRuntimeVersion"].partition("://")
    return f"{runtime} {version.partition('~')[0]}, kubelet {info['kubeletVersion'].removeprefix('v')}"


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
        say(f"weights of {service.name} are on the node in {service.model}: two layers of chance, 2 MB")
