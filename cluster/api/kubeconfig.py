"""The kubeconfig of the user: the files of `KUBECONFIG`, or `~/.kube/config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def kubeconfigs() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file and its content; empty if the file is missing, unreadable or not a mapping."""
    default = str(Path.home() / ".kube" / "config")
    paths = os.environ.get("KUBECONFIG") or default
    for path in paths.split(os.pathsep):
        file = Path(path)
        yield file, _content(file)


def contexts() -> list[str]:
    """The names of all contexts."""
    names = []
    for _, content in kubeconfigs():
        entries = content.get("contexts") or []
        names += [
            str(entry.get("name")) for entry in entries if isinstance(entry, dict)
        ]
    return names


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(content, dict):
        return {}
    return content
