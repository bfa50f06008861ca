"""Starts and removes a real node: its namespaces, its programs, and its Node object in the cluster."""

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
"""The processes of a real node by name."""

_SECONDS = 60
_HERE = Path(__file__).parent


def is_there(home: Path) -> bool:
    """Whether the sandbox in `home` was started with a real node."""
    return (home / "node").is_dir()


def open_up(home: Path, node: Node) -> controlplane.Place:
    """Create the namespaces of a node, and start containerd in them.

    Returns:
        The place in which the control plane has to run.

    Raises:
        SandboxError: The namespaces are not ready within a minute; the message has the last lines of the log.
    """
    cgroups.make(home)
    root.make(home, node.name)
    _hold(home, node)
    place = controlplane.Place(network(home), _open_door(home))
    _start(home, containerd.COMPONENT, containerd.command())
    return place


def start(home: Path, node: Node) -> None:
    """Start the kubelet, kube-proxy and CoreDNS, and give the Node object the labels and the NPUs of the plan.

    Raises:
        SandboxError: The kubelet does not register its node within a minute.
    """
    _await(
        home,
        "containerd does not answer",
        lambda: _answers(home),
        (HOLDER, DOOR, containerd.COMPONENT),
    )
    _load_pause(home)
    kubelet.admit(home, root.path(home))
    for component, command in kubelet.commands(node.name).items():
        _start(home, component, command)
    _await(
        home,
        "the kubelet does not register its node",
        lambda: _is_registered(home, node),
        COMPONENTS,
    )
    _describe(home, node)


def check(home: Path) -> None:
    """Raise SandboxError unless the sandbox in `home` has a real node that is up."""
    if not is_there(home) or not _entering(home):
        raise SandboxError(
            f"sandbox {home.name} has no real node",
            "start one: ascend-vllm sandbox up --node real",
        )


def load(home: Path, image: Path) -> str:
    """Import the images of an archive for the pods of the node.

    Args:
        home: The directory of the sandbox.
        image: An archive of `docker save`, or in the layout of OCI.

    Returns:
        The output of containerd, with the names of the images.

    Raises:
        SandboxError: The sandbox has no real node, or containerd refuses the file.
    """
    check(home)
    if not image.is_file():
        raise SandboxError(
            f"there is no file {image}",
            "pass an archive written by docker save",
            WRONG_USAGE,
        )
    command = [
        *_entering(home),
        *containerd.ctr("images", "import", "--all-platforms", "-"),
    ]
    with image.open("rb") as archived, interruptible():
        code, output, errors = processes.run_captured(
            command, _environment(home), archived
        )
    if code != 0:
        raise SandboxError(
            f"{image} cannot be imported: {errors.strip()}",
            "pass an archive written by docker save",
        )
    return output.strip()


def images(home: Path) -> list[str]:
    """The names of the images on the node."""
    command = [*_entering(home), *containerd.ctr("images", "list", "--quiet")]
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(home),
    )
    return process.stdout.split()


def inside(home: Path, *command: str) -> list[str]:
    """The command line that runs a command in the network of the node, from which it reaches pods and Services."""
    return [*network(home), *command]


def network(home: Path) -> tuple[str, ...]:
    """The beginning of a command line that runs a command in the node's network; empty without a real node."""
    if not is_there(home):
        return ()
    return (needs.program("nsenter"), f"--net=/proc/{first_process(home)}/ns/net", "--")


def clear(home: Path) -> bool:
    """Remove the cgroups of a node after its processes have ended.

    Returns:
        False if there were none.

    Raises:
        SandboxError: A file system is still mounted below the directory of the sandbox.
    """
    mounted = [
        line
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if f" {home}/" in line
    ]
    if mounted:
        raise SandboxError(
            f"something is mounted below {home}: {mounted[0]}",
            "unmount it, then try again",
        )
    return cgroups.remove(home)


def _hold(home: Path, node: Node) -> None:
    (home / "bin" / HOLDER).symlink_to(needs.program("unshare"))
    command = [
        str(home / "bin" / HOLDER), "--mount", "--propagation=private", "--net", "--pid", "--ipc", "--uts", "--fork",
        "--kill-child", "--", sys.executable, "-I", "-S", init.__file__, str(root.path(home)),
        str(home / "node/mounts.json"), node.name, f"{containerd.ADDRESS}/{containerd.PODS.split('/')[1]}",
    ]  # fmt: skip
    processes.start(command, _environment(home), _log(home, HOLDER))
    _await(
        home,
        "the namespaces of the node cannot be created",
        (root.path(home) / init.READY).exists,
        (HOLDER,),
    )


def _open_door(home: Path) -> int:
    """Forward a free port of the machine's loopback into the network of the node; the number of the port."""
    (home / "bin" / DOOR).symlink_to(sys.executable)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port: int = listening.getsockname()[1]
        listening.set_inheritable(True)
        words = [
            str(home / "bin" / DOOR),
            "-I",
            "-S",
            str(_HERE / "door.py"),
            str(listening.fileno()),
            str(port),
        ]
        processes.start([*network(home), *words], _environment(home), _log(home, DOOR))
    return port


def _start(home: Path, component: str, command: list[str]) -> None:
    processes.start(
        [*_entering(home), *command], _environment(home), _log(home, component)
    )


def _load_pause(home: Path) -> None:
    image = home / "node" / "pause.tar"
    files = {"pause": (home / "bin" / "pause").resolve()}
    archive.write(image, containerd.PAUSE, files, entrypoint=("/pause",))
    load(home, image)
    image.unlink()


def _is_registered(home: Path, node: Node) -> bool:
    return kubectl.call(home, "get", "node", node.name).returncode == 0


def _describe(home: Path, node: Node) -> None:
    """Write the labels and the NPUs of the plan into the Node object."""
    npus = {node.resource: str(node.npus)}
    metadata = {"labels": dict(node.labels), "annotations": asked_for(node)}
    status = {"capacity": npus, "allocatable": npus}
    labels_patch = json.dumps({"metadata": metadata})
    status_patch = json.dumps({"status": status})
    kubectl.kubectl(home, "patch", "node", node.name, f"--patch={labels_patch}")
    kubectl.kubectl(
        home,
        "patch",
        "node",
        node.name,
        f"--patch={status_patch}",
        "--subresource=status",
    )


def _await(
    home: Path, message: str, ready: Callable[[], bool], expected: Sequence[str]
) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        controlplane.check_alive(home, expected)
        if time.monotonic() > deadline:
            raise controlplane.failed_start(message, _log(home, expected[-1]))
        time.sleep(0.05)


def _answers(home: Path) -> bool:
    command = [*_entering(home), *containerd.ctr("version")]
    process = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env=_environment(home),
    )
    return process.returncode == 0


def _entering(home: Path) -> list[str]:
    """The beginning of a command line that runs a command on the node; empty if the node does not run."""
    pid = first_process(home)
    if not pid:
        return []
    return [
        needs.program("nsenter"),
        f"--target={pid}",
        "--mount",
        "--net",
        "--pid",
        "--ipc",
        "--uts",
        "--root",
        "--wd",
        "--",
    ]


def first_process(home: Path) -> int:
    """The process ID, on the machine, of the process that holds the namespaces of the node; 0 if it has ended."""
    for process in processes.marked(str(home)):
        if _is_first(process.pid):
            return process.pid
    return 0


def _is_first(pid: int) -> bool:
    """Whether a process is the first one of a pid namespace directly below ours."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    for line in lines:
        if line.startswith("NSpid:"):
            _, _, *inner_pids = line.split()
            return inner_pids == ["1"]
    return False


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": needs.SEARCH, "HOME": "/root", processes.MARK: str(home)}


def _log(home: Path, component: str) -> Path:
    return home / "logs" / f"{component}.log"
