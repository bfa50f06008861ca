"""The life of a real node: its namespaces, the programs on it, its place in the cluster, and that nothing is left."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox import archive, controlplane, kubectl, processes
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.interrupts import interruptible
from sandbox.plan import Node, asked_for
from sandbox.real import cgroups, containerd, init, kubelet, needs, root

HOLDER, DOOR = "node-namespaces", "node-door"
COMPONENTS = (HOLDER, DOOR, containerd.COMPONENT, *kubelet.COMPONENTS)
"""All that runs because of a real node, by the names that the processes have."""

_SECONDS = 60
_HERE = Path(__file__).parent


def is_there(home: Path) -> bool:
    """Whether the sandbox in `home` was started with a real node."""
    return (home / "node").is_dir()


def open_up(home: Path, node: Node) -> controlplane.Place:
    """Make the node's namespaces and start containerd in them; gives the place in which the control plane is to run.

    Raises SandboxError with the last log lines when it cannot be made within a minute.
    """
    cgroups.make(home)
    root.make(home, node.name)
    _hold(home, node)
    place = controlplane.Place(_network(home), _open_door(home))
    _start(home, containerd.COMPONENT, containerd.command())
    return place


def start(home: Path, node: Node) -> None:
    """Start the kubelet, kube-proxy and CoreDNS, and make the node what the plan says: its labels and its NPUs.

    Raises SandboxError when the node is not registered within a minute.
    """
    _await(home, "containerd does not answer", lambda: _answers(home), (HOLDER, DOOR, containerd.COMPONENT))
    _load_pause(home)
    kubelet.admit(home, root.path(home))
    for component, command in kubelet.commands(node.name).items():
        _start(home, component, command)
    _await(home, "the kubelet does not register its node", lambda: _is_registered(home, node), COMPONENTS)
    _describe(home, node)


def check(home: Path) -> None:
    """Raise SandboxError unless the sandbox in `home` has a real node that is up."""
    if not is_there(home) or not _entering(home):
        raise SandboxError(f"sandbox {home.name} has no real node", "start one: ascend-vllm sandbox up --node real")


def load(home: Path, image: Path) -> str:
    """Import the images of an archive (of `docker save` or in OCI's layout) for pods of the node; gives their names.

    Raises SandboxError when the sandbox has no real node, or containerd does not take the file.
    """
    check(home)
    if not image.is_file():
        raise SandboxError(f"there is no file {image}", "name an archive of docker save", WRONG_USAGE)
    command = [*_entering(home), *containerd.ctr("images", "import", "--all-platforms", "-")]
    with image.open("rb") as archived, interruptible():
        code, said, complaint = processes.run_captured(command, _environment(home), archived)
    if code != 0:
        raise SandboxError(f"{image} cannot be imported: {complaint.strip()}", "name an archive of docker save")
    return said.strip()


def images(home: Path) -> list[str]:
    """The names of the images that pods of the node find."""
    asked = [*_entering(home), *containerd.ctr("images", "list", "--quiet")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=_environment(home))
    return done.stdout.split()


def inside(home: Path, *command: str) -> list[str]:
    """A command as it is run in the node's network: pods and Services answer it there."""
    return [*_network(home), *command]


def clear(home: Path) -> bool:
    """Remove what outlives a node's processes, once they are ended; says whether there was anything."""
    mounted = [line for line in Path("/proc/self/mounts").read_text().splitlines() if f" {home}/" in line]
    if mounted:
        raise SandboxError(f"something is mounted below {home}: {mounted[0]}", "umount it, then try again")
    return cgroups.remove(home)


def _hold(home: Path, node: Node) -> None:
    (home / "bin" / HOLDER).symlink_to(needs.program("unshare"))
    command = [
        str(home / "bin" / HOLDER), "--mount", "--propagation=private", "--net", "--pid", "--ipc", "--uts", "--fork",
        "--kill-child", "--", sys.executable, "-I", "-S", init.__file__, str(root.path(home)),
        str(home / "node/mounts.json"), node.name, f"{containerd.ADDRESS}/{containerd.PODS.split('/')[1]}",
    ]  # fmt: skip
    processes.start(command, _environment(home), _log(home, HOLDER))
    _await(home, "the node's namespaces cannot be made", (root.path(home) / init.READY).exists, (HOLDER,))


def _open_door(home: Path) -> int:
    """Start what leads from a free port of the machine's loopback into the node's network; gives the port."""
    (home / "bin" / DOOR).symlink_to(sys.executable)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port: int = listening.getsockname()[1]
        listening.set_inheritable(True)
        words = [str(home / "bin" / DOOR), "-I", "-S", str(_HERE / "door.py"), str(listening.fileno()), str(port)]
        processes.start([*_network(home), *words], _environment(home), _log(home, DOOR))
    return port


def _start(home: Path, component: str, command: list[str]) -> None:
    processes.start([*_entering(home), *command], _environment(home), _log(home, component))


def _load_pause(home: Path) -> None:
    image = home / "node" / "pause.tar"
    files = {"pause": (home / "bin" / "pause").resolve()}
    archive.write(image, containerd.PAUSE, files, entrypoint=("/pause",))
    load(home, image)
    image.unlink()


def _is_registered(home: Path, node: Node) -> bool:
    return kubectl.call(home, "get", "node", node.name).returncode == 0


def _describe(home: Path, node: Node) -> None:
    room = {node.resource: str(node.npus)}
    patch = {"metadata": {"labels": dict(node.labels), "annotations": asked_for(node)}}
    for part, more in ((patch, ()), ({"status": {"capacity": room, "allocatable": room}}, ("--subresource=status",))):
        kubectl.kubectl(home, "patch", "node", node.name, f"--patch={json.dumps(part)}", *more)


def _await(home: Path, message: str, ready: Callable[[], bool], expected: Sequence[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        controlplane.check_alive(home, expected)
        if time.monotonic() > deadline:
            raise controlplane.failed_start(message, _log(home, expected[-1]))
        time.sleep(0.05)


def _answers(home: Path) -> bool:
    asked = [*_entering(home), *containerd.ctr("version")]
    return subprocess.run(asked, capture_output=True, check=False, env=_environment(home)).returncode == 0


def _network(home: Path) -> tuple[str, ...]:
    return (needs.program("nsenter"), f"--net=/proc/{first_process(home)}/ns/net", "--")


def _entering(home: Path) -> list[str]:
    """The words that run a command on the node; none when the node is gone."""
    pid = first_process(home)
    namespaces = ("--mount", "--net", "--pid", "--ipc", "--uts", "--root", "--wd")
    return [needs.program("nsenter"), f"--target={pid}", *namespaces, "--"] if pid else []


def first_process(home: Path) -> int:
    """The pid of the process that holds the node's namespaces, as the machine has it; 0 when it is gone."""
    return next((process.pid for process in processes.marked(str(home)) if _is_first(process.pid)), 0)


def _is_first(pid: int) -> bool:
    """Whether a process is the first one of a pid namespace that was made in ours."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("NSpid:") and line.split()[2:] == ["1"] for line in lines)


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": needs.SEARCH, "HOME": "/root", processes.MARK: str(home)}


def _log(home: Path, component: str) -> Path:
    return home / "logs" / f"{component}.log"
