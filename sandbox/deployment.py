"""Deploy a stack of a Pulumi project into a sandbox, and take it away again."""

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
"""Resources under way at a time. Most only wait for the cluster, so Pulumi's default (by cores) is too few."""


@dataclass(frozen=True)
class Deployment:
    """What `pulumi up` did: resources by what happened to them (`created`: 5), and the services as they are now."""

    changes: dict[str, int]
    services: tuple[ServiceRow, ...]


def deploy(name: str, stack: str, project_dir: Path, parallel: int = PARALLEL) -> Deployment:
    """`pulumi up` of a project's stack in sandbox `name`, creating the stack when it is new.

    Raises SandboxError when the sandbox is not up, or (exit code 1, after all that Pulumi said) when Pulumi fails.
    """
    with session(name, stack, project_dir) as pulumi, working(f"stack {stack}: deploying", "pulumi") as clock:
        pulumi("stack", "select", "--create", stack)
        said = pulumi("up", f"--stack={stack}", "--yes", "--skip-preview", f"--parallel={parallel}")
        seconds = str(clock)
        outputs = json.loads(pulumi("stack", "output", "--json", f"--stack={stack}"))
    changes = parse_changes(said)
    say(f"stack {stack}: {in_words(changes)} in {seconds}", "pulumi")
    urls = outputs.get("services")
    return Deployment(changes, tuple(listed(paths.home(name), urls if isinstance(urls, dict) else {})))


def destroy(name: str, stack: str, project_dir: Path) -> bool:
    """`pulumi destroy`, and remove the stack from the sandbox's backend; says whether there was anything to destroy."""
    if not is_running(paths.home(name)):
        return False
    with session(name, stack, project_dir) as pulumi, working(f"stack {stack}: destroying", "pulumi") as clock:
        if all(entry["name"] != stack for entry in json.loads(pulumi("stack", "ls", "--json"))):
            return False
        said = pulumi("destroy", f"--stack={stack}", "--yes", "--skip-preview", f"--parallel={PARALLEL}")
        # Without --preserve-config the stack's file would go too.
        pulumi("stack", "rm", stack, "--yes", "--preserve-config")
    say(f"stack {stack}: {in_words(parse_changes(said))} in {clock}", "pulumi")
    return True


def parse_changes(said: str) -> dict[str, int]:
    """The counts of Pulumi's closing `Resources:` block, by its own words."""
    _, _, block = said.rpartition("\nResources:\n")
    counts = re.findall(r"(\d+) (created|updated|replaced|deleted|unchanged|imported)\b", block)
    return {word: int(count) for count, word in counts}


def in_words(changes: dict[str, int]) -> str:
    """Counts for people: `1 updated, 4 unchanged`."""
    return ", ".join(f"{count} {word}" for word, count in changes.items()) or "nothing changed"
