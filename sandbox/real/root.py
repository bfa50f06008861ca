"""The root directory of a real node. The node mounts programs and libraries of the machine into it.

They are mounted read-only below /usr, except /usr/local. All other files belong to the node, so driver, add-ons, DCMI,
hccn.conf and npu-smi exist only there. The mounts are in the node's mount namespace: for the machine, this is a plain
directory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from sandbox.real import containerd, kubelet

_DIRECTORIES = (
    "etc", "dev", "mnt", "old", "opt", "proc", "root", "run", "sys", "tmp", "usr", "usr/local/bin", "usr/local/sbin",
    "usr/local/Ascend/add-ons", "usr/local/Ascend/driver/lib64", "usr/local/dcmi", "var/cache", "var/lib", "var/log",
)  # fmt: skip

_ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\n"

_NPU_SMI = """\
#!/bin/sh
# A stand-in: this node has no NPU.
echo "npu-smi 23.0.6 (stand-in of a sandbox)"
"""

_FILES = {
    "etc/passwd": _ACCOUNTS,
    "etc/group": "root:x:0:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/nsswitch.conf": "hosts: files\n",
    "etc/resolv.conf": "",
    "etc/ascend_install.info": "Driver_Install_Path_Param=/usr/local/Ascend\n",
    "etc/hccn.conf": "address_0=29.89.132.13\nnetmask_0=255.255.0.0\n",
    "usr/local/Ascend/driver/version.info": "Version=23.0.6\nascendhal_version=7.35.23\n",
    "usr/local/Ascend/add-ons/version.info": "Version=stand-in\n",
}

TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
}
"""Kernel settings that a kubelet would change. It finds files with the expected values instead."""


def path(home: Path) -> Path:
    """The root directory of the real node, as a path of the machine."""
    return home / "node" / "root"


def make(home: Path, name: str) -> None:
    """Create the directory, and the list of the mounts on it (`node/mounts.json`)."""
    root = path(home)
    for directory in _DIRECTORIES:
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for file, text in _FILES.items():
        (root / file).write_text(text, encoding="utf-8")
    shutil.copyfile("/etc/localtime", root / "etc/localtime")
    for directory in ("usr/local/sbin", "usr/local/bin"):
        (root / directory / "npu-smi").write_text(_NPU_SMI, encoding="utf-8")
        (root / directory / "npu-smi").chmod(0o755)
    containerd.configure(root)
    kubelet.configure(home, root, name)
    mounts = [*_machine(root), *_programs(home, root), *_tunables(home)]
    (home / "node" / "mounts.json").write_text(json.dumps(mounts), encoding="utf-8")


def _machine(root: Path) -> Iterator[tuple[str, str]]:
    """The directories of the machine that the node sees, read-only: source and target."""
    for entry in sorted(Path("/usr").iterdir()):
        if entry.name != "local" and entry.is_dir() and not entry.is_symlink():
            (root / "usr" / entry.name).mkdir(exist_ok=True)
            yield str(entry), f"usr/{entry.name}"
    for entry in sorted(Path("/").iterdir()):
        if entry.name in ("bin", "sbin") or entry.name.startswith("lib"):
            if entry.is_symlink():
                (root / entry.name).symlink_to(entry.readlink())
            else:
                (root / entry.name).mkdir()
                yield str(entry), entry.name
    if Path("/etc/alternatives").is_dir():
        (root / "etc/alternatives").mkdir()
        yield "/etc/alternatives", "etc/alternatives"


def _programs(home: Path, root: Path) -> Iterator[tuple[str, str]]:
    """The programs of the sandbox, which are in the user's cache: source and target."""
    for program in kubelet.COMPONENTS:
        (root / "usr/local/bin" / program).touch()
        yield str((home / "bin" / program).resolve()), f"usr/local/bin/{program}"


def _tunables(home: Path) -> Iterator[tuple[str, str]]:
    for number, (name, value) in enumerate(TUNABLES.items()):
        file = home / "node" / f"tunable-{number}"
        file.write_text(f"{value}\n", encoding="utf-8")
        yield str(file), f"proc/sys/{name}"
