"""The kubeconfig of the user: the files of `KUBECONFIG`, or `~/.kube/config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cluster.api.errors import ClusterError
from models.stack_file.texts import named_bytes

_MOST_BYTES = 10_000_000
"""Of a file."""

_DESCRIPTORS = "/dev/fd"
"""Directory of the files that shells write for `<(…)`. They can be read only once."""

_LISTS = ("clusters", "contexts", "users")


def kubeconfigs() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file and its content; empty if the file is missing, unreadable or not a kubeconfig."""
    for file in _files():
        try:
            content = _content(file)
        except ClusterError:
            content = {}
        yield file, content


def contexts() -> list[str]:
    """The names of all contexts."""
    names = []
    for _, content in kubeconfigs():
        names += [str(entry.get("name")) for entry in content.get("contexts") or []]
    return names


def refuse_unreadable() -> None:
    """Refuse a kubeconfig that the client cannot read, which would show lines of it, or wait for it.

    Raises:
        ClusterError: A file is not a kubeconfig, is too large, or is a pipe or a device.
    """
    for file in _files():
        if not file.is_relative_to(_DESCRIPTORS):
            _content(file)


def _files() -> Iterator[Path]:
    default = str(Path.home() / ".kube" / "config")
    paths = os.environ.get("KUBECONFIG") or default
    for path in paths.split(os.pathsep):
        yield Path(path)


def _content(file: Path) -> dict[str, Any]:
    """The content of a file; empty if it is missing.

    Raises:
        ClusterError: It cannot be read. The message contains nothing of the file.
    """
    fix = "correct KUBECONFIG, or the file that it names"
    try:
        content = yaml.safe_load(named_bytes(file, _MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as problem:
        message = f"the kubeconfig {file} cannot be read: {problem.strerror}"
        raise ClusterError(message, fix) from None
    except (ValueError, RecursionError, yaml.YAMLError):
        raise ClusterError(f"the kubeconfig {file} is not YAML", fix) from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(
        _is_list_of_mappings(content.get(key)) for key in _LISTS
    ):
        raise ClusterError(f"{file} is not a kubeconfig", fix)
    return content


def _is_list_of_mappings(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
