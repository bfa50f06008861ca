"""The behaviour of simulated nodes and pods: kwok's stages. They are objects in the cluster; users can add some."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import kubectl
from sandbox.errors import SandboxError

STAGES = Path(__file__).with_name("stages.yaml")

_SECONDS = 30


def install(home: Path) -> None:
    """Create kwok's default stages: nodes and pods become ready immediately, unless another stage changes this."""
    await_served(home)
    kubectl.kubectl(home, "create", "-f", str(STAGES))


def await_served(home: Path) -> None:
    """Wait until the API server serves all resource definitions.

    Raises:
        SandboxError: It does not serve them within half a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while not _all_served(home):
        if time.monotonic() > deadline:
            message = f"the API server did not serve all resources within {_SECONDS} s"
            raise SandboxError(message, "start the sandbox again")
        time.sleep(0.1)


def _all_served(home: Path) -> bool:
    definitions = kubectl.items(home, "crd")
    return all(is_served(definition) for definition in definitions)


def is_served(definition: Mapping[str, Any]) -> bool:
    """Whether the API server serves a resource definition. Just after its creation, a definition has no conditions."""
    conditions = definition.get("status", {}).get("conditions") or []
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for condition in conditions
    )
