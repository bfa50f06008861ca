"""Calls to the sandbox's API server, by kubectl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.environment import environment
from sandbox.errors import SandboxError


def kubectl(home: Path, *arguments: str, stdin: str | None = None) -> str:
    """What kubectl prints; raises SandboxError with what it complains about."""
    answer = call(home, *arguments, stdin=stdin)
    if answer.returncode != 0:
        said = answer.stderr.strip() or answer.stdout.strip()
        fix = "check the sandbox: ascend-vllm sandbox status"
        raise SandboxError(f"kubectl {' '.join(arguments)}: {said}", fix)
    return answer.stdout


def call(
    home: Path, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run kubectl, whatever comes of it."""
    return subprocess.run(
        [str(home / "bin" / "kubectl"), *arguments],
        input=stdin or "",
        env=environment(home.name),
        capture_output=True,
        text=True,
        check=False,
    )


def items(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """The objects of a `kubectl get`."""
    listed: list[dict[str, Any]] = json.loads(
        kubectl(home, "get", "-o", "json", *arguments)
    )["items"]
    return listed


def create(home: Path, objects: Iterable[dict[str, object]]) -> None:
    """Create the objects, in one call; none is fine."""
    listed = list(objects)
    if listed:
        kubectl(
            home,
            "create",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}),
        )
