"""The environment of commands in a sandbox: its tools, its cluster and its Pulumi backend, none of the user's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sandbox import paths
from sandbox.errors import SandboxError

_PROVIDER = "pulumi-resource-kubernetes"
_NOT_INHERITED = ("PULUMI_", "KUBECONFIG", "KUBERNETES_SERVICE_")


def environment(name: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a command in a sandbox, which sets PATH, KUBECONFIG and the variables of Pulumi.

    Args:
        name: The sandbox.
        environ: The environment of the caller.

    Raises:
        SandboxError: The sandbox is not up.
    """
    home = paths.home(name)
    if not (home / "bin").is_dir():
        raise SandboxError(
            f"sandbox {name} is not up", "start it: ascend-vllm sandbox up STACK"
        )
    variables = {
        key: value
        for key, value in environ.items()
        if not key.startswith(_NOT_INHERITED)
    }
    variables |= _settings(home)
    variables["PATH"] = _path(home, environ)
    return variables


def _settings(home: Path) -> dict[str, str]:
    settings = {
        "KUBECONFIG": str(paths.kubeconfig(home)),
        "KUBECACHEDIR": str(home / "kube-cache"),
        # The provider leaves a copy of the kubeconfig in the temporary directory at every update.
        "TMPDIR": str(home / "tmp"),
        "PULUMI_HOME": str(home / "pulumi" / "home"),
        "PULUMI_BACKEND_URL": f"file://{home / 'pulumi' / 'state'}",
        # Nothing in a sandbox is secret.
        "PULUMI_CONFIG_PASSPHRASE": "sandbox",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The file backend would write the whole state at every step of every resource. A sandbox that is killed is
        # created again, and an interrupted update still saves its state.
        "PULUMI_SKIP_CHECKPOINTS": "true",
        # Pulumi and the provider collect garbage less often: they are faster, and use more memory.
        "GOGC": "400",
    }
    if _is_our_provider(home):
        settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        _offer_provider(home)
        # Without these, Pulumi warns that the provider is on PATH, and that it is older than its package.
        settings["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
        settings["PULUMI_DEV"] = "true"
    return settings


def _offer_provider(home: Path) -> None:
    """Install our provider in the sandbox as the version that the package `pulumi-kubernetes` requires.

    Ours is older: it is the newest one that can be built from Go modules.
    """
    with suppress(PackageNotFoundError, FileExistsError):
        directory = f"resource-kubernetes-v{version('pulumi-kubernetes')}"
        plugin = home / "pulumi" / "home" / "plugins" / directory / _PROVIDER
        plugin.parent.mkdir(parents=True, exist_ok=True)
        plugin.symlink_to(home / "bin" / _PROVIDER)


def _is_our_provider(home: Path) -> bool:
    provider = (home / "bin" / _PROVIDER).resolve()
    return provider.is_relative_to(paths.cache_root().resolve())


def _path(home: Path, environ: Mapping[str, str]) -> str:
    # The old language host runs the first python on PATH, which must have the packages of the project.
    first = [str(home / "bin"), str(Path(sys.executable).parent)]
    path = environ.get("PATH", os.defpath)
    rest = [entry for entry in path.split(os.pathsep) if entry not in first]
    return os.pathsep.join([*first, *rest])
