"""The cgroup of a sandbox's real node, in every hierarchy of the machine: made, and removed with all that is in it."""

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
"""Of version 2, what a kubelet wants where the machine has it (pkg/kubelet/cm/cgroup_v2_manager_linux.go)."""

_OFFERED = "cgroup.controllers"
_PATIENCE = 10.0


def name(home: Path) -> str:
    """Path of the sandbox's cgroup in each hierarchy; sandboxes of one name in two caches have different ones."""
    return f"{PARENT}/{home.name}-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Path]:
    """Where the hierarchies are mounted: one for each controller of version 1, or the one of version 2."""
    lines = (line.split() for line in mounts.read_text(encoding="utf-8").splitlines())
    return [Path(fields[1]) for fields in lines if fields[2] in ("cgroup", "cgroup2")]


def make(home: Path) -> None:
    """Make the sandbox's cgroup, empty.

    Raises SandboxError when it gets no controllers for a kubelet to limit pods with.
    """
    found = hierarchies()
    for hierarchy in found:
        (hierarchy / name(home)).mkdir(parents=True, exist_ok=True)
    if all(
        (hierarchy / _OFFERED).exists() for hierarchy in found
    ):  # beside version 1 a kubelet uses that
        for hierarchy in found:
            _hand_down(hierarchy, hierarchy / name(home))


def _hand_down(hierarchy: Path, top: Path) -> None:
    """In version 2 a cgroup has the controllers that each one above it hands on, which a new one does not."""
    wanted = {*_CONTROLLERS} & {*(hierarchy / _OFFERED).read_text().split()}
    for parent in (hierarchy, top.parent):
        for controller in sorted(wanted):
            with suppress(OSError):  # told below, with all others
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    missing = wanted - {*(top / _OFFERED).read_text().split()}
    if missing:
        raise SandboxError(
            f"the cgroup {top} has no controllers {', '.join(sorted(missing))}: {hierarchy} does not delegate them",
            "run it on the host; in a container, the root cgroup must have no processes",
        )


def remove(home: Path) -> bool:
    """Kill what is in the sandbox's cgroup and remove it everywhere; says whether there was one. Safe to repeat."""
    tops = [
        top for hierarchy in hierarchies() if (top := hierarchy / name(home)).is_dir()
    ]
    deadline = time.monotonic() + _PATIENCE
    while any(not _removed(top) for top in tops) and time.monotonic() < deadline:
        time.sleep(0.02)
    for top in tops:
        with suppress(OSError):  # another sandbox's may be beside it
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
    """The cgroups below `top` and itself, each after those in it."""
    for directory, _, _ in os.walk(top, topdown=False):
        yield Path(directory)
