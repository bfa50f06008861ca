"""The sandbox's programs: from PATH when they are good, else built once into the user's cache."""

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
"""What a build takes on disk, by the time that it takes: about 12 GB for everything."""


@dataclass(frozen=True)
class Toolchain:
    """Where each program is, and the directory with Volcano's resource definitions."""

    programs: dict[str, Path]
    crds: Path


def ensure(keep_build_cache: bool = False, tools: Iterable[Tool] = TOOLS, modules: Path = MODULES) -> Toolchain:
    """All tools, building what is missing. Says what it takes from PATH, what it refuses, and each build with its time.

    Raises SandboxError when Go is missing or too old, the disk too full, or a build fails.
    """
    wanted = tuple(tools)
    target = tools_dir(key(wanted, modules))
    good, refused = onpath.select(wanted)
    _announce(good, refused)
    ours = [tool for tool in wanted if tool.name not in good]
    if _missing(ours, target):
        build(ours, target, keep_build_cache)
    programs = {tool.name: target / "bin" / tool.name for tool in ours}
    return Toolchain({**programs, **{name: found.path for name, found in good.items()}}, target / "crd")


def build(tools: list[Tool], target: Path, keep_build_cache: bool = False) -> None:
    """Build the tools that `target` lacks, one at a time; what an interrupted run has built is kept."""
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
    if not is_terminal():
        say(f"{title}: building ({number}, {_estimate([tool])} on two cores)")
    with working(f"{title}: building ({number}, {_estimate([tool])} on two cores)") as clock:
        gobuild.build(tool, target)
    say(f"{title} … built in {clock}")


def _missing(tools: Iterable[Tool], target: Path) -> list[Tool]:
    return [tool for tool in tools if not os.access(target / "bin" / tool.name, os.X_OK)]


def _estimate(tools: Iterable[Tool]) -> str:
    minutes = sum(tool.minutes for tool in tools)
    return "under a minute" if minutes < 1 else f"about {round(minutes)} min"


def _announce(good: dict[str, onpath.Candidate], refused: list[onpath.Candidate]) -> None:
    for candidate in refused:
        title = f"{candidate.tool.name} {candidate.version}".rstrip()
        say(f"{title} ({candidate.path}) {candidate.objection}: using our own {candidate.tool.version}")
    for candidate in good.values():
        say(f"{candidate.tool.name} {candidate.version or '(version unknown)'} taken from PATH: {candidate.path}")


def _check_space(todo: list[Tool]) -> None:
    """Raise SandboxError before the first minutes are spent when the disk cannot hold the build."""
    needed = _SPACE_PER_MINUTE * sum(tool.minutes for tool in todo)
    cache_root().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_root()).free
    if todo and free < needed:
        raise SandboxError(
            f"building needs {needed / _GIGABYTE:.0f} GB below {cache_root()}; {free / _GIGABYTE:.0f} GB are free",
            "make room, or point XDG_CACHE_HOME to another disk",
        )
