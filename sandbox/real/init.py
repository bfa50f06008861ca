"""The first process of a real node: it creates the network and the root, then collects the processes that end.

`unshare` runs it in new namespaces, with Python's standard library only: init.py ROOT MOUNTS NAME ADDRESS. When this
process is killed, the mounts, the network and all processes of the node end with it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

BRIDGE = "sandbox0"
READY = "run/sandbox-ready"


def main() -> None:
    """Create the node, create a file that shows this, and wait forever."""
    root, mounts, name, address = sys.argv[1:]
    socket.sethostname(name)
    network(address)
    file_system(Path(root), json.loads(Path(mounts).read_text(encoding="utf-8")))
    os.close(os.open(f"/{READY}", os.O_CREAT, 0o600))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    while True:
        with suppress(ChildProcessError):
            os.wait()
            continue
        signal.sigtimedwait([signal.SIGCHLD], 1)


def network(address: str) -> None:
    """Create the loopback interface and a bridge for the pods. No route leads out of this namespace."""
    for arguments in (
        "link set lo up", f"link add {BRIDGE} type bridge", f"addr add {address} dev {BRIDGE}",
        f"link set {BRIDGE} up", f"route add default dev {BRIDGE}",
    ):  # fmt: skip
        run("ip", *arguments.split())


def file_system(root: Path, mounts: list[list[str]]) -> None:
    """Mount everything onto the root, make it the root of this namespace, and unmount the machine's root."""
    run("mount", "--bind", str(root), str(root))
    run("mount", "-t", "proc", "proc", str(root / "proc"))
    for directory in ("sys", "dev"):
        run("mount", "--rbind", f"/{directory}", str(root / directory))
    for source, target in mounts:
        run("mount", "--bind", "-o", "ro", source, str(root / target))
    os.chdir(root)
    run("pivot_root", ".", "old")
    os.chdir("/")
    run("umount", "--lazy", "/old")


def run(*command: str) -> None:
    """Run a command of the machine. If it fails, this process ends."""
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
