"""Requests to the API server of a sandbox with kubectl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.environment import environment
from sandbox.errors import SandboxError


def kubectl(home: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl.

    Returns:
        Its standard output.

    Raises:
        SandboxError: It fails; the message has its error.
    """
    process = call(home, *arguments, stdin=stdin)
    if process.returncode != 0:
        problem = process.stderr.strip() or process.stdout.strip()
        fix = "check the sandbox: ascend-vllm sandbox status"
        raise SandboxError(f"kubectl {' '.join(arguments)}: {problem}", fix)
    return process.stdout


def call(
    home: Path, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run kubectl, and do not raise if it fails."""
    return subprocess.run(
        [str(home / "bin" / "kubectl"), *arguments],
        input=stdin or "",
        env=environment(home.name),
        capture_output=True,
        text=True,
        check=False,
    )


def items(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """The objects that `kubectl get` lists."""
    output = kubectl(home, "get", "-o", "json", *arguments)
    objects: list[dict[str, Any]] = json.loads(output)["items"]
    return objects


def create(home: Path, objects: Iterable[dict[str, object]]) -> None:
    """Create objects with one request. Without objects, nothing is done."""
    listed = list(objects)
    if not listed:
        return
    manifest = {"apiVersion": "v1", "kind": "List", "items": listed}
    kubectl(home, "create", "-f", "-", stdin=json.dumps(manifest))
