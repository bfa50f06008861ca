"""The bounds that need no cluster: `check` of the largest stack file, and the verification of many weight files."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.projects import ROOT, write_ours
from bench.table import CHECK_CPU, OURS, VERIFY, Key
from models.launch.scripts import VERIFY as VERIFY_SCRIPT
from sandbox.progress import Clock, say

LARGEST = 500
"""Services of the largest stack file that `check` reads."""

FILES = 10_000
"""Weight files that are verified."""

_STACK = "largest"


def measure_bounds(
    directory: Path, repeat: int, times: defaultdict[Key, list[float]]
) -> None:
    """Measure both bounds.

    Args:
        directory: An empty directory.
        repeat: How often each is measured.
        times: Receives the seconds: of CPU for `check`, of waiting for the verification.
    """
    stack_file = write_largest(directory / "largest")
    verification = _verification(directory / "weights")
    for _ in range(repeat):
        cpu = _cpu_seconds([sys.executable, "-m", "cli", "check", str(stack_file)])
        times[Key(CHECK_CPU, OURS, LARGEST)].append(cpu)
        say(f"{LARGEST} services: {CHECK_CPU} {cpu:.2f} s", "bench")
        clock = Clock()
        _run(verification)
        times[Key(VERIFY, OURS, FILES)].append(clock.seconds)
        say(f"{FILES} files: {VERIFY} {clock.seconds:.2f} s", "bench")


def write_largest(directory: Path, services: int = LARGEST) -> Path:
    """Write our program with the largest stack file; the path of the stack file."""
    write_ours(directory, _STACK, "kwok-bench", services)
    return directory / f"Pulumi.{_STACK}.yaml"


def _verification(directory: Path) -> list[str]:
    """The command that verifies a directory with many small files, as it runs in the pod."""
    directory.mkdir()
    files = {}
    for number in range(FILES):
        name = f"model-{number:05}.safetensors"
        content = name.encode()
        (directory / name).write_bytes(content)
        checksum = hashlib.sha256(content).hexdigest()
        files[name] = {"size": len(content), "sha256": checksum}
    checksums = directory.with_suffix(".json")
    checksums.write_text(json.dumps({"files": files}), encoding="utf-8")
    script = ROOT / "models" / "launch" / "scripts" / VERIFY_SCRIPT
    return [
        sys.executable,
        str(script),
        f"--directory={directory}",
        f"--manifest={checksums}",
    ]


def _cpu_seconds(command: Sequence[str]) -> float:
    """Run a command; the seconds of CPU that it used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = after.ru_utime - before.ru_utime
    system = after.ru_stime - before.ru_stime
    return user + system


def _run(command: Sequence[str]) -> None:
    subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=sys.stderr, check=True
    )
