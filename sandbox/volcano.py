"""Volcano in a sandbox: its resource definitions, scheduler and controller manager."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sandbox import kubectl, paths, processes
from sandbox.controlplane import component_environment
from sandbox.stages import await_served

COMPONENTS = ("vc-scheduler", "vc-controller-manager")

_CONFIGURATION = """\
actions: "enqueue, allocate, backfill"
tiers:
- plugins:
  - name: priority
  - name: gang
  - name: conformance
- plugins:
  - name: overcommit
  - name: drf
  - name: predicates
  - name: proportion
  - name: nodeorder
"""


def start(home: Path, crds: Path, enter: Sequence[str] = ()) -> None:
    """Install the definitions, wait until they are served, and start both programs. They open no port.

    Args:
        home: The directory of the sandbox.
        crds: The directory with the definitions.
        enter: The beginning of a command line that runs a command in the network of a real node.
    """
    kubectl.kubectl(home, "apply", "--server-side", "-f", str(crds))
    await_served(home)
    configuration = home / "volcano.yaml"
    configuration.write_text(_CONFIGURATION)
    common = [
        f"--kubeconfig={paths.kubeconfig(home)}",
        "--leader-elect=false",
        "--enable-healthz=false",
        "--enable-metrics=false",
    ]
    scheduler = [
        *common,
        "--cache-dumper=false",
        f"--scheduler-conf={configuration}",
    ]
    _start(home, enter, "vc-controller-manager", common)
    _start(home, enter, "vc-scheduler", scheduler)


def is_open(home: Path) -> bool:
    """Whether the default queue is open. Volcano then schedules pods."""
    answer = kubectl.call(
        home, "get", "queue", "default", "-o", "jsonpath={.status.state}"
    )
    return answer.stdout == "Open"


def _start(
    home: Path, enter: Sequence[str], program: str, arguments: list[str]
) -> None:
    log = home / "logs" / f"{program}.log"
    # The scheduler would open a socket in /tmp for its log level. It does not if the directory cannot contain a socket.
    variables = {**component_environment(home), "DEBUG_SOCKET_DIR": os.devnull}
    processes.start([*enter, str(home / "bin" / program), *arguments], variables, log)
