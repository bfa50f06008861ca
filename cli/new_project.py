"""The files of a new Pulumi project: one stack, its services, and workflows for GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.stack_yaml import base_text, stack_text
from models.stack_file.schema import services_schema, stack_schema

BASE = "services.yaml"

EXAMPLE: Mapping[str, Any] = {
    "qwen3-8b": {
        "image": "quay.io/ascend/vllm-ascend:v0.23.0",
        "model": "/mnt/models/Qwen3-8B",
        "npus": 1,
        "engine": {"maxModelLen": 32768},
    }
}
"""The services of a project that is not made from other files."""

_POOLS = """\
# Add the NPU nodes to the cluster, so that `ascend-vllm check` knows their number and memory:
#   pools: {snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}
"""

_OF_PROGRAM = {
    "__main__.py": "__main__.py",
    "Pulumi.yaml": "Pulumi.yaml",
    ".github/zizmor.yml": ".github/zizmor.yml",
    ".github/workflows/preview.yml": ".github/workflows/preview.yml",
    ".github/workflows/comment.yml": ".github/workflows/comment.yml",
    ".github/workflows/drift.yml": ".github/workflows/drift.yml",
}
"""Files that the project has like this repository, and their names here."""

_OF_PROJECT = {
    ".github/workflows/deploy.yml": "deploy.yml",
    ".github/actions/prepare/action.yml": "prepare.yml",
    ".gitignore": "gitignore",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
}
"""Files that only a new project has, and their names below `project_files`."""

_PACKAGE = Path(__file__).parent / "project_files"
_CHECKOUT = Path(__file__).parent.parent
_PROJECT_NAME = "name: ascend-vllm\n"


@dataclass(frozen=True)
class NewProject:
    """The settings of a new project."""

    name: str
    stack: str
    cluster: Mapping[str, Any]
    """The keys of the cluster in the stack file."""
    services: Mapping[str, Any]
    requirement: str
    """The line of requirements.txt that installs the program."""


def project_files(project: NewProject) -> dict[str, str]:
    """The texts of all files by their paths in the project."""
    files = {path: _program_file(source) for path, source in _OF_PROGRAM.items()}
    values = {
        "@project@": project.name,
        "@stack@": project.stack,
        "@requirement@": project.requirement,
    }
    for path, source in _OF_PROJECT.items():
        text = (_PACKAGE / source).read_text(encoding="utf-8")
        files[path] = _filled(text, values)
    files["Pulumi.yaml"] = files["Pulumi.yaml"].replace(
        _PROJECT_NAME, f"name: {project.name}\n"
    )
    files[f"Pulumi.{project.stack}.yaml"] = _stack_file(project)
    files[BASE] = base_text(dict(project.services))
    files["schema/stack.schema.json"] = _as_json(stack_schema(project.name))
    files["schema/services.schema.json"] = _as_json(services_schema())
    return dict(sorted(files.items()))


def _program_file(name: str) -> str:
    """A file of this repository. An installed package has a copy of it, see `force-include` in pyproject.toml."""
    packaged = _PACKAGE / "program" / name
    file = packaged if packaged.exists() else _CHECKOUT / name
    return file.read_text(encoding="utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _stack_file(project: NewProject) -> str:
    text = stack_text(dict(project.cluster), None, project.name, base=BASE)
    if "pools" in project.cluster:
        return text
    schema, _, rest = text.partition("\n")
    return f"{schema}\n{_POOLS}{rest}"


def _as_json(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
