"""The life of a sandbox: up, status, down."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox import controlplane, nodes, paths, pins, processes, stages, toolchain, volcano
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
    """A sandbox as it is now. `components` are pids by name; `running` is true when none is missing."""

    name: str
    context: str
    kubeconfig: Path
    components: dict[str, int]
    nodes: tuple[NodeStatus, ...]

    @property
    def running(self) -> bool:
        """Whether all components of the sandbox are alive."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """The components of the sandbox that are not alive."""
        return tuple(component for component in components(paths.home(self.name)) if component not in self.components)


def up(plan: Plan, keep_build_cache: bool = False) -> Status:
    """Bring the sandbox to the plan: start it, or (quickly) add and remove nodes of the one that runs.

    Builds missing tools first. Raises SandboxError; whatever ends it early, no process is left.
    """
    home = paths.home(plan.name)
    with interruptible():
        tools = None if is_running(home) else _tools(plan, keep_build_cache)
        with locked(home / "lock", f"changing sandbox {plan.name}"):
            if is_running(home):
                _bring_to(plan, home)
            else:
                _start(plan, home, tools or _tools(plan, keep_build_cache))
        return status(plan.name)


def status(name: str) -> Status:
    """What runs of the sandbox; asks the API server only when there is one."""
    home = paths.home(name)
    alive = {p.name: p.pid for p in processes.marked(str(home)) if p.name in components(home)}
    found = Status(name, f"{CONTEXT_PREFIX}{name}", paths.kubeconfig(home), alive, ())
    return replace(found, nodes=tuple(nodes.listed(home))) if found.running else found


def down(name: str) -> bool:
    """End every process of the sandbox and remove its files; says whether there was anything. Safe to repeat."""
    home = paths.home(name)
    with interruptible():
        if not home.exists():
            return any([bool(processes.stop(str(home))), node.clear(home)])
        with locked(home / "lock", f"changing sandbox {name}"), uninterruptible(), working(f"{name}: removing"):
            processes.stop(str(home))
            node.clear(home)
            shutil.rmtree(home)
        return True


def is_running(home: Path) -> bool:
    """Whether all components of the sandbox in `home` are alive."""
    alive = {process.name for process in processes.marked(str(home))}
    return alive.issuperset(components(home))


def components(home: Path) -> tuple[str, ...]:
    """What has to run, by name, for the sandbox in `home` to be up."""
    return (*COMPONENTS, *(node.COMPONENTS if node.is_there(home) else ()))


def _tools(plan: Plan, keep_build_cache: bool) -> toolchain.Toolchain:
    """The programs of the plan's sandbox; whatever a real node needs of the machine is looked for first."""
    if not plan.real:
        return toolchain.ensure(keep_build_cache)
    needs.check()
    tools = toolchain.ensure(keep_build_cache=True)
    more = toolchain.ensure(keep_build_cache, pins.NODE_TOOLS)
    return replace(tools, programs={**tools.programs, **more.programs})


def summary(plan: Plan) -> str:
    """The plan's nodes in words: `2 nodes, 16 NPUs (huawei.com/ascend-1980), Volcano 1.14.1`."""
    npus: Counter[str] = Counter()
    for one in plan.nodes:
        npus[one.resource] += one.npus
    cards = [f"{count} NPUs ({resource})" for resource, count in npus.items()]
    count = f"{len(plan.nodes)} node{'s' if len(plan.nodes) != 1 else ''}"
    count += f" ({plan.real.name} is real)" if plan.real else ""
    return ", ".join([count, *cards, f"Volcano {pins.VOLCANO}"])


def _bring_to(plan: Plan, home: Path) -> None:
    with working("comparing the nodes with the plan") as clock:
        done = nodes.reconcile(home, plan.nodes)
        if done:
            _await(plan, home)
    changed = f" ({len(done.remove)} nodes removed, {len(done.add)} added in {clock})" if done else ""
    say(f"cluster is up: {summary(plan)}{changed}")


def _start(plan: Plan, home: Path, tools: toolchain.Toolchain) -> None:
    try:
        with working("starting the cluster") as clock:
            _clear(home)
            _link(home, tools)
            place = node.open_up(home, plan.real) if plan.real else controlplane.Place()
            controlplane.start(home, place)
            stages.install(home)
            nodes.reconcile(home, tuple(one for one in plan.nodes if not one.real))
            volcano.start(home, tools.crds, place.enter)
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
    """Remove what a crash or a reboot left, but not the lock that is held."""
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
