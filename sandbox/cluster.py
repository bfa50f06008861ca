"""Starts, inspects and stops a sandbox."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox import (
    controlplane,
    leader_worker_set,
    nodes,
    paths,
    pins,
    processes,
    stages,
    toolchain,
    volcano,
)
from sandbox.interrupts import interruptible, uninterruptible
from sandbox.locks import locked
from sandbox.nodes import NodeStatus
from sandbox.plan import CONTEXT_PREFIX, Plan
from sandbox.progress import say, working
from sandbox.real import needs, node

COMPONENTS = controlplane.COMPONENTS + volcano.COMPONENTS

_SECONDS = 60


@dataclass(frozen=True)
class Status:
    """The present state of a sandbox."""

    name: str
    context: str
    """The context of its kubeconfig."""
    kubeconfig: Path
    components: dict[str, int]
    """The process IDs of the components that are alive, by name."""
    nodes: tuple[NodeStatus, ...]

    @property
    def running(self) -> bool:
        """Whether all components of the sandbox are alive."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """The components of the sandbox that are not alive."""
        expected = components(paths.home(self.name))
        return tuple(
            component for component in expected if component not in self.components
        )


def up(plan: Plan, keep_build_cache: bool = False) -> Status:
    """Start a sandbox, or add and remove nodes of a running one, until it matches the plan.

    A running sandbox gets the LeaderWorkerSet controller if the plan has it. The sandbox keeps it until it is removed.
    Missing tools are built first. If it fails or is interrupted, no process remains.

    Args:
        plan: The name and the nodes of the sandbox.
        keep_build_cache: Whether Go's caches remain after a build of tools.

    Raises:
        SandboxError: A tool cannot be built, or the cluster does not start.
    """
    home = paths.home(plan.name)
    with interruptible():
        tools = None
        if not is_running(home):
            tools = _tools(plan, keep_build_cache)
        with locked(home / "lock", f"changing sandbox {plan.name}"):
            if not is_running(home):
                _start(plan, home, tools or _tools(plan, keep_build_cache))
            else:
                _update_nodes(plan, home)
                if plan.groups and not leader_worker_set.is_wanted(home):
                    _add_group_controller(home, keep_build_cache)
        return status(plan.name)


def status(name: str) -> Status:
    """The state of a sandbox. The nodes are read only if all components are alive."""
    home = paths.home(name)
    expected = components(home)
    alive = {}
    for process in processes.marked(str(home)):
        if process.name in expected:
            alive[process.name] = process.pid
    found = Status(
        name=name,
        context=f"{CONTEXT_PREFIX}{name}",
        kubeconfig=paths.kubeconfig(home),
        components=alive,
        nodes=(),
    )
    if not found.running:
        return found
    return replace(found, nodes=tuple(nodes.listed(home)))


def down(name: str) -> bool:
    """End every process of a sandbox and remove its files. It may be repeated.

    Returns:
        False if there was no process and no file.
    """
    home = paths.home(name)
    with interruptible():
        if not home.exists():
            stopped = processes.stop(str(home))
            cleared = node.clear(home)
            return bool(stopped) or cleared
        with (
            locked(home / "lock", f"changing sandbox {name}"),
            uninterruptible(),
            working(f"{name}: removing"),
        ):
            processes.stop(str(home))
            node.clear(home)
            shutil.rmtree(home)
        return True


def is_running(home: Path) -> bool:
    """Whether all components of the sandbox in `home` are alive."""
    alive = {process.name for process in processes.marked(str(home))}
    return alive.issuperset(components(home))


def components(home: Path) -> tuple[str, ...]:
    """The names of the components that a sandbox needs."""
    expected: tuple[str, ...] = COMPONENTS
    if node.is_there(home):
        expected += node.COMPONENTS
    if leader_worker_set.is_wanted(home):
        expected += leader_worker_set.COMPONENTS
    return expected


def _tools(plan: Plan, keep_build_cache: bool) -> toolchain.Toolchain:
    """The programs of a sandbox. For a real node, the requirements on the machine are checked first."""
    if plan.real:
        needs.check()
    needs_more = bool(plan.real) or plan.groups
    tools = toolchain.ensure(keep_build_cache or needs_more)
    if plan.real:
        more = toolchain.ensure(keep_build_cache or plan.groups, pins.NODE_TOOLS)
        tools = replace(tools, programs={**tools.programs, **more.programs})
    if plan.groups:
        more = toolchain.ensure(keep_build_cache, pins.GROUP_TOOLS)
        tools = replace(
            tools,
            programs={**tools.programs, **more.programs},
            group_crds=more.crds,
        )
    return tools


def summary(plan: Plan) -> str:
    """The plan's nodes in words: `2 nodes, 16 NPUs (huawei.com/ascend-1980), Volcano 1.14.1`."""
    npus: Counter[str] = Counter()
    for planned in plan.nodes:
        npus[planned.resource] += planned.npus
    cards = [f"{count} NPUs ({resource})" for resource, count in npus.items()]
    number = len(plan.nodes)
    count = "1 node" if number == 1 else f"{number} nodes"
    if plan.real:
        count += f" ({plan.real.name} is real)"
    words = [count, *cards, f"Volcano {pins.VOLCANO}"]
    if plan.groups:
        words.append(f"LeaderWorkerSet {pins.LEADER_WORKER_SET}")
    return ", ".join(words)


def _update_nodes(plan: Plan, home: Path) -> None:
    with working("comparing the nodes with the plan") as clock:
        done = nodes.reconcile(home, plan.nodes)
        if done:
            _await(plan, home)
    changed = ""
    if done:
        changed = (
            f" ({len(done.remove)} nodes removed, {len(done.add)} added in {clock})"
        )
    say(f"cluster is up: {summary(plan)}{changed}")


def _add_group_controller(home: Path, keep_build_cache: bool) -> None:
    """Start the LeaderWorkerSet controller in a running sandbox. If it does not start, the sandbox is stopped."""
    tools = toolchain.ensure(keep_build_cache, pins.GROUP_TOOLS)
    program = home / "bin" / leader_worker_set.MANAGER
    program.unlink(missing_ok=True)
    program.symlink_to(tools.programs[leader_worker_set.MANAGER])
    try:
        with working("starting the LeaderWorkerSet controller") as clock:
            leader_worker_set.start(home, tools.crds, node.network(home))
    except BaseException:
        with uninterruptible():
            processes.stop(str(home))
            node.clear(home)
        raise
    say(f"LeaderWorkerSet {pins.LEADER_WORKER_SET} started in {clock}")


def _start(plan: Plan, home: Path, tools: toolchain.Toolchain) -> None:
    try:
        with working("starting the cluster") as clock:
            _clear(home)
            _link(home, tools)
            place = controlplane.Place()
            if plan.real:
                place = node.open_up(home, plan.real)
            controlplane.start(home, place)
            stages.install(home)
            simulated = tuple(planned for planned in plan.nodes if not planned.real)
            nodes.reconcile(home, simulated)
            volcano.start(home, tools.crds, place.enter)
            if tools.group_crds:
                leader_worker_set.start(home, tools.group_crds, place.enter)
            if plan.real:
                node.start(home, plan.real)
            _await(plan, home)
    except BaseException as problem:
        with uninterruptible():
            processes.stop(str(home))
            node.clear(home)
            if isinstance(problem, KeyboardInterrupt):
                shutil.rmtree(home)
        raise
    say(f"cluster ready in {clock}: {summary(plan)}")


def _clear(home: Path) -> None:
    """Remove the files and processes that a crash or a reboot left, except for the lock that we hold."""
    processes.stop(str(home))
    node.clear(home)
    for entry in home.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


def _link(home: Path, tools: toolchain.Toolchain) -> None:
    for directory in ("bin", "logs", "pulumi/home", "pulumi/state", "tmp"):
        (home / directory).mkdir(parents=True)
    for name, program in tools.programs.items():
        (home / "bin" / name).symlink_to(program)


def _await(plan: Plan, home: Path) -> None:
    """Poll until all nodes are Ready and Volcano's default queue is open; raise SandboxError after a minute."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        controlplane.check_alive(home, components(home))
        if volcano.is_open(home) and _all_ready(plan, home):
            return
        time.sleep(0.1)
    message = f"the cluster was not ready within {_SECONDS} s"
    raise controlplane.failed_start(message, paths.component_log(home, "vc-scheduler"))


def _all_ready(plan: Plan, home: Path) -> bool:
    ready = {found.name for found in nodes.listed(home) if found.ready}
    return ready.issuperset(wanted.name for wanted in plan.nodes)
