"""What the simulated nodes and pods do: kwok's stages as objects of the cluster, which a user may add to."""

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
    """Make kwok's own stages: nodes and pods become ready at once, unless a further stage says otherwise."""
    await_served(home)
    kubectl.kubectl(home, "create", "-f", str(STAGES))


def await_served(home: Path) -> None:
    """Wait until the API server serves all resource definitions; raise SandboxError after half a minute."""
    deadline = time.monotonic() + _SECONDS
    while not all(map(is_served, kubectl.items(home, "crd"))):
        if time.monotonic() > deadline:
            raise SandboxError(
                f"the API server did not serve all resources within {_SECONDS} s",
                "start again",
            )
        time.sleep(0.1)


def is_served(definition: Mapping[str, Any]) -> bool:
    """Whether the API server serves a resource definition; just after its creation it has no conditions at all."""
    conditions = definition.get("status", {}).get("conditions") or []
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for condition in conditions
    )
