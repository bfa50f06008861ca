"""Finds the tools that are already on PATH, and decides which of them can be used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from sandbox.paths import cache_root
from sandbox.pins import ANY, Tool

_SECONDS = 20
"""How long a program may take to print its version."""
_USAGE = 2
"""The exit code with which many programs answer `-help`."""
_EXECUTOR = "pulumi-language-python-exec"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Candidate:
    """A program on PATH."""

    tool: Tool
    path: Path
    version: str
    """Its version; empty if it prints none."""
    objection: str = ""
    """Why it cannot be used; empty if it can."""


def parse_version(text: str) -> Version | None:
    """The first x.y.z in the output of a program, or None."""
    found = _VERSION.search(text)
    if not found:
        return None
    major, minor, patch = found.groups()
    return (int(major), int(minor), int(patch))


def select(
    tools: Iterable[Tool],
    search: str | None = None,
) -> tuple[dict[str, Candidate], list[Candidate]]:
    """The programs on PATH that can be used, by name, and those that cannot, each with its objection.

    The tools of a family are taken from PATH together or not at all: our engine is never mixed with a language host of
    another release.

    Args:
        tools: The tools.
        search: The directories to search, as in PATH; PATH itself if None.
    """
    usable: dict[str, Candidate] = {}
    refused: list[Candidate] = []
    by_family = sorted(tools, key=_family)
    for _, members in groupby(by_family, key=_family):
        family = list(members)
        candidates = _candidates(family, search)
        has_objection = any(candidate.objection for candidate in candidates)
        if has_objection or len(candidates) < len(family):
            refused += _refusals(family, candidates)
        else:
            usable |= {candidate.tool.name: candidate for candidate in candidates}
    return usable, refused


def _family(tool: Tool) -> str:
    return tool.family


def _candidates(family: Sequence[Tool], search: str | None) -> list[Candidate]:
    candidates = []
    for tool in family:
        candidate = examine(tool, search)
        if candidate:
            candidates.append(candidate)
    return candidates


def _refusals(
    family: Sequence[Tool], candidates: Sequence[Candidate]
) -> Iterator[Candidate]:
    """The candidates with an objection. If there is none, a tool of the family is missing."""
    refused = [candidate for candidate in candidates if candidate.objection]
    if refused:
        yield from refused
        return
    found = {candidate.tool.name for candidate in candidates}
    missing = sorted(tool.name for tool in family if tool.name not in found)
    for candidate in candidates[:1]:
        yield replace(candidate, objection=f"has no {' and '.join(missing)}")


def examine(tool: Tool, search: str | None = None) -> Candidate | None:
    """The program on PATH for a tool, or None if there is none or if the sandbox built it."""
    found = shutil.which(tool.name, path=search)
    if not tool.minimum or not found:
        return None
    path = Path(found)
    directory = path.resolve().parent
    if directory.is_relative_to(cache_root().resolve()):
        return None
    if tool.name == "pulumi-language-python" and not shutil.which(
        _EXECUTOR, path=str(directory)
    ):
        return Candidate(tool, path, "", f"has no {_EXECUTOR}")
    return _with_version(tool, path)


def _with_version(tool: Tool, path: Path) -> Candidate:
    """Ask a program for its version."""
    arguments = tool.ask or ("-help",)
    output = _output([str(path), *arguments])
    if output is None:
        return Candidate(tool, path, "", "does not run")
    if tool.minimum == ANY:
        return Candidate(tool, path, "")
    version = parse_version(output)
    if version is None:
        return Candidate(
            tool, path, "", f"does not print its version ({' '.join(tool.ask)})"
        )
    candidate = Candidate(tool, path, ".".join(str(number) for number in version))
    minimum = parse_version(tool.minimum)
    if minimum and version < minimum:
        return replace(candidate, objection=f"is older than {tool.minimum}")
    return candidate


def _output(command: list[str]) -> str | None:
    """The output of a program, or None if it does not run, fails, or takes too long."""
    environment = {
        **os.environ,
        # The program must change nothing in the user's Pulumi directory, and not use the network.
        "PULUMI_HOME": str(cache_root() / "pulumi-home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    try:
        process = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    is_usage = process.returncode == _USAGE and command[-1] == "-help"
    if process.returncode != 0 and not is_usage:
        return None
    return process.stdout + process.stderr
