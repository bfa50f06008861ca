"""Start etcd, kube-apiserver, kube-controller-manager and kwok with kwokctl, on loopback and free ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox import kubectl, paths, processes
from sandbox.errors import SandboxError
from sandbox.locks import locked
from sandbox.plan import SIMULATED

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kwok-controller")

BEHAVIOUR = ("Stage", "Logs", "ClusterLogs", "PortForward", "ClusterPortForward")
"""Kinds of objects that change the simulated pods: slow starts, crashes, logs, and ports that lead to a server of this
machine (kwok.sigs.k8s.io). They include kwok's default stages: nodes and pods become ready immediately."""

# The API server has to reach a real node by its address: its name cannot be resolved.
_FOR_A_KUBELET = {"kubelet-preferred-address-types": "InternalIP"}
# kwok manages only the nodes with this annotation, so not the real node.
_SIMULATE = {
    "manage-all-nodes": "false",
    "manage-nodes-with-annotation-selector": f"{SIMULATED}=fake",
}

# With leader election, it exits if the API server does not answer for ten seconds, and nothing starts it again.
_ALONE = {"leader-elect": "false"}

_SECONDS = 60
_ATTEMPTS = 3
_WORTH_ANOTHER_ATTEMPT = (
    "address already in use",
    "failed to wait for apiserver being healthy",
)
"""Failures that another attempt can avoid: another program took a port, or the machine is so busy that the API server
was not healthy within ten seconds, after which kube-controller-manager exits. A kubelet would start it again."""

_BINARIES = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kwok-controller": "kwok",
}


@dataclass(frozen=True)
class Place:
    """Where the control plane runs: in the network of the machine, or in that of a real node."""

    enter: tuple[str, ...] = ()
    """The beginning of a command line that runs a command in the node's network; empty for the machine's network."""
    port: int = 0
    """The port of the API server; 0 for any free port."""


def start(home: Path, place: Place = Place()) -> None:
    """Start the control plane of the sandbox in `home`, and wait until the API server answers.

    Raises:
        SandboxError: A component exits, or nothing answers within a minute. The message has the last lines of the log.
    """
    configuration = home / "kwok.json"
    configuration.write_text(json.dumps(_configuration(home, place)))
    # kwokctl searches free ports from the same number down: two at the same time would choose the same port.
    with locked(paths.cache_root() / "start.lock", "starting a cluster"):
        _try_to_create(home, [*place.enter, *_command(home, configuration)], _ATTEMPTS)


def _try_to_create(home: Path, command: list[str], attempts: int) -> None:
    """Create the cluster, and wait until it is healthy. Try again if another attempt can succeed."""
    try:
        _create(home, command)
        _await_ports(home)
        _await_healthy(home)
    except SandboxError as failure:
        can_succeed = any(reason in str(failure) for reason in _WORTH_ANOTHER_ATTEMPT)
        if not can_succeed or attempts == 1:
            raise
        processes.stop(str(home))
        shutil.rmtree(home / "kwok", ignore_errors=True)
        _try_to_create(home, command, attempts - 1)


def _await_ports(home: Path) -> None:
    """Wait until every component listens. Until then, the next sandbox could choose the same port."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        check_alive(home, COMPONENTS)
        if all(processes.listens(pid) for pid in _component_pids(home)):
            return
        time.sleep(0.05)


def _await_healthy(home: Path) -> None:
    """Wait until the API server is healthy. Until then, kube-controller-manager may exit."""
    deadline = time.monotonic() + _SECONDS
    while kubectl.call(home, "get", "--raw", "/healthz").returncode != 0:
        check_alive(home, COMPONENTS)
        if time.monotonic() > deadline:
            message = f"the API server was not healthy within {_SECONDS} s"
            raise failed_start(message, paths.component_log(home, "kube-apiserver"))
        time.sleep(0.1)
    check_alive(home, COMPONENTS)


def _component_pids(home: Path) -> list[int]:
    running = processes.marked(str(home))
    return [process.pid for process in running if process.name in COMPONENTS]


def _create(home: Path, command: list[str]) -> None:
    log = home / "logs" / "kwokctl.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=_environment(home), cwd=home, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            _watch(process, home, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def component_environment(home: Path) -> dict[str, str]:
    """The environment of the components: the mark, and none of the user's settings and directories."""
    return {
        "PATH": f"{home / 'bin'}:{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        processes.MARK: str(home),
    }


def check_alive(home: Path, components: Iterable[str]) -> None:
    """Check that all components run.

    Raises:
        SandboxError: A component does not run. The message has the last lines of its log.
    """
    missing = _missing(home, components)
    if missing:
        # During its exec, a process shows no environment, so look again.
        time.sleep(0.2)
        missing = _missing(home, components)
    if missing:
        message = f"{missing[0]} exited while the sandbox was starting"
        raise failed_start(message, paths.component_log(home, missing[0]))


def failed_start(message: str, log: Path) -> SandboxError:
    """The error of a failed start, with the last lines of the log of the failed component."""
    fix = "fix the cause, then run: ascend-vllm sandbox up"
    return SandboxError(f"{message}; the last lines of {log}:\n{paths.tail(log)}", fix)


def _missing(home: Path, components: Iterable[str]) -> list[str]:
    alive = {process.name for process in processes.marked(str(home))}
    return [component for component in components if component not in alive]


def _configuration(home: Path, place: Place) -> dict[str, object]:
    options: dict[str, object] = {
        "bindAddress": "127.0.0.1",  # the default is 0.0.0.0, also for etcd's peers and the server of kwok
        "disableQPSLimits": True,
        "kubectlBinary": str(home / "bin/kubectl"),
        "enableCRDs": list(BEHAVIOUR),
    }
    if place.port:
        options["kubeApiserverPort"] = place.port
    # With the default, the API server deletes the objects of a namespace one after the other.
    api_server = {"delete-collection-workers": "16"}
    controller: dict[str, str] = {}
    if place.enter:
        api_server |= _FOR_A_KUBELET
        controller |= _SIMULATE
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": options,
        "componentsPatches": [
            _patch("kube-apiserver", api_server),
            _patch("kube-controller-manager", _ALONE),
            _patch("kwok-controller", controller),
        ],
    }


def _patch(component: str, arguments: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": component,
        "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()],
    }


def _command(home: Path, configuration: Path) -> list[str]:
    binaries = [
        f"--{component}-binary={home / 'bin' / binary}"
        for component, binary in _BINARIES.items()
    ]
    return [
        str(home / "bin" / "kwokctl"), "create", "cluster", f"--name={home.name}", f"--config={configuration}",
        "--runtime=binary", f"--kubeconfig={paths.kubeconfig(home)}", "--disable=kube-scheduler", *binaries,
    ]  # fmt: skip


def _environment(home: Path) -> Mapping[str, str]:
    return {**component_environment(home), "KWOK_WORKDIR": str(home / "kwok")}


def _watch(process: subprocess.Popen[bytes], home: Path, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    pid_files = home / "kwok/clusters" / home.name / "pids"
    while process.poll() is None and time.monotonic() < deadline:
        started = [file.stem for file in pid_files.glob("*.pid")]
        check_alive(home, started)
        time.sleep(0.05)
    if process.poll() != 0:
        raise failed_start("the control plane did not start", log)
