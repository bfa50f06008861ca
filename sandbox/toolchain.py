"""The programs of a sandbox: from PATH if they can be used, else built once into the user's cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox import gobuild, onpath
from sandbox.errors import SandboxError
from sandbox.locks import locked
from sandbox.paths import cache_root, tools_dir
from sandbox.pins import MODULES, TOOLS, Tool, key
from sandbox.progress import is_terminal, say, working

_GIGABYTE = 10**9
_SPACE_PER_MINUTE = 1.1 * _GIGABYTE
"""The disk space of a build for each minute that it takes; all tools need about 12 GB."""


@dataclass(frozen=True)
class Toolchain:
    """The paths of the programs, and the directories with resource definitions."""

    programs: dict[str, Path]
    crds: Path
    """The definitions of Volcano."""
    group_crds: Path | None = None
    """The definitions of LeaderWorkerSets, if the sandbox has their controller."""


def ensure(
    keep_build_cache: bool = False,
    tools: Iterable[Tool] = TOOLS,
    modules: Path = MODULES,
) -> Toolchain:
    """Find all tools, and build those that are missing.

    It reports the tools that it takes from PATH, those that it refuses, and each build with its time.

    Args:
        keep_build_cache: Whether Go's caches remain after a build.
        tools: The tools.
        modules: The directory of the Go modules that pin the tools.

    Raises:
        SandboxError: Go is missing or too old, the disk is too full, or a build fails.
    """
    tools = tuple(tools)
    target = tools_dir(key(tools, modules))
    on_path, refused = onpath.select(tools)
    _announce(on_path, refused)
    ours = [tool for tool in tools if tool.name not in on_path]
    if _missing(ours, target):
        build(ours, target, keep_build_cache)
    programs = {}
    for tool in ours:
        programs[tool.name] = target / "bin" / tool.name
    for name, candidate in on_path.items():
        programs[name] = candidate.path
    return Toolchain(programs, target / "crd")


def build(tools: list[Tool], target: Path, keep_build_cache: bool = False) -> None:
    """Build the tools that `target` does not have, one at a time. An interrupted run keeps its finished tools."""
    gobuild.check_go()
    with locked(cache_root() / "build.lock", "building the sandbox's tools"):
        todo = _missing(tools, target)
        _check_space(todo)
        for number, tool in enumerate(todo, 1):
            _build_one(tool, target, f"{number}/{len(todo)}")
        if not keep_build_cache:
            gobuild.clean_build_caches()


def _build_one(tool: Tool, target: Path, number: str) -> None:
    title = f"{tool.name} {tool.version}"
    progress = f"{title}: building ({number}, {_estimate(tool)} on two cores)"
    if not is_terminal():
        say(progress)
    with working(progress) as clock:
        gobuild.build(tool, target)
    say(f"{title} … built in {clock}")


def _missing(tools: Iterable[Tool], target: Path) -> list[Tool]:
    return [
        tool for tool in tools if not os.access(target / "bin" / tool.name, os.X_OK)
    ]


def _estimate(tool: Tool) -> str:
    if tool.minutes < 1:
        return "under a minute"
    return f"about {round(tool.minutes)} min"


def _announce(
    on_path: dict[str, onpath.Candidate],
    refused: list[onpath.Candidate],
) -> None:
    for candidate in refused:
        tool = candidate.tool
        title = f"{tool.name} {candidate.version}".rstrip()
        say(
            f"{title} ({candidate.path}) {candidate.objection}: using our own {tool.version}"
        )
    for name, candidate in on_path.items():
        version = candidate.version or "(version unknown)"
        say(f"{name} {version} taken from PATH: {candidate.path}")


def _check_space(todo: list[Tool]) -> None:
    """Raise SandboxError, before the first build, if the disk does not have enough space for all of them."""
    needed = _SPACE_PER_MINUTE * sum(tool.minutes for tool in todo)
    cache_root().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_root()).free
    if todo and free < needed:
        raise SandboxError(
            f"building needs {needed / _GIGABYTE:.0f} GB in {cache_root()}, but {free / _GIGABYTE:.0f} GB are free",
            "free some space, or set XDG_CACHE_HOME to a directory on another disk",
        )
