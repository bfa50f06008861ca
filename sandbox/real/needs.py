"""What a real node needs of the machine: Linux, root, and programs that distributions package."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from sandbox.errors import SandboxError

SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: below /usr, which the node shares with the machine, and not in the user's PATH."""

PLUGINS = (Path("/usr/lib/cni"), Path("/usr/libexec/cni"))
"""Where distributions have the network plugins of containers."""

LIBRARIES = tuple(
    Path("/usr") / place
    for place in (f"lib/{platform.machine()}-linux-gnu", "lib64", "lib")
)
"""Where distributions have shared libraries."""

_PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "ip": "iproute2",
    "mount": "mount",
    "umount": "mount",
    "pivot_root": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
_PLUGIN_PACKAGE = "containernetworking-plugins"


def check(
    euid: int | None = None,
    search: str = SEARCH,
    plugins: Iterable[Path] = PLUGINS,
    libraries: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Raise SandboxError, with everything that is to be installed, unless a real node can run here.

    `libraries` are further ones that are needed, by file name, with their packages.
    """
    if sys.platform != "linux":
        raise SandboxError(
            "a real node runs on Linux only",
            "use simulated nodes: remove --node real",
        )
    if (os.geteuid() if euid is None else euid) != 0:
        fix = "run the command as root, such as sudo env PATH=$PATH …, or remove --node real"
        raise SandboxError(
            "a real node needs root: it creates namespaces, mounts and cgroups",
            fix,
        )
    missing = [name for name in _PACKAGES if shutil.which(name, path=search) is None]
    packages = {_PACKAGES[name] for name in missing}
    for name in libraries:
        if not any((directory / name).exists() for directory in LIBRARIES):
            missing.append(name)
            packages.add(libraries[name])
    if plugin_directory(plugins) is None:
        missing.append("the network plugins bridge, host-local and loopback")
        packages.add(_PLUGIN_PACKAGE)
    if missing:
        names = " ".join(sorted(packages))
        fix = f"install them, on Debian and Ubuntu: apt-get install --no-install-recommends {names}"
        raise SandboxError(
            f"a real node needs these programs, which are not installed: {', '.join(missing)}",
            fix,
        )


def plugin_directory(plugins: Iterable[Path] = PLUGINS) -> Path | None:
    """The directory with the network plugins, if there is one."""
    wanted = ("bridge", "host-local", "loopback")
    return next(
        (place for place in plugins if all((place / name).exists() for name in wanted)),
        None,
    )


def program(name: str) -> str:
    """The path of a program that `check` found."""
    return shutil.which(name, path=SEARCH) or name
