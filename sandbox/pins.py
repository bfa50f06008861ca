"""The tools of the sandbox: their versions, and how each is built from the Go modules next to this file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

MODULES = Path(__file__).parent / "modules"
GO_MINIMUM = (1, 26)
VOLCANO = "1.14.1"
LEADER_WORKER_SET = "0.9.0"
ANY = "0.0.0"
"""A minimum for programs that cannot say their version: any that runs."""

_PULUMI = "3.259.0"
_LANGUAGE_PYTHON = "3.78.0"
_PROVIDER = "4.18.1"
_KUBERNETES = "1.34.1"
_ETCD = "3.6.4"
_KWOK = "0.8.0"
_COREDNS = "1.12.4"

_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_PROVIDER_VERSION = (
    "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version"
)
# Without these the apiserver reports v0.0.0, and the provider refuses it.
_KUBERNETES_FLAGS = " ".join(
    f"-X {package}.gitVersion=v{_KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor=34"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
)


@dataclass(frozen=True)
class Asset:
    """Files that a tool needs: `sources` (patterns in `go_module`, as `module` pins it) to `target` below the tools."""

    module: str
    go_module: str
    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Tool:
    """One program: `package` of `modules/<module>`, with what makes one that is already on PATH good enough.

    Tools of one `family` are taken from PATH together or not at all. An empty `minimum` means: only our own will do.
    `ask` are the arguments that print the version; none when the program cannot say it.
    """

    name: str
    version: str
    module: str
    package: str
    family: str
    minutes: float
    flags: str = ""
    minimum: str = ""
    ask: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = field(default=())


_K8S = "k8s.io/kubernetes/cmd"
_VOLCANO = "volcano.sh/volcano/cmd"

# The launcher scripts that the language host looks for next to itself are not in its own old module.
_PYTHON_EXEC = Asset(
    "pulumi",
    "github.com/pulumi/pulumi/sdk/v3",
    ("python/cmd/pulumi-language-python-exec",),
    "bin",
)
# Without the jobflow definitions the controller manager never opens the default queue.
_VOLCANO_CRDS = Asset(
    "cluster",
    "volcano.sh/volcano",
    ("config/crd/volcano/bases/*.yaml", "config/crd/jobflow/bases/*.yaml"),
    "crd",
)

TOOLS = (
    Tool(
        "pulumi",
        _PULUMI,
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "pulumi",
        3,
        flags=f"-X {_PULUMI_VERSION}=v{_PULUMI}",
        minimum=_PULUMI,
        ask=("version",),
    ),
    Tool(
        "pulumi-language-python",
        _LANGUAGE_PYTHON,
        "language-python",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        "pulumi",
        0.3,
        flags=f"-X {_PULUMI_VERSION}=v{_LANGUAGE_PYTHON}",
        minimum=ANY,
        assets=(_PYTHON_EXEC,),
    ),
    Tool(
        "pulumi-resource-kubernetes",
        _PROVIDER,
        "provider-kubernetes",
        ".",
        "provider",
        3,
        flags=f"-X {_PROVIDER_VERSION}=v{_PROVIDER}",
        minimum=ANY,
    ),
    Tool(
        "etcd",
        _ETCD,
        "cluster",
        "go.etcd.io/etcd/server/v3",
        "etcd",
        0.5,
        minimum="3.5.0",
        ask=("--version",),
    ),
    Tool(
        "kube-apiserver",
        _KUBERNETES,
        "cluster",
        f"{_K8S}/kube-apiserver",
        "kubernetes",
        1.5,
        flags=_KUBERNETES_FLAGS,
        minimum=_KUBERNETES,
        ask=("--version",),
    ),
    Tool(
        "kube-controller-manager",
        _KUBERNETES,
        "cluster",
        f"{_K8S}/kube-controller-manager",
        "kubernetes",
        0.7,
        flags=_KUBERNETES_FLAGS,
        minimum=_KUBERNETES,
        ask=("--version",),
    ),
    Tool(
        "kubectl",
        _KUBERNETES,
        "cluster",
        f"{_K8S}/kubectl",
        "kubectl",
        0.3,
        flags=_KUBERNETES_FLAGS,
        minimum="1.30.0",
        ask=("version", "--client"),
    ),
    Tool(
        "vc-scheduler",
        VOLCANO,
        "cluster",
        f"{_VOLCANO}/scheduler",
        "volcano",
        0.5,
        flags=_KUBERNETES_FLAGS,
        assets=(_VOLCANO_CRDS,),
    ),
    Tool(
        "vc-controller-manager",
        VOLCANO,
        "cluster",
        f"{_VOLCANO}/controller-manager",
        "volcano",
        0.2,
        flags=_KUBERNETES_FLAGS,
    ),
    Tool(
        "kwok",
        _KWOK,
        "kwok",
        "sigs.k8s.io/kwok/cmd/kwok",
        "kwok",
        0.6,
        minimum=_KWOK,
        ask=("--version",),
    ),
    Tool(
        "kwokctl",
        _KWOK,
        "kwok",
        "sigs.k8s.io/kwok/cmd/kwokctl",
        "kwok",
        0.3,
        minimum=_KWOK,
        ask=("--version",),
    ),
)

NODE_TOOLS = (
    Tool(
        "kubelet",
        _KUBERNETES,
        "node",
        f"{_K8S}/kubelet",
        "node",
        1.5,
        flags=_KUBERNETES_FLAGS,
    ),
    Tool(
        "kube-proxy",
        _KUBERNETES,
        "node",
        f"{_K8S}/kube-proxy",
        "node",
        0.3,
        flags=_KUBERNETES_FLAGS,
    ),
    Tool("coredns", _COREDNS, "coredns", ".", "node", 0.7),
    Tool("pause", "1", "pause", ".", "node", 0.1),
)
"""Further programs that a real node needs."""


# It needs the libraries of Kubernetes 1.36, so it cannot share the module of the control plane.
_LEADER_WORKER_SET_CRDS = Asset(
    "lws",
    "sigs.k8s.io/lws",
    ("config/crd/bases/*.yaml",),
    "crd",
)

GROUP_TOOLS = (
    Tool(
        "lws-manager",
        LEADER_WORKER_SET,
        "lws",
        "sigs.k8s.io/lws/cmd",
        "lws",
        3,
        flags=f"-X sigs.k8s.io/lws/pkg/version.GitVersion=v{LEADER_WORKER_SET}",
        assets=(_LEADER_WORKER_SET_CRDS,),
    ),
)
"""The controller of LeaderWorkerSets, which a sandbox starts for stacks with services over several nodes.

It has a separate key, so a change of its pins does not build the other tools again."""


def key(tools: Iterable[Tool] = TOOLS, modules: Path = MODULES) -> str:
    """A hash over the inputs of the build: module files, packages, flags. Go's version is not in it."""
    digest = hashlib.sha256()
    wanted = tuple(tools)
    used = {tool.module for tool in wanted} | {
        asset.module for tool in wanted for asset in tool.assets
    }
    for path in sorted(
        p for p in modules.glob("*/*") if p.name in ("go.mod", "go.sum", "main.go")
    ):
        if path.parent.name in used:
            digest.update(
                f"{path.parent.name}/{path.name}\0".encode() + path.read_bytes()
            )
    for tool in wanted:
        digest.update(
            repr(
                (tool.name, tool.module, tool.package, tool.flags, tool.assets)
            ).encode()
        )
    return digest.hexdigest()[:16]
