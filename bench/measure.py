"""Run every step of every contender in one sandbox, in turn, and measure the time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.bounds import measure_bounds
from bench.projects import (
    NAMESPACE,
    NPUS_PER_NODE,
    ROOT,
    changed_stack,
    nodes_for,
    objects_file,
    write_bare,
    write_ours,
)
from bench.table import (
    BARE,
    CHECK,
    DESTROY,
    DIFF,
    KUBECTL,
    NO_CHANGE,
    OURS,
    UP,
    Key,
    Times,
)
from sandbox import cluster, paths
from sandbox.deployment import PARALLEL
from sandbox.engine import session
from sandbox.errors import SandboxError
from sandbox.interrupts import interruptible
from sandbox.kubectl import kubectl
from sandbox.plan import Node, Plan
from sandbox.progress import Clock, say

_MANY = 50
"""From this number of services on, a round takes minutes, and fewer rounds are run."""

Action = Callable[[], object]

Pulumi = Callable[..., str]
"""Runs a Pulumi command for the stack of one contender."""


def measure(counts: Sequence[int], repeat: int) -> Times:
    """Run all rounds in a sandbox of their own, which is deleted in any case.

    Args:
        counts: The numbers of services.
        repeat: How often each step is run.

    Raises:
        SandboxError: The sandbox does not start, or a step fails.
    """
    name = f"bench-{os.getpid()}"
    times: defaultdict[Key, list[float]] = defaultdict(list)
    with interruptible(), tempfile.TemporaryDirectory(prefix="bench-") as directory:
        measure_bounds(Path(directory), repeat, times)
        try:
            cluster.up(_plan(name, max(counts)))
            for services in counts:
                size = _Size(name, services, Path(directory), times=times)
                _run_rounds(size, repeat)
        finally:
            cluster.down(name)
    return times


def rounds_of(services: int, repeat: int) -> int:
    """The number of rounds: `repeat`, but a third of it for many services."""
    if services < _MANY:
        return repeat
    return max(repeat // 3, 1)


def _plan(name: str, services: int) -> Plan:
    labels = {"accelerator/huawei-npu": "ascend-1980"}
    nodes = []
    for number in range(1, nodes_for(services) + 1):
        node = Node(
            f"snt9b-{number}",
            labels,
            resource="huawei.com/ascend-1980",
            npus=NPUS_PER_NODE,
        )
        nodes.append(node)
    return Plan(name, tuple(nodes))


@dataclass(frozen=True)
class _Size:
    """The measurements for one number of services."""

    sandbox: str
    services: int
    directory: Path
    times: defaultdict[Key, list[float]]

    @property
    def stack(self) -> str:
        """Name of the stack in both projects."""
        return f"n{self.services}"

    @property
    def stack_file(self) -> Path:
        """Our stack file."""
        return self.project(OURS) / f"Pulumi.{self.stack}.yaml"

    def project(self, who: str) -> Path:
        """Directory of a contender's project."""
        return self.directory / f"{who}-{self.services}"

    def write_projects(self) -> None:
        """Write both projects, with the same objects."""
        context = f"kwok-{self.sandbox}"
        write_ours(self.project(OURS), self.stack, context, self.services)
        write_bare(self.project(BARE), self.stack, context, self.project(OURS))

    def kubectl(self, *arguments: str) -> None:
        """Run kubectl in the sandbox."""
        kubectl(paths.home(self.sandbox), *arguments)

    def time(self, step: str, who: str, action: Action) -> None:
        """Run an action and keep its time."""
        clock = Clock()
        action()
        seconds = clock.seconds
        key = Key(step, who, self.services)
        self.times[key].append(seconds)
        say(f"{self.services} services, {who}: {step} {seconds:.2f} s", "bench")


def _run_rounds(size: _Size, repeat: int) -> None:
    rounds = rounds_of(size.services, repeat)
    quick_runs = math.ceil(repeat / rounds)
    size.write_projects()
    for number in range(rounds):
        is_odd = number % 2 == 1
        _run_round(size, ours_first=is_odd, quick_runs=quick_runs)


def _run_round(size: _Size, *, ours_first: bool, quick_runs: int) -> None:
    """Run all contenders. The cluster is empty before each `up`, and at the end."""
    _run_kubectl(size)
    with _pulumi(size, BARE) as bare, _pulumi(size, OURS) as ours:
        contenders = [(BARE, bare), (OURS, ours)]
        if ours_first:
            contenders.reverse()
        _run_pulumi(size, contenders, quick_runs)
        size.time(DESTROY, OURS, lambda: ours("destroy"))
    for _ in range(quick_runs):
        size.time(CHECK, OURS, lambda: _check(size))
        size.time(DIFF, OURS, lambda: _diff(size))


def _run_pulumi(
    size: _Size, contenders: Sequence[tuple[str, Pulumi]], quick_runs: int
) -> None:
    first, second = contenders
    _up(size, *first)
    _delete_objects(size)
    _up(size, *second)
    # Both states describe the objects that exist now.
    for _ in range(quick_runs):
        _up_without_change(size, *first)
        _up_without_change(size, *second)


def _up(size: _Size, who: str, pulumi: Pulumi) -> None:
    size.time(UP, who, lambda: pulumi("up"))


def _up_without_change(size: _Size, who: str, pulumi: Pulumi) -> None:
    size.time(NO_CHANGE, who, lambda: pulumi("up", "--expect-no-changes"))


def _run_kubectl(size: _Size) -> None:
    file = str(objects_file(size.project(BARE)))

    def up() -> None:
        size.kubectl("apply", "-f", file)
        size.kubectl(
            "wait",
            "deployment",
            "--all",
            f"-n={NAMESPACE}",
            "--for=condition=Available",
            "--timeout=5m",
        )

    size.time(UP, KUBECTL, up)
    size.time(DESTROY, KUBECTL, lambda: _delete_objects(size))


def _delete_objects(size: _Size) -> None:
    size.kubectl("delete", "namespace", NAMESPACE, "--wait")


@contextmanager
def _pulumi(size: _Size, who: str) -> Iterator[Pulumi]:
    """Runs `pulumi up` and `pulumi destroy` for a contender's new stack, which is removed afterwards."""
    options = (
        f"--stack={size.stack}",
        "--yes",
        "--skip-preview",
        f"--parallel={PARALLEL}",
    )
    with session(size.sandbox, size.stack, size.project(who)) as pulumi:
        pulumi("stack", "select", "--create", size.stack)
        yield lambda *command: pulumi(*command, *options)
        pulumi("stack", "rm", size.stack, "--force", "--yes", "--preserve-config")


def _check(size: _Size) -> None:
    """Run `ascend-vllm check` as a process. No service has a finding."""
    command = [sys.executable, "-m", "cli", "check", str(size.stack_file)]
    subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)


def _diff(size: _Size) -> None:
    """Run `ascend-vllm diff` as a process, on two files in which every service differs."""
    old, new = size.stack_file, changed_stack(size.stack_file)
    command = [sys.executable, "-m", "cli", "diff", str(old), str(new)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 1 or f"{size.services} changed, 0 added" not in done.stdout:
        raise SandboxError(
            f"diff of {size.services} services failed: {done.stdout[-200:]}",
            "see the output of diff",
        )
