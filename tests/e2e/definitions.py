"""The definitions of an operator's objects, from its Go module as the sandbox takes Volcano's."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox.gobuild import go_environment
from tests.e2e.sandbox_fixture import Sandbox


@dataclass(frozen=True)
class Operator:
    """Software that defines kinds of objects."""

    module: str
    """Its Go module with the version."""
    sum: str
    """The checksum of the module, as Go gives it."""
    directory: str
    """Where the module has its definitions."""
    group: str
    """The API group of the kinds."""
    kinds: tuple[str, ...]
    """The kinds that a stack makes objects of, in the plural."""

    def install(self, sandbox: Sandbox) -> None:
        """Let the cluster know the kinds."""
        for file in self._files():
            sandbox.kubectl("apply", "--server-side", "-f", str(file))
        names = [f"crd/{kind}.{self.group}" for kind in self.kinds]
        sandbox.kubectl("wait", "--for=condition=Established", *names, "--timeout=120s")

    def remove(self, sandbox: Sandbox) -> None:
        """Let the cluster know them no more; their objects go along."""
        for kind in self.kinds:
            sandbox.kubectl("delete", f"crd/{kind}.{self.group}", "--ignore-not-found", "--wait")

    def _files(self) -> list[Path]:
        done = subprocess.run(
            ["go", "mod", "download", "-json", self.module],
            env=go_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        downloaded = json.loads(done.stdout)
        assert downloaded["Sum"] == self.sum, "another content under the version that is pinned"
        directory = Path(downloaded["Dir"], self.directory)
        return [directory / f"{self.group}_{kind}.yaml" for kind in self.kinds]


PROMETHEUS = Operator(
    module="github.com/prometheus-operator/prometheus-operator@v0.85.0",
    sum="h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    directory="example/prometheus-operator-crd",
    group="monitoring.coreos.com",
    kinds=("podmonitors", "prometheusrules"),
)

KTHENA = Operator(
    module="github.com/volcano-sh/kthena@v1.0.0",
    sum="h1:EgPu0SvuUHbf8Fc+cTiai6t6Hi+tvHlT466O/TSht+s=",
    directory="charts/kthena/charts/networking/crds",
    group="networking.serving.volcano.sh",
    kinds=("modelservers", "modelroutes"),
)
