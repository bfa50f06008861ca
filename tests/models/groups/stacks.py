"""Stack files with a server over several nodes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from models.launch.launch import launch, script
from models.service.resolved import ResolvedService, ResolvedStack
from tests.conftest import stack_of

IMAGE = "quay.io/ascend/vllm-ascend:v0.23.0-a3"
POOL = "pools: {a3: {nodes: 4, npusPerNode: 16, npuMemory: 64Gi}}"


def group_of(engine: str = "{maxModelLen: 8192}", *, cluster: str = "", **keys: object) -> ResolvedService:
    """The service `deepseek` over two nodes of 16 NPUs, with these keys."""
    (service,) = stack_with_group(engine, cluster=cluster, **keys).services
    return service


def stack_with_group(engine: str, *, cluster: str = "", name: str = "deepseek", **keys: object) -> ResolvedStack:
    """A stack with the service of `group_of`."""
    values = {
        "image": IMAGE,
        "model": "/mnt/models/DeepSeek-V3-W8A8",
        "nodes": 2,
        "npus": 16,
        "engine": engine,
        **keys,
    }
    lines = [f"  {key}: {value}\n" for key, value in values.items() if value is not None]
    head = f"config:\n  ascend-vllm:cluster: {{context: prod{cluster and ', '}{cluster}}}\n  ascend-vllm:services:\n"
    return stack_of(f"{name}:\n" + "".join(lines), head)


def started_with(service: ResolvedService, directory: Path, variables: Mapping[str, str]) -> list[str]:
    """The words with which the launch script starts vLLM, in a pod with these variables."""
    for program in ("vllm", "python"):
        stand_in = directory / program
        stand_in.write_text('#!/bin/bash\nprintf "%s\\n" "${0##*/}" "$@"\n')
        stand_in.chmod(0o755)
    file = directory / "run_vllm.sh"
    file.write_text(script(launch(service)))
    environment = {"PATH": f"{directory}:/usr/bin:/bin", **variables}
    done = subprocess.run(
        ["/bin/bash", file], env=environment, capture_output=True, text=True, check=True, cwd=directory
    )
    return done.stdout.splitlines()
