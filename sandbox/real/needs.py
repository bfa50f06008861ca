"""The requirements of a real node: Linux, root, and programs from packages of the distribution."""

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
"""Directories with programs: below /usr, which the node shares with the machine. The user's PATH is not searched."""

PLUGINS = (Path("/usr/lib/cni"), Path("/usr/libexec/cni"))
"""Directories with CNI plugins, as distributions install them."""

LIBRARIES = tuple(
    Path("/usr") / place
    for place in (f"lib/{platform.machine()}-linux-gnu", "lib64", "lib")
)
"""Directories with shared libraries, as distributions install them."""

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
    """Check that a real node can run on this machine.

    Args:
        libraries: Additional libraries, by file name, each with its package.

    Raises:
        SandboxError: Something is missing. The fix lists all packages to install.
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
    """The directory with the CNI plugins, or None."""
    wanted = ("bridge", "host-local", "loopback")
    return next(
        (place for place in plugins if all((place / name).exists() for name in wanted)),
        None,
    )


def program(name: str) -> str:
    """The path of a program that `check` found."""
    return shutil.which(name, path=SEARCH) or name
