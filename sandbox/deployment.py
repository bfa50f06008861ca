"""Deploys a stack of a Pulumi project into a sandbox, and destroys it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sandbox import paths
from sandbox.cluster import is_running
from sandbox.engine import session
from sandbox.progress import say, working
from sandbox.services import ServiceRow, listed

PARALLEL = 32
"""Resources that Pulumi handles at a time. Most only wait for the cluster, so its default (by cores) is too small."""

_CHANGE = re.compile(r"(\d+) (created|updated|replaced|deleted|unchanged|imported)\b")


@dataclass(frozen=True)
class Deployment:
    """The result of `pulumi up`."""

    changes: dict[str, int]
    """The number of resources by what happened to them: `{"created": 5}`."""
    services: tuple[ServiceRow, ...]


def deploy(
    name: str,
    stack: str,
    project_dir: Path,
    parallel: int = PARALLEL,
) -> Deployment:
    """Run `pulumi up` for a stack in a sandbox. A new stack is created.

    Args:
        name: The sandbox.
        stack: The stack.
        project_dir: The directory of the Pulumi project.
        parallel: How many resources Pulumi handles at a time.

    Raises:
        SandboxError: The sandbox does not run, or Pulumi fails (exit code 1, after the output of Pulumi).
    """
    with (
        session(name, stack, project_dir) as pulumi,
        working(f"stack {stack}: deploying", "pulumi") as clock,
    ):
        pulumi("stack", "select", "--create", stack)
        output = pulumi(
            "up",
            f"--stack={stack}",
            "--yes",
            "--skip-preview",
            f"--parallel={parallel}",
        )
        seconds = str(clock)
        stack_outputs = json.loads(
            pulumi("stack", "output", "--json", f"--stack={stack}")
        )
    changes = parse_changes(output)
    say(f"stack {stack}: {in_words(changes)} in {seconds}", "pulumi")
    urls = stack_outputs.get("services")
    if not isinstance(urls, dict):
        urls = {}
    services = listed(paths.home(name), urls)
    return Deployment(changes, tuple(services))


def destroy(name: str, stack: str, project_dir: Path) -> bool:
    """Run `pulumi destroy` for a stack, and remove it from the backend of the sandbox.

    Returns:
        False if there is no such stack, or if the sandbox does not run.
    """
    if not is_running(paths.home(name)):
        return False
    with (
        session(name, stack, project_dir) as pulumi,
        working(f"stack {stack}: destroying", "pulumi") as clock,
    ):
        stacks = json.loads(pulumi("stack", "ls", "--json"))
        if stack not in [entry["name"] for entry in stacks]:
            return False
        output = pulumi(
            "destroy",
            f"--stack={stack}",
            "--yes",
            "--skip-preview",
            f"--parallel={PARALLEL}",
        )
        # Without --preserve-config, Pulumi would delete the stack file too.
        pulumi("stack", "rm", stack, "--yes", "--preserve-config")
    say(f"stack {stack}: {in_words(parse_changes(output))} in {clock}", "pulumi")
    return True


def parse_changes(output: str) -> dict[str, int]:
    """The numbers of the last `Resources:` block that Pulumi prints, by Pulumi's words."""
    _, _, block = output.rpartition("\nResources:\n")
    changes = {}
    for count, word in _CHANGE.findall(block):
        changes[word] = int(count)
    return changes


def in_words(changes: dict[str, int]) -> str:
    """The numbers for people: `1 updated, 4 unchanged`."""
    counts = [f"{count} {word}" for word, count in changes.items()]
    return ", ".join(counts) or "nothing changed"
