"""Start etcd, kube-apiserver, kube-controller-manager and kwok by kwokctl, on loopback and free ports."""

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

from sandbox import paths, processes
from sandbox.errors import SandboxError
from sandbox.locks import locked
from sandbox.plan import SIMULATED

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kwok-controller")

BEHAVIOUR = ("Stage", "Logs", "ClusterLogs", "PortForward", "ClusterPortForward")
"""What a user may add to the cluster to have pods start slowly, crash, say something or lead a port to a server of this
machine (kwok.sigs.k8s.io); kwok's own stages, by which nodes and pods become ready at once, are there too."""

# Logs and exec of a real node would look its name up.
_FOR_A_KUBELET = {"kubelet-preferred-address-types": "InternalIP"}
# kwok leaves the real node alone.
_SIMULATE = {
    "manage-all-nodes": "false",
    "manage-nodes-with-annotation-selector": f"{SIMULATED}=fake",
}

_SECONDS = 60
_ATTEMPTS = 3
_BINARIES = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kwok-controller": "kwok",
}


@dataclass(frozen=True)
class Place:
    """Where the control plane runs: here, or beside a real node."""

    enter: tuple[str, ...] = ()
    """Words before a command that run it in the node's network; none for the machine's own."""
    port: int = 0
    """The port of the API server; 0 for any that is free."""


def start(home: Path, place: Place = Place()) -> None:
    """Start the control plane of the sandbox in `home` and wait until the API server answers.

    Raises SandboxError with the last log lines when a component dies or nothing answers within a minute.
    """
    configuration = home / "kwok.json"
    configuration.write_text(json.dumps(_configuration(home, place)))
    # kwokctl looks for free ports from the same one down: two at a time would choose the same.
    with locked(paths.cache_root() / "start.lock", "starting a cluster"):
        _try_to_create(home, [*place.enter, *_command(home, configuration)], _ATTEMPTS)
        _await_ports(home)


def _try_to_create(home: Path, command: list[str], attempts: int) -> None:
    """Create the cluster, on other ports when somebody outside the lock took one that was free."""
    try:
        _create(home, command)
    except SandboxError as failure:
        if "address already in use" not in str(failure) or attempts == 1:
            raise
        processes.stop(str(home))
        shutil.rmtree(home / "kwok", ignore_errors=True)
        _try_to_create(home, command, attempts - 1)


def _await_ports(home: Path) -> None:
    """Wait until every component listens: a port that is chosen and not yet taken looks free to the next sandbox."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        check_alive(home, COMPONENTS)
        components = [
            process
            for process in processes.marked(str(home))
            if process.name in COMPONENTS
        ]
        if all(processes.listens(process.pid) for process in components):
            return
        time.sleep(0.05)


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
    """What the components themselves see: the mark, and no setting, home or temporary directory of the user's."""
    return {
        "PATH": f"{home / 'bin'}:{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        processes.MARK: str(home),
    }


def check_alive(home: Path, components: Iterable[str]) -> None:
    """Raise SandboxError with the last log lines of the first component that is not running."""
    for component in _missing(home, components) and _missing(
        home, components, after=0.2
    ):
        raise failed_start(
            f"{component} exited while the sandbox was starting",
            paths.component_log(home, component),
        )


def failed_start(message: str, log: Path) -> SandboxError:
    """The error of a start that failed, with the last words of the component to blame."""
    fix = "fix the cause, then run: ascend-vllm sandbox up"
    return SandboxError(f"{message}; the last lines of {log}:\n{paths.tail(log)}", fix)


def _missing(home: Path, components: Iterable[str], after: float = 0) -> list[str]:
    # A process in the middle of its exec shows no environment: whoever is missing is looked for twice.
    time.sleep(after)
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
    while process.poll() is None and time.monotonic() < deadline:
        check_alive(
            home,
            [
                pid.stem
                for pid in (home / "kwok/clusters" / home.name / "pids").glob("*.pid")
            ],
        )
        time.sleep(0.05)
    if process.poll() != 0:
        raise failed_start("the control plane did not start", log)
