"""Commands that run other scripts: their arguments, and those of them that start Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from convert.server.command import is_shell

_SCRIPTS_OF_RAY = {"multi-node-serving.sh", "run_cluster.sh"}
"""Scripts in vLLM's images that start Ray on a pod."""


def arguments_of_script(program: str, words: Sequence[str]) -> list[str]:
    """The arguments of a script that a command runs: the words after it."""
    if not is_shell(program):
        return [*words]
    paths = [index for index, word in enumerate(words) if not word.startswith("-")]
    return [*words[paths[0] + 1 :]]


def starts_ray(words: Sequence[str]) -> bool:
    """Whether a command starts Ray, or is a script of vLLM that does."""
    names = [PurePosixPath(word).name for word in words]
    return names[0] == "ray" or not _SCRIPTS_OF_RAY.isdisjoint(names)
