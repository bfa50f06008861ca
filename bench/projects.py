"""The same services for everybody: a stack file for us, and its objects for the others."""

from __future__ import annotations

import json
import math
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
    """The number of nodes that services with one NPU each fill."""
    return math.ceil(services / NPUS_PER_NODE)


def write_ours(directory: Path, stack: str, context: str, services: int) -> None:
    """Write our program with a stack file of so many services, one NPU each."""
    settings = (ROOT / "Pulumi.yaml").read_text(encoding="utf-8")
    _write_project(directory, settings, ROOT / "__main__.py")
    for package in ("cluster", "components", "models"):
        (directory / package).symlink_to(ROOT / package)
    pool = {
        "nodes": nodes_for(services),
        "npusPerNode": NPUS_PER_NODE,
        "npuMemory": "64Gi",
    }
    cluster = {
        "context": context,
        "namespace": NAMESPACE,
        "platform": "cce",
        "pools": {"snt9b": pool},
    }
    entries = {}
    for number in range(1, services + 1):
        entries[f"service-{number:03}"] = _service(number)
    config = {
        "ascend-vllm:cluster": cluster,
        "ascend-vllm:services": entries,
    }
    _write_stack(directory, stack, config)


def write_bare(directory: Path, stack: str, context: str, ours: Path) -> None:
    """Write the bare program with the objects of our project's stack file.

    Our program waits for the pods itself. The bare one leaves this to Pulumi's provider, and kubectl to `wait`.
    """
    _write_project(directory, _BARE_PROJECT, Path(__file__).with_name("bare.py"))
    resolved = resolve(load_stack(stack, project=ours))
    check(resolved).raise_for_errors(ValueError)
    objects = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [_awaited(manifest) for manifest in stack_objects(resolved)],
    }
    objects_file(directory).write_text(json.dumps(objects), encoding="utf-8")
    _write_stack(directory, stack, {"bench-bare:context": context})


def changed_stack(file: Path) -> Path:
    """Write a copy of our stack file in which every service has a longer context; its path."""
    changed = file.parent / "changed" / file.name
    changed.parent.mkdir(exist_ok=True)
    text = file.read_text(encoding="utf-8")
    changed.write_text(text.replace("4096", "8192"), encoding="utf-8")
    return changed


def objects_file(directory: Path) -> Path:
    """The file with the objects of a bare project, for `kubectl apply` too."""
    return directory / "objects.json"


def _awaited(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest for whose pods Pulumi's provider waits."""
    if manifest["kind"] != "Deployment":
        return manifest
    metadata = manifest["metadata"]
    annotations = {
        key: value
        for key, value in metadata["annotations"].items()
        if key not in NOT_AWAITED
    }
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _write_project(directory: Path, settings: str, program: Path) -> None:
    directory.mkdir()
    (directory / ".venv").symlink_to(sys.prefix)
    (directory / "Pulumi.yaml").write_text(settings, encoding="utf-8")
    shutil.copy(program, directory / "__main__.py")


def _write_stack(directory: Path, stack: str, config: dict[str, Any]) -> None:
    text = yaml.safe_dump({"config": config}, sort_keys=False)
    (directory / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")


def _service(number: int) -> dict[str, Any]:
    """A service like the manual's. Its name is part of its script, so that no two scripts are equal."""
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
