"""The same N services for everybody: a stack file for us, the objects that it means for the others."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from models import check, load_stack, resolve
from models.manifests import stack_objects
from models.manifests.metadata import NOT_AWAITED

ROOT = Path(__file__).parent.parent
NAMESPACE = "bench"
NPUS_PER_NODE = 8

_BARE_PROJECT = """\
name: bench-bare
runtime:
  name: python
  options: {toolchain: pip, virtualenv: .venv}
"""


def nodes_for(services: int) -> int:
    """How many nodes so many services of one NPU fill."""
    return -(-services // NPUS_PER_NODE)


def write_ours(directory: Path, stack: str, context: str, services: int) -> None:
    """Our program with a stack file of so many services, one NPU each."""
    _project(directory, (ROOT / "Pulumi.yaml").read_text(encoding="utf-8"), ROOT / "__main__.py")
    for package in ("components", "models"):
        (directory / package).symlink_to(ROOT / package)
    pool = {"nodes": nodes_for(services), "npusPerNode": NPUS_PER_NODE, "npuMemory": "64Gi"}
    cluster = {"context": context, "namespace": NAMESPACE, "platform": "cce", "pools": {"snt9b": pool}}
    named = {f"service-{number:03}": _service(number) for number in range(1, services + 1)}
    config = {"ascend-vllm:cluster": cluster, "ascend-vllm:services": named}
    _write_stack(directory, stack, config)


def write_bare(directory: Path, stack: str, context: str, ours: Path) -> None:
    """The bare program with the objects that the stack file of our project means.

    Our program waits for the pods itself; the bare one leaves it to Pulumi's provider, and kubectl to `wait`.
    """
    _project(directory, _BARE_PROJECT, Path(__file__).with_name("bare.py"))
    resolved = resolve(load_stack(stack, project=ours))
    check(resolved).raise_for_errors(ValueError)
    everything = {"apiVersion": "v1", "kind": "List", "items": [*map(_awaited, stack_objects(resolved))]}
    objects_file(directory).write_text(json.dumps(everything), encoding="utf-8")
    _write_stack(directory, stack, {"bench-bare:context": context})


def _awaited(item: dict[str, Any]) -> dict[str, Any]:
    if item["kind"] != "Deployment":
        return item
    annotations = {key: text for key, text in item["metadata"]["annotations"].items() if key not in NOT_AWAITED}
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


def changed_stack(file: Path) -> Path:
    """A file beside a stack file of ours, of the same stack, in which every service has a longer context."""
    changed = file.parent / "changed" / file.name
    changed.parent.mkdir(exist_ok=True)
    changed.write_text(file.read_text(encoding="utf-8").replace("4096", "8192"), encoding="utf-8")
    return changed


def objects_file(directory: Path) -> Path:
    """The objects of a bare project, as `kubectl apply` takes them."""
    return directory / "objects.json"


def _project(directory: Path, settings: str, program: Path) -> None:
    directory.mkdir()
    (directory / ".venv").symlink_to(sys.prefix)
    (directory / "Pulumi.yaml").write_text(settings, encoding="utf-8")
    shutil.copy(program, directory / "__main__.py")


def _write_stack(directory: Path, stack: str, config: dict[str, Any]) -> None:
    text = yaml.safe_dump({"config": config}, sort_keys=False)
    (directory / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")


def _service(number: int) -> dict[str, Any]:
    """A service like the manual's, whose script differs from its neighbours'."""
    return {
        "image": "registry.example.com/ascend-vllm:6.3.912",
        "model": "/mnt/models/Qwen2-7B-Instruct",
        "npus": 1,
        "engine": {
            "version": "0.6.3",
            "maxModelLen": 4096,
            "maxNumBatchedTokens": 4096,
            "numSchedulerSteps": 8,
            "servedModelName": f"qwen2-7b-{number}",
        },
        "server": {"kind": "openai", "port": 8080},
    }
