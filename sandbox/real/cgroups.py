"""The cgroup of a real node in every hierarchy of the machine: create it, and remove it with its processes."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sandbox.errors import SandboxError

PARENT = "ascend-vllm"

_CONTROLLERS = ("cpu", "cpuset", "hugetlb", "memory", "pids")
"""Controllers of version 2 that a kubelet uses if the machine has them (pkg/kubelet/cm/cgroup_v2_manager_linux.go)."""

_OFFERED = "cgroup.controllers"
_PATIENCE = 10.0


def name(home: Path) -> str:
    """Path of the sandbox's cgroup in each hierarchy. Sandboxes of the same name in two caches have different paths."""
    return f"{PARENT}/{home.name}-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Path]:
    """The mount points of the hierarchies: one for each controller of version 1, or a single one of version 2."""
    lines = (line.split() for line in mounts.read_text(encoding="utf-8").splitlines())
    return [Path(fields[1]) for fields in lines if fields[2] in ("cgroup", "cgroup2")]


def make(home: Path) -> None:
    """Create the cgroup of the sandbox, empty.

    Raises:
        SandboxError: It lacks controllers that a kubelet needs to limit pods.
    """
    found = hierarchies()
    for hierarchy in found:
        (hierarchy / name(home)).mkdir(parents=True, exist_ok=True)
    # If the machine has hierarchies of both versions, a kubelet uses version 1, which needs no delegation.
    is_version_2 = all((hierarchy / _OFFERED).exists() for hierarchy in found)
    if is_version_2:
        for hierarchy in found:
            _hand_down(hierarchy, hierarchy / name(home))


def _hand_down(hierarchy: Path, top: Path) -> None:
    """Delegate controllers to the cgroup. In version 2, a cgroup has only the controllers that its parents delegate."""
    wanted = {*_CONTROLLERS} & {*(hierarchy / _OFFERED).read_text().split()}
    for parent in (hierarchy, top.parent):
        for controller in sorted(wanted):
            with suppress(OSError):  # reported below
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    missing = wanted - {*(top / _OFFERED).read_text().split()}
    if missing:
        raise SandboxError(
            f"the cgroup {top} has no controllers {', '.join(sorted(missing))}: {hierarchy} does not delegate them",
            "run it on the host; in a container, the root cgroup must have no processes",
        )


def remove(home: Path) -> bool:
    """Kill the processes in the sandbox's cgroup, and remove it from every hierarchy. Return whether it existed."""
    tops = [
        top for hierarchy in hierarchies() if (top := hierarchy / name(home)).is_dir()
    ]
    deadline = time.monotonic() + _PATIENCE
    while any(not _removed(top) for top in tops) and time.monotonic() < deadline:
        time.sleep(0.02)
    for top in tops:
        with suppress(OSError):  # the cgroup of another sandbox may exist
            top.parent.rmdir()
    return bool(tops)


def _removed(top: Path) -> bool:
    for directory in _upwards(top):
        _kill(directory)
        with suppress(OSError):
            directory.rmdir()
    return not top.exists()


def _kill(directory: Path) -> None:
    with suppress(OSError):
        for pid in map(int, (directory / "cgroup.procs").read_text().split()):
            if (
                pid > 0
            ):  # 0 is one that this process cannot see, and would mean this process' own group
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _upwards(top: Path) -> Iterator[Path]:
    """The cgroup `top` and all below it, each after its children."""
    for directory, _, _ in os.walk(top, topdown=False):
        yield Path(directory)
