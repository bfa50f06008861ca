"""The kubeconfig that a user has: one file or several, `KUBECONFIG` or the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def kubeconfigs() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file and what is in it; a file that is missing or no mapping has nothing."""
    for name in (os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")).split(os.pathsep):
        file = Path(name)
        yield file, _content(file)


def contexts() -> list[str]:
    """The names of all contexts."""
    return [
        str(entry.get("name"))
        for _, content in kubeconfigs()
        for entry in content.get("contexts") or []
        if isinstance(entry, dict)
    ]


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
