"""Run every step of every contender in one sandbox, in turn, and take the time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from bench.table import BARE, CHECK, DESTROY, DIFF, KUBECTL, NO_CHANGE, OURS, UP, Key, Times
from sandbox import cluster, paths
from sandbox.deployment import PARALLEL
from sandbox.engine import session
from sandbox.errors import SandboxError
from sandbox.interrupts import interruptible
from sandbox.kubectl import kubectl
from sandbox.plan import Node, Plan
from sandbox.progress import Clock, say

_MANY = 50
"""From so many services on a round takes minutes, so there are fewer of them."""


@dataclass(frozen=True)
class Round:
    """Everything that a round of so many services needs."""

    sandbox: str
    services: int
    directory: Path
    quick_runs: int
    """How often the steps that take no minutes are run."""

    @property
    def stack(self) -> str:
        """Name of the stack in both projects."""
        return f"n{self.services}"


Timed = Callable[[str, str, Callable[[], object]], None]
"""Runs a step (its name, whose it is, what it does) and keeps its time."""


def measure(counts: Sequence[int], repeat: int) -> Times:
    """Start a sandbox, run all rounds in it, and take it down whatever happens."""
    name = f"bench-{os.getpid()}"
    with interruptible(), tempfile.TemporaryDirectory(prefix="bench-") as directory:
        try:
            cluster.up(_plan(name, max(counts)))
            times: defaultdict[Key, list[float]] = defaultdict(list)
            for services in counts:
                rounds = rounds_of(services, repeat)
                place = Round(name, services, Path(directory), quick_runs=-(-repeat // rounds))
                _prepare(place)
                for number in range(rounds):
                    _run_round(place, number, _timed(times, services))
            return times
        finally:
            cluster.down(name)


def rounds_of(services: int, repeat: int) -> int:
    """How many rounds: all that were asked for, of many services a third of them."""
    return repeat if services < _MANY else max(repeat // 3, 1)


def _plan(name: str, services: int) -> Plan:
    labels = {"accelerator/huawei-npu": "ascend-1980"}
    numbers = range(1, nodes_for(services) + 1)
    return Plan(name, tuple(Node(f"snt9b-{n}", labels, "huawei.com/ascend-1980", NPUS_PER_NODE) for n in numbers))


def _prepare(place: Round) -> None:
    context = f"kwok-{place.sandbox}"
    write_ours(_directory(place, OURS), place.stack, context, place.services)
    write_bare(_directory(place, BARE), place.stack, context, _directory(place, OURS))


def _directory(place: Round, who: str) -> Path:
    return place.directory / f"{who}-{place.services}"


def _run_round(place: Round, number: int, timed: Timed) -> None:
    """All contenders, in turn one or the other first; the cluster is empty before each, and in the end."""
    _kubectl(place, timed)
    with _pulumi(place, BARE) as bare, _pulumi(place, OURS) as ours:
        runs = [(BARE, bare), (OURS, ours)][:: -1 if number % 2 else 1]
        for who, pulumi in runs:
            if who != runs[0][0]:
                _remove_objects(place)
            timed(UP, who, partial(pulumi, "up"))
        # Both states describe the very objects that are there.
        for _ in range(place.quick_runs):
            for who, pulumi in runs:
                timed(NO_CHANGE, who, partial(pulumi, "up", "--expect-no-changes"))
        timed(DESTROY, OURS, partial(ours, "destroy"))
    for _ in range(place.quick_runs):
        timed(CHECK, OURS, lambda: _check(place))
        timed(DIFF, OURS, lambda: _diff(place))


def _kubectl(place: Round, timed: Timed) -> None:
    home = paths.home(place.sandbox)
    objects = str(objects_file(_directory(place, BARE)))

    def up() -> None:
        kubectl(home, "apply", "-f", objects)
        kubectl(home, "wait", "deployment", "--all", f"-n={NAMESPACE}", "--for=condition=Available", "--timeout=5m")

    timed(UP, KUBECTL, up)
    timed(DESTROY, KUBECTL, lambda: _remove_objects(place))


def _remove_objects(place: Round) -> None:
    kubectl(paths.home(place.sandbox), "delete", "namespace", NAMESPACE, "--wait")


@contextmanager
def _pulumi(place: Round, who: str) -> Iterator[Callable[..., str]]:
    """A way to run `pulumi up` and `pulumi destroy` of a contender's new stack, which is forgotten afterwards."""
    common = (f"--stack={place.stack}", "--yes", "--skip-preview", f"--parallel={PARALLEL}")
    with session(place.sandbox, place.stack, _directory(place, who)) as pulumi:
        pulumi("stack", "select", "--create", place.stack)
        yield lambda *command: pulumi(*command, *common)
        pulumi("stack", "rm", place.stack, "--force", "--yes", "--preserve-config")


def _check(place: Round) -> None:
    """`ascend-vllm check` as a whole process; every service of the stack is fine."""
    file = _directory(place, OURS) / f"Pulumi.{place.stack}.yaml"
    subprocess.run([sys.executable, "-m", "cli", "check", str(file)], cwd=ROOT, stdout=sys.stderr, check=True)


def _diff(place: Round) -> None:
    """`ascend-vllm diff` as a whole process, of two files in which every service differs."""
    file = _directory(place, OURS) / f"Pulumi.{place.stack}.yaml"
    command = [sys.executable, "-m", "cli", "diff", str(file), str(changed_stack(file))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 1 or f"{place.services} changed, 0 added" not in done.stdout:
        raise SandboxError(f"diff of {place.services} services failed: {done.stdout[-200:]}", "mend the comparison")


def _timed(times: defaultdict[Key, list[float]], services: int) -> Timed:
    def run(step: str, who: str, action: Callable[[], object]) -> None:
        clock = Clock()
        action()
        times[Key(step, who, services)].append(clock.seconds)
        say(f"{services} services, {who}: {step} {clock.seconds:.2f} s", "bench")

    return run
