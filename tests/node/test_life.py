"""A real node leaves nothing on the machine, whatever ended."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import cluster, paths, processes
from sandbox.environment import environment
from sandbox.plan import Plan
from sandbox.real import cgroups, node, root
from tests.e2e.sandbox_fixture import Sandbox, ascend_nodes, unique
from tests.node import image

POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: sleeper}}
spec:
  schedulerName: volcano
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers:
  - {{name: sleeper, image: {image.NAME}, command: [sleep, "3600"]}}
"""


def machine() -> dict[str, object]:
    """What a node might change of the machine."""
    network = subprocess.run(["ip", "-oneline", "link"], capture_output=True, text=True, check=True).stdout
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    settings = [*root.TUNABLES, "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max", "kernel/keys/root_maxkeys"]
    return {
        "network": [line.split(":")[1] for line in network.splitlines()],
        "rules": [line for line in rules.splitlines() if line[0] != "#"],
        "files": sorted(str(file) for top in _DIRECTORIES for file in Path(top).iterdir()),
        "settings": {name: (Path("/proc/sys") / name).read_text() for name in settings},
    }


def mounts() -> list[str]:
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if "ascend-vllm" in line]


def of_node(name: str) -> list[str]:
    """Processes that run below the sandbox's real node, its containers included."""
    group = cgroups.name(paths.home(name))
    found = [str(one) for one in processes.marked(str(paths.home(name)))]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += [process.name] if group in (process / "cgroup").read_text() else []
        except OSError:
            continue
    return found


_DIRECTORIES = ("/etc", "/usr/local", "/usr/local/sbin", "/opt", "/mnt", "/run", "/var/lib", "/var/cache", "/var/log")

VICTIMS = {
    "nothing": (),
    "the namespaces": (node.HOLDER,),
    "containerd": ("containerd",),
    "the containers' keeper": ("containerd-shim-runc-v2",),
    "kubelet and proxy": ("kubelet", "kube-proxy"),
    "everything that is known": (*cluster.COMPONENTS, *node.COMPONENTS),
}


@pytest.mark.parametrize("victims", VICTIMS.values(), ids=VICTIMS)
def test_down_leaves_nothing_whatever_was_killed(victims: tuple[str, ...], archive: Path) -> None:
    before = machine()
    name = unique("life")
    try:
        start_sleeper(name, archive)
        assert mounts() == []
        assert len(of_node(name)) > len(node.COMPONENTS)
        assert machine() == before
        for process in processes.marked(str(paths.home(name))):
            if process.name in victims:
                with suppress(ProcessLookupError):  # those before it may have taken it along
                    os.kill(process.pid, signal.SIGKILL)
    finally:
        cluster.down(name)

    assert machine() == before
    assert of_node(name) == []
    assert [place for top in cgroups.hierarchies() if (place := top / cgroups.name(paths.home(name))).exists()] == []
    assert not paths.home(name).exists()


def start_sleeper(name: str, archive: Path) -> None:
    """A sandbox whose real node runs a pod."""
    cluster.up(Plan(name, (replace(ascend_nodes(1)[0], real=True),)))
    node.load(paths.home(name), archive)
    sandbox = Sandbox(name, environment(name))
    sandbox.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    sandbox.kubectl("apply", "-f", "-", stdin=POD)
    sandbox.kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")


def test_up_starts_again_what_lost_its_kubelet(archive: Path) -> None:
    name = unique("again")
    plan = Plan(name, (replace(ascend_nodes(1)[0], real=True),))
    try:
        start_sleeper(name, archive)
        [kubelet] = [one for one in processes.marked(str(paths.home(name))) if one.name == "kubelet"]
        os.kill(kubelet.pid, signal.SIGKILL)
        assert cluster.status(name).missing == ("kubelet",)

        assert cluster.up(plan).running
    finally:
        cluster.down(name)


def controllers(directory: Path, file: str = "cgroup.controllers") -> set[str]:
    """The controllers of a kubelet that a directory of version 2 has; none in version 1, where each is a hierarchy."""
    if not (directory / file).exists():
        return set()
    return {*(directory / file).read_text().split()} & {*cgroups._CONTROLLERS}


def test_a_nodes_cgroup_has_the_controllers_that_the_kernel_hands_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the machine's own hierarchy of version 2 if it has controllers there, otherwise in all of version 1."""
    every = cgroups.hierarchies()
    tops = [top for top in every if controllers(top)] or every
    before = {top: controllers(top, "cgroup.subtree_control") for top in tops}
    monkeypatch.setattr(cgroups, "hierarchies", lambda: tops)
    try:
        cgroups.make(tmp_path)

        for top in tops:
            assert (top / cgroups.name(tmp_path)).is_dir()
            assert controllers(top) <= controllers(top / cgroups.name(tmp_path))
    finally:
        cgroups.remove(tmp_path)
        for top in tops:
            for directory in (top / cgroups.PARENT, top):
                for controller in controllers(directory, "cgroup.subtree_control") - before[top]:
                    (directory / "cgroup.subtree_control").write_text(f"-{controller}")
    assert not any((top / cgroups.name(tmp_path)).exists() for top in tops)
