"""The environment that commands run in: the sandbox's tools, cluster and Pulumi backend, nothing of the user's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox import paths
from sandbox.errors import SandboxError

_NOT_INHERITED = ("PULUMI_", "KUBECONFIG", "KUBERNETES_SERVICE_")


def environment(name: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment for a command in sandbox `name`: PATH, KUBECONFIG and PULUMI_ settings are the sandbox's.

    Raises SandboxError when that sandbox is not up.
    """
    home = paths.home(name)
    if not (home / "bin").is_dir():
        raise SandboxError(f"sandbox {name} is not up", "start it: ascend-vllm sandbox up STACK")
    return {**_inherited(environ), **_settings(home), "PATH": _path(home, environ)}


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_NOT_INHERITED)}


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
        # The file backend would write the whole state again at every step of every resource; a sandbox that is
        # killed is made anew. An interrupted update still saves its state.
        "PULUMI_SKIP_CHECKPOINTS": "true",
        # The engine and the provider collect garbage less often; memory is there.
        "GOGC": "400",
    }
    if _is_our_provider(home):
        settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return settings


def _is_our_provider(home: Path) -> bool:
    provider = (home / "bin" / "pulumi-resource-kubernetes").resolve()
    return provider.is_relative_to(paths.cache_root().resolve())


def _path(home: Path, environ: Mapping[str, str]) -> str:
    # The old language host takes the first python on PATH; it has to be the one with the project's packages.
    first = [str(home / "bin"), str(Path(sys.executable).parent)]
    rest = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry not in first]
    return os.pathsep.join([*first, *rest])
