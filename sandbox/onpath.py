"""Which of the tools are already on PATH and good enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sandbox.paths import cache_root
from sandbox.pins import ANY, Tool

_SECONDS = 20
_USAGE = 2
_EXECUTOR = "pulumi-language-python-exec"

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Candidate:
    """A program on PATH: its version as text (empty when it cannot say), and why it is not good (empty when it is)."""

    tool: Tool
    path: Path
    version: str
    objection: str = ""


def parse_version(text: str) -> Version | None:
    """The first x.y.z in a program's answer, or None."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def select(tools: Iterable[Tool], search: str | None = None) -> tuple[dict[str, Candidate], list[Candidate]]:
    """Split what is on PATH into the good (by name) and the refused, each with its objection.

    The tools of a family come from PATH together or not at all: our engine is not mixed with a language host of another
    release.
    """
    good: dict[str, Candidate] = {}
    refused: list[Candidate] = []
    for _, members in groupby(sorted(tools, key=lambda t: t.family), key=lambda t: t.family):
        family = list(members)
        candidates = [c for c in (examine(tool, search) for tool in family) if c]
        if len(candidates) == len(family) and not any(c.objection for c in candidates):
            good.update({c.tool.name: c for c in candidates})
        else:
            refused.extend(_refusals(family, candidates))
    return good, refused


def _refusals(family: list[Tool], candidates: list[Candidate]) -> Iterator[Candidate]:
    objecting = [c for c in candidates if c.objection]
    missing = {tool.name for tool in family} - {c.tool.name for c in candidates}
    for candidate in objecting or candidates[:1]:
        objection = candidate.objection or f"comes without {' and '.join(sorted(missing))}"
        yield Candidate(candidate.tool, candidate.path, candidate.version, objection)


def examine(tool: Tool, search: str | None = None) -> Candidate | None:
    """What PATH has for a tool, or None when it has nothing that could do."""
    found = shutil.which(tool.name, path=search)
    if not tool.minimum or not found or _is_ours(Path(found)):
        return None
    path = Path(found)
    if tool.name == "pulumi-language-python" and not shutil.which(_EXECUTOR, path=str(path.resolve().parent)):
        return Candidate(tool, path, "", f"comes without {_EXECUTOR}")
    return _ask(tool, path)


def _ask(tool: Tool, path: Path) -> Candidate:
    answer = _answer([str(path), *(tool.ask or ("-help",))])
    if answer is None:
        return Candidate(tool, path, "", "does not run")
    if tool.minimum == ANY:
        return Candidate(tool, path, "")
    version = parse_version(answer)
    if version is None:
        return Candidate(tool, path, "", f"does not say its version ({' '.join(tool.ask)})")
    text = ".".join(map(str, version))
    old = version < (parse_version(tool.minimum) or version)
    return Candidate(tool, path, text, f"is older than {tool.minimum}" if old else "")


def _answer(command: list[str]) -> str | None:
    """What the program prints, or None when it cannot be run (or takes too long). `-help` may exit with 2."""
    # Asking must leave no trace in the user's Pulumi home, nor call the network.
    environment = {**os.environ, "PULUMI_HOME": str(cache_root() / "pulumi-home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    usable = answer.returncode == 0 or (answer.returncode == _USAGE and command[-1] == "-help")
    return answer.stdout + answer.stderr if usable else None


def _is_ours(path: Path) -> bool:
    return path.resolve().is_relative_to(cache_root().resolve())
